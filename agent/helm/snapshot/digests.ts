import { sha256 } from '../../../proto/base/hash.ts'
import type { HelmReleaseSpec } from '../../../proto/model/flux/helm/helm-release.ts'
import type { Rendered } from '../../mirror/model.ts'
import { goJson, goMap } from '../go/json.ts'
import { goYaml } from '../go/yaml.ts'
import type { Values } from '../model.ts'

/** Digest of merged values, as Flux takes it: of nothing at all where there are none. Persisted: do not change. */
export function configDigest(values: Values): string {
  return sha256(Object.keys(values).length === 0 ? '' : goYaml(values))
}

/** Digest of `spec.postRenderers`, as Flux takes it; `` where there are none. Persisted: do not change. */
export function postRenderersDigest(renderers: HelmReleaseSpec['postRenderers']): string {
  if (!renderers) return ''
  return sha256(
    goJson(
      renderers.map(({ kustomize }) => ({
        kustomize: kustomize && {
          patches: some(kustomize.patches?.map(({ patch, target }) => ({ patch, target: target && selector(target) }))),
          images: some(
            kustomize.images?.map(({ name, newName, newTag, digest }) => ({
              name,
              newName: newName || undefined,
              newTag: newTag || undefined,
              digest: digest || undefined,
            })),
          ),
        },
      })),
    ),
  )
}

/** Digest of `spec.commonMetadata`, as Flux takes it; `` where there is none. Persisted: do not change. */
export function commonMetadataDigest(given: HelmReleaseSpec['commonMetadata']): string {
  if (!given) return ''
  const member = (map: Readonly<Record<string, string>> | undefined) => (map && Object.keys(map).length > 0 ? goMap(map) : undefined)
  return sha256(goJson({ annotations: member(given.annotations), labels: member(given.labels) }))
}

/** What a release is rendered with beside its chart and values. */
export function renderedBy(spec: Pick<HelmReleaseSpec, 'postRenderers' | 'commonMetadata'>): Rendered {
  return {
    postRenderersDigest: postRenderersDigest(spec.postRenderers),
    commonMetadataDigest: commonMetadataDigest(spec.commonMetadata),
  }
}

type Target = NonNullable<
  NonNullable<NonNullable<NonNullable<HelmReleaseSpec['postRenderers']>[number]['kustomize']>['patches']>[number]['target']
>

function selector({ group, version, kind, namespace, name, annotationSelector, labelSelector }: Target) {
  const members = { group, version, kind, namespace, name, annotationSelector, labelSelector }
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value))
}

function some<T>(values: readonly T[] | undefined): readonly T[] | undefined {
  return values && values.length > 0 ? values : undefined
}
