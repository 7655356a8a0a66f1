import { FleetError } from '../../../proto/base/errors.ts'
import { fluxKind } from '../../../proto/model/flux/kinds.ts'
import type { ServiceAccountRef } from '../../../proto/model/identities.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { PLACEMENT_MANAGER } from '../../../proto/model/names.ts'
import { apiVersionOf, formatRef, type ObjectRef } from '../../../proto/model/object-ref.ts'
import type { ImpersonatedKube, Kube, ObjectAt } from '../../kube/model.ts'
import type { PlacedCluster } from '../ports.ts'

export interface PlacedClusterDeps {
  /** The agent's own rights: it may read Flux objects. */
  readonly own: Kube
  readonly as: (account: ServiceAccountRef) => ImpersonatedKube
  readonly mirrored: (ref: ObjectRef) => Manifest | undefined
  /** Hears what the API server answered to a write, ahead of the watch. */
  readonly wrote: (manifest: Manifest) => void
}

/** Reads under the agent's own identity; everything else under the one that is named. */
export function openPlacedCluster({ as, mirrored, own, wrote }: PlacedClusterDeps): PlacedCluster {
  return {
    mirrored,
    async live(ref, signal) {
      const manifest = await own.get(at(ref), { signal }).catch((error: unknown) => {
        if (error instanceof FleetError && error.code === 'not-found') return undefined
        throw error
      })
      return manifest && { manifest, managedFields: manifest.metadata.managedFields ?? [] }
    },
    async apply(account, manifest, signal) {
      wrote(await as(account).apply(manifest, { fieldManager: PLACEMENT_MANAGER, force: true, signal }))
    },
    async remove(account, { apiVersion, kind, metadata: { name, namespace, uid } }, signal) {
      await as(account).remove({ apiVersion, kind, name, ...(namespace ? { namespace } : {}) }, { signal, ...(uid ? { uid } : {}) })
    },
  }
}

function at(ref: ObjectRef): ObjectAt {
  const kind = fluxKind(ref.group, ref.kind)
  if (!kind) throw new FleetError('invalid', `look after ${formatRef(ref)}: ${ref.kind} is no Flux kind`)
  return { apiVersion: apiVersionOf(kind.group, kind.version), kind: kind.kind, namespace: ref.namespace, name: ref.name }
}
