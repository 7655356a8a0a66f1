import type { ClusterId } from '../../proto/model/ids.ts'
import type { ObjectRef } from '../../proto/model/object-ref.ts'
import type { Report } from '../../proto/model/report.ts'

/** Something was heard of a cluster: of one object there, of facts that its agent took, or, where neither is said, of anything. */
export interface News {
  readonly cluster: ClusterId
  readonly object?: ObjectRef
  /** Facts after the one position and up to the other are on the agent's disk. */
  readonly taken?: { readonly after: bigint; readonly upTo: bigint }
}

/** A report of more objects than that is of the whole cluster. */
const MANY = 50

/** What a report tells Rollouts of: everything that how a cluster does is judged by. */
export function newsOf(cluster: ClusterId, report: Report): readonly News[] {
  const { applied, deletions, events, list, objects, placed, reached, stragglers } = report
  // Whose an object was that is gone, nobody can tell any more.
  if (list || deletions.length > 0) return [{ cluster }]
  const refs = [
    ...objects.map(({ ref }) => ref),
    ...reached.map(({ source }) => source),
    ...[...applied, ...events, ...placed, ...stragglers].map(({ object }) => object),
  ]
  return refs.length > MANY ? [{ cluster }] : refs.map((object) => ({ cluster, object }))
}
