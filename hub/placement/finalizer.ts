import type { Manifest } from '../../proto/model/manifest.ts'
import { PLACEMENT_FINALIZER } from '../../proto/model/names.ts'

export function withFinalizer(manifest: Manifest): Manifest {
  return { ...manifest, metadata: { ...manifest.metadata, finalizers: [...others(manifest), PLACEMENT_FINALIZER] } }
}

export function withoutFinalizer(manifest: Manifest): Manifest {
  return { ...manifest, metadata: { ...manifest.metadata, finalizers: others(manifest) } }
}

function others({ metadata }: Manifest): readonly string[] {
  return (metadata.finalizers ?? []).filter((one) => one !== PLACEMENT_FINALIZER)
}
