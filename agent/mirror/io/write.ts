import { FleetError } from '../../../proto/base/errors.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { HELM_STATUS_MANAGER, SOURCE_STATUS_MANAGER, STATUS_MANAGER } from '../../../proto/model/names.ts'
import type { Kube } from '../../kube/model.ts'
import type { MirroredObject } from '../model.ts'
import { finalizerPatch, statusPatch } from '../status-patch.ts'
import type { FluxMirror } from './flux-mirror.ts'

/** The only writes that the agent makes under its own identity: status and finalizers of Flux objects. */
export interface FluxWriter {
  /** Writes what differs; nothing where nothing does. An object that is gone meanwhile is left alone. */
  status(object: MirroredObject, next: object, signal: AbortSignal): Promise<void>
  finalizer(object: MirroredObject, wanted: 'present' | 'absent', signal: AbortSignal): Promise<void>
}

export function createFluxWriter(kube: Kube, mirror: FluxMirror): FluxWriter {
  async function patch(
    manifest: Manifest,
    body: unknown,
    how: { fieldManager: string; subresource?: string; signal: AbortSignal },
  ): Promise<void> {
    const { apiVersion, kind, metadata } = manifest
    const at = { apiVersion, kind, name: metadata.name, ...(metadata.namespace ? { namespace: metadata.namespace } : {}) }
    try {
      mirror.put(await kube.patch(at, { type: 'merge', body, ...how }))
    } catch (error) {
      if (!(error instanceof FleetError) || error.code !== 'not-found') throw error
    }
  }
  return {
    async status({ manifest }, next, signal) {
      const body = statusPatch((manifest.status ?? {}) as object, next)
      if (body) await patch(manifest, body, { fieldManager: statusManager(manifest.kind), subresource: 'status', signal })
    },
    async finalizer({ manifest }, wanted, signal) {
      const body = finalizerPatch(manifest.metadata, wanted)
      if (body) await patch(manifest, body, { fieldManager: statusManager(manifest.kind), signal })
    },
  }
}

/** The managers under which Flux's controllers write status. */
function statusManager(kind: string): string {
  if (kind === 'HelmRelease') return HELM_STATUS_MANAGER
  return kind === 'Kustomization' ? STATUS_MANAGER : SOURCE_STATUS_MANAGER
}
