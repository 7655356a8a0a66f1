import { FleetError } from '../../../proto/base/errors.ts'
import { type FetchBundlesResponse, FetchBundlesResponse_Encoding } from '../../../proto/gen/fleet/v1/agent.ts'
import type { ClusterId } from '../../../proto/model/ids.ts'
import type { Sql } from '../../db/db.ts'

const CHUNK_BYTES = 512 * 1024
const MAX_DIGESTS = 1000
/** So many may be answered at once; each holds one bundle in memory. */
const MAX_CONCURRENT = 64
const NOTHING = Buffer.alloc(0)

/** Gives bundles to clusters that should have them, within a bound on how many are sent at once. */
export function openBundles(
  sql: Sql,
  sent: (bytes: number) => void = () => undefined,
): { fetch(clusterId: ClusterId, digests: readonly string[]): AsyncGenerator<FetchBundlesResponse> } {
  let sending = 0
  return {
    async *fetch(clusterId, digests) {
      if (digests.length > MAX_DIGESTS)
        throw new FleetError('too-large', `fetch bundles: ${digests.length} digests in one call; ask for ${MAX_DIGESTS} at most`)
      if (sending >= MAX_CONCURRENT) throw new FleetError('exhausted', 'fetch bundles: too many fetch at once; try again soon')
      sending++
      try {
        const allowed = await permitted(sql, clusterId, digests)
        for (const digest of digests) yield* allowed.has(digest) ? chunks(sql, digest, sent) : refusal(digest)
      } finally {
        sending--
      }
    },
  }
}

/** A cluster may have what it should hold, and nothing else; what does not exist answers the same. */
async function permitted(sql: Sql, clusterId: ClusterId, digests: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await sql.query<{ bundle: string }>('select distinct bundle from desired where cluster_id = $1 and bundle = any($2)', [
    clusterId,
    digests,
  ])
  return new Set(rows.map(({ bundle }) => bundle))
}

async function* chunks(sql: Sql, digest: string, sent: (bytes: number) => void): AsyncGenerator<FetchBundlesResponse> {
  const { rows } = await sql.query<{ encoding: string; bytes: Buffer }>('select encoding, bytes from bundles where digest = $1', [digest])
  const bundle = rows[0]
  if (!bundle) {
    yield* refusal(digest)
    return
  }
  const encoding = bundle.encoding === 'zstd' ? FetchBundlesResponse_Encoding.ZSTD : FetchBundlesResponse_Encoding.IDENTITY
  const head = { digest, encoding, totalBytes: BigInt(bundle.bytes.length), refused: '' }
  for (let offset = 0; offset === 0 || offset < bundle.bytes.length; offset += CHUNK_BYTES) {
    yield { ...head, offset: BigInt(offset), chunk: bundle.bytes.subarray(offset, offset + CHUNK_BYTES) }
  }
  sent(bundle.bytes.length)
}

function* refusal(digest: string): Generator<FetchBundlesResponse> {
  const refused = 'this cluster has no object that should be this bundle'
  yield { digest, encoding: FetchBundlesResponse_Encoding.IDENTITY, totalBytes: 0n, offset: 0n, chunk: NOTHING, refused }
}
