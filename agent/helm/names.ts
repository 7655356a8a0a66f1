import { sha256 } from '../../proto/base/hash.ts'
import type { HelmRelease } from '../../proto/model/flux/helm/kinds.ts'
import type { ReleaseTarget } from './model.ts'

/** Helm's limit on the name of a release. */
const MAX_NAME = 53
const KEPT = 40
const HEX = 12

/** The release of a HelmRelease: by its own words, else named after the object. Source: Flux, helm-controller. */
export function releaseTarget({ metadata, spec }: Pick<HelmRelease, 'metadata' | 'spec'>): ReleaseTarget {
  const home = metadata.namespace ?? ''
  const given = spec.releaseName ?? (spec.targetNamespace ? `${spec.targetNamespace}-${metadata.name}` : metadata.name)
  return { name: shortName(given), namespace: spec.targetNamespace ?? home, storageNamespace: spec.storageNamespace ?? home }
}

/** A name that Helm takes; a long one is cut and made unlike others by its hash. */
export function shortName(name: string): string {
  if (name.length <= MAX_NAME) return name
  return `${name.slice(0, KEPT)}-${sha256(name).slice('sha256:'.length, 'sha256:'.length + HEX)}`
}
