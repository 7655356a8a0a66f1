import type { ClusterId } from '../../../proto/model/ids.ts'
import { refKey } from '../../../proto/model/object-ref.ts'
import { setDigestOf } from '../../../proto/model/set-digest.ts'
import type { Sql } from '../../db/db.ts'

/** What an agent says with a heartbeat about what it has reported. */
export interface Claim {
  /** Last sequence reported per lane. */
  readonly sequences: Readonly<Record<string, bigint>>
  /** Digest over (object, resourceVersion) of all that it told. */
  readonly mirrorDigest: string
}

/**
 * Whether what the hub holds of a cluster is what its agent told: `behind` while reports are still under way.
 * A mismatch is what a lost message, or a database that was set back, looks like.
 */
async function compareMirror(
  sql: Sql,
  clusterId: ClusterId,
  { boot, claim }: { readonly boot: bigint; readonly claim: Claim },
): Promise<'same' | 'behind' | 'differs'> {
  const { rows } = await sql.query<{ lane: string; boot: bigint; sequence: bigint }>(
    'select lane, boot, sequence from report_positions where cluster_id = $1',
    [clusterId],
  )
  const folded = new Map(rows.map((row) => [row.lane, row]))
  const objects = claim.sequences.objects ?? 0n
  const at = folded.get('objects')
  if (objects === 0n) return 'behind'
  if (!at || at.boot < boot || (at.boot === boot && at.sequence < objects)) return 'behind'
  const held = await sql.query<{ group: string; kind: string; namespace: string; name: string; version: string }>(
    `select grp as "group", kind, namespace, name, coalesce(origin_version, '') as version from objects where scope = $1`,
    [clusterId],
  )
  return setDigestOf(held.rows.map((row) => [refKey(row), row.version])) === claim.mirrorDigest ? 'same' : 'differs'
}

/** Watches whether agents and hub agree, heartbeat by heartbeat. */
export class MirrorCheck {
  readonly #sql: Sql
  readonly #differs: (cluster: ClusterId) => void
  readonly #boots = new Map<ClusterId, bigint>()
  readonly #times = new Map<ClusterId, number>()
  readonly #same = new Map<ClusterId, string>()

  /** `differs` is told of a mismatch that stays from one heartbeat to the next: reports under way do not explain it. */
  constructor(sql: Sql, differs: (cluster: ClusterId) => void) {
    this.#sql = sql
    this.#differs = differs
  }

  greeted(cluster: ClusterId, boot: bigint): void {
    this.#boots.set(cluster, boot)
    this.#same.delete(cluster)
  }

  left(cluster: ClusterId): void {
    for (const map of [this.#boots, this.#times, this.#same]) map.delete(cluster)
  }

  async pulse(cluster: ClusterId, claim: Claim): Promise<void> {
    const said = `${claim.sequences.objects}/${claim.mirrorDigest}`
    if (this.#same.get(cluster) === said) return
    const found = await compareMirror(this.#sql, cluster, { boot: this.#boots.get(cluster) ?? 0n, claim })
    if (found === 'same') this.#same.set(cluster, said)
    const times = found === 'differs' ? (this.#times.get(cluster) ?? 0) + 1 : 0
    this.#times.set(cluster, times)
    if (times === 2) this.#differs(cluster)
  }
}
