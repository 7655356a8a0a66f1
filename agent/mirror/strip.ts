import { canonicalJson } from '../../proto/base/canonical.ts'
import { steadyStatus } from '../../proto/model/flux/revision.ts'
import type { Manifest } from '../../proto/model/manifest.ts'

/** What the hub is told of an object: all of it but what only the cluster's own API server needs. */
export function strip(manifest: Manifest): Manifest {
  const { managedFields: _, ...metadata } = manifest.metadata
  return { ...manifest, metadata }
}

/** Text that is equal for two sightings of an object which differ in nothing but versions and the revision of a plain success. */
export function reportKey(manifest: Manifest): string {
  const { status, ...rest } = strip(manifest)
  const { resourceVersion: _, ...metadata } = rest.metadata
  return canonicalJson({ ...rest, metadata, status: steadyStatus(manifest.kind, status) })
}
