import { formatRef } from '../../proto/model/object-ref.ts'
import { placementChooser } from './decide.ts'
import type { ClusterFacts, PlacementFacts, TargetState } from './model.ts'
import type { Detail } from './ports.ts'

/** Why a cluster has the objects of a Placement, or has not. */
export interface Explained {
  readonly cluster: string
  readonly state: TargetState | 'left-out'
  /** One sentence each. */
  readonly reasons: readonly string[]
}

/** Explains one cluster after another; `detail` is what rows say of it, where they say anything. */
export function explainer(placement: PlacementFacts): (cluster: ClusterFacts, detail: Detail | undefined) => Explained {
  const whyNot = placementChooser(placement)
  return (cluster, detail) => explain(cluster, detail, whyNot(cluster))
}

function explain(cluster: ClusterFacts, detail: Detail | undefined, leftOut: string | undefined): Explained {
  const reasons = detail ? reasonsOf(detail) : []
  if (!detail)
    return {
      cluster: cluster.name,
      state: leftOut === undefined ? 'pending' : 'left-out',
      reasons: [leftOut ?? 'it is about to be looked at'],
    }
  return { cluster: cluster.name, state: detail.state, reasons: leftOut === undefined ? reasons : [leftOut, ...reasons] }
}

function reasonsOf({ keptBack, ...detail }: Detail): readonly string[] {
  const held = keptBack === undefined ? [] : [`Rollout ${keptBack} has not given it the newest objects yet`]
  return held.length > 0 && detail.rows.length + detail.problems.length === 0 ? held : [...reasonsBeside(detail), ...held]
}

function reasonsBeside({ problems, rows, state }: Detail): readonly string[] {
  const refused = problems.map(({ message, object }) => (object ? `${object}: ${message}` : message))
  const told = rows.flatMap(({ leaving, message, ref, state: row }) => {
    if (message !== '') return [`${formatRef(ref)}: ${message}`]
    if (leaving !== undefined) return [`${formatRef(ref)}: ${leaving === 'delete' ? 'is to be deleted' : 'is to be let go'}`]
    return row === 'pending' ? [`${formatRef(ref)}: sent, not confirmed yet`] : []
  })
  if (refused.length + told.length > 0) return [...refused, ...told, ...(state === 'offline' ? ['the cluster is not connected'] : [])]
  if (state === 'placed') return [`all parts of the selector hold; ${rows.length} ${rows.length === 1 ? 'object is' : 'objects are'} there`]
  return [state === 'offline' ? 'the cluster is not connected' : 'nothing has been sent yet']
}
