import { FleetError } from '../../../proto/base/errors.ts'
import { CLUSTER_LABEL } from '../../../proto/model/names.ts'
import type { ResourceKind } from '../../../proto/model/resource/kind.ts'
import { ALL_CLUSTERS, pathOf } from '../kinds.ts'
import type { Session } from '../session.ts'
import { describe, type Where } from './wait.ts'

/** Every cluster that has the object, or the one that was named. @throws `not-found` when none has it */
export async function placesOf(session: Session, kind: ResourceKind, { cluster, name, namespace }: Where): Promise<readonly Where[]> {
  const hub = await session.hub()
  const at = { cluster: cluster ?? ALL_CLUSTERS, namespace }
  const { items } = await hub.list(pathOf(kind, at), { signal: session.signal, query: { fieldSelector: `metadata.name=${name}` } })
  if (items.length === 0)
    throw new FleetError(
      'not-found',
      `${describe(kind, { cluster, name, namespace })} not found; flotilla get ${kind.plural} -A shows what there is`,
    )
  return items.map(({ metadata }) => ({ cluster: cluster ?? metadata.labels?.[CLUSTER_LABEL], namespace, name }))
}
