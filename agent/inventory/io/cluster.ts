import type { Clock } from '../../../proto/base/clock.ts'
import { FleetError } from '../../../proto/base/errors.ts'
import { apiVersionOf } from '../../../proto/model/object-ref.ts'
import type { ImpersonatedKube, ObjectAt } from '../../kube/model.ts'
import { untilLive } from '../../kube/until-live.ts'
import type { Item } from '../model.ts'
import type { PruneCluster } from '../ports.ts'

/** The cluster as one ServiceAccount, for pruning. */
export function openPruneCluster(kube: ImpersonatedKube, { clock }: { readonly clock: Clock }): PruneCluster {
  return {
    async live(item, signal) {
      try {
        return await kube.get(at(item), { signal })
      } catch (error) {
        // The kind is not served any more, and its objects are gone with it.
        if (error instanceof FleetError && error.code === 'not-found') return undefined
        throw error
      }
    },
    async remove(item, { uid, signal }) {
      await kube.remove(at(item), { uid, signal })
    },
    gone: (item, { uid, ...wait }) => untilLive({ kube, clock }, at(item), { ...wait, enough: (live) => live?.metadata.uid !== uid }),
  }
}

function at({ ref, version }: Item): ObjectAt {
  return {
    apiVersion: apiVersionOf(ref.group, version),
    kind: ref.kind,
    name: ref.name,
    ...(ref.namespace ? { namespace: ref.namespace } : {}),
  }
}
