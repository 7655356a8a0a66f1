import { FleetError } from '../../../proto/base/errors.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { CLUSTER_LABEL } from '../../../proto/model/names.ts'
import type { ResourceKind } from '../../../proto/model/resource/kind.ts'
import { ALL_CLUSTERS, pathOf } from '../kinds.ts'
import type { Session } from '../session.ts'
import { describe, type Where } from './wait.ts'

/** An object, and the cluster that it was found in. */
export interface Found {
  readonly where: Where & { readonly cluster: string }
  readonly object: Manifest
}

/** Every cluster that has the object, or the one that was named. @throws `not-found` when none has it */
export async function placesOf(session: Session, kind: ResourceKind, { cluster, name, namespace }: Where): Promise<readonly Found[]> {
  const hub = await session.hub()
  const at = { cluster: cluster ?? ALL_CLUSTERS, namespace }
  const { items } = await hub.list(pathOf(kind, at), { signal: session.signal, query: { fieldSelector: `metadata.name=${name}` } })
  if (items.length === 0)
    throw new FleetError(
      'not-found',
      `${describe(kind, { cluster, name, namespace })} not found; flotilla get ${kind.plural} -A shows what there is`,
    )
  return items.map((object) => ({
    where: { cluster: cluster ?? object.metadata.labels?.[CLUSTER_LABEL] ?? '', namespace, name },
    object,
  }))
}

/** The one place that a change is about. @throws `invalid` with the clusters' names when it could be several */
export function onlyPlace(kind: ResourceKind, found: readonly Found[], more = ''): Found {
  const [first, second] = found
  if (first && !second) return first
  const names = found.map(({ where }) => where.cluster).sort()
  const what = first ? describe(kind, { ...first.where, cluster: undefined }) : kind.kind
  throw new FleetError('invalid', `${what} is in ${names.length} clusters: ${names.join(', ')}; say which with --cluster NAME${more}`)
}
