import type { Db } from '../../db/db.ts'
import { lineageBits } from '../version.ts'

const FRESH_MS = 1000

/** The lineage bits of the database, read again every second: a failover changes them while the hub runs. */
export function cachedLineage(db: Db): () => Promise<bigint> {
  let known: { readonly bits: Promise<bigint>; readonly at: number } | undefined
  return () => {
    const now = performance.now()
    if (!known || now - known.at > FRESH_MS) {
      const bits = db.lineage().then(lineageBits)
      known = { bits, at: now }
      bits.catch(() => {
        known = undefined
      })
    }
    return known.bits
  }
}
