import { findCondition } from '../../proto/model/condition.ts'
import type { Kustomization } from '../../proto/model/flux/kustomize/kinds.ts'
import { KUSTOMIZE_GROUP, SOURCE_GROUP } from '../../proto/model/names.ts'
import { type ObjectRef, sameRef } from '../../proto/model/object-ref.ts'
import { isReadyBy } from './expressions.ts'

/** The source object that a Kustomization consumes. */
export function sourceOf({ metadata, spec: { sourceRef } }: Kustomization): ObjectRef {
  return { group: SOURCE_GROUP, kind: sourceRef.kind, namespace: sourceRef.namespace ?? metadata.namespace ?? '', name: sourceRef.name }
}

/** The Kustomizations that must be ready before it. */
export function dependenciesOf({ metadata, spec }: Kustomization): readonly ObjectRef[] {
  return (spec.dependsOn ?? []).map(({ name, namespace }) => ({
    group: KUSTOMIZE_GROUP,
    kind: 'Kustomization',
    namespace: namespace ?? metadata.namespace ?? '',
    name,
  }))
}

/**
 * Why the dependencies hold `object` back, or undefined where they do not. A dependency must be there, seen in its
 * present generation and Ready; one that consumes the same source must have applied the source's current revision,
 * else a commit that changes both would be applied in the wrong order. Its `readyExpr` stands for all of that but being
 * there. Source: Flux, kustomize-controller.
 */
export function unmetDependency(
  object: Kustomization,
  lookup: (ref: ObjectRef) => Kustomization | undefined,
  revision: string,
): string | undefined {
  for (const [at, ref] of dependenciesOf(object).entries()) {
    const dependency = lookup(ref)
    const name = `${ref.namespace}/${ref.name}`
    if (!dependency) return `dependency '${name}' not found`
    const { readyExpr } = object.spec.dependsOn?.[at] ?? {}
    if (readyExpr) {
      const isReady = isReadyBy(readyExpr, { self: { ...object }, dep: { ...dependency } })
      if (typeof isReady === 'object') return isReady.problem
      if (!isReady) return `dependency '${name}' is not ready according to readyExpr eval`
      continue
    }
    const { status, metadata } = dependency
    const ready = findCondition(status.conditions ?? [], 'Ready')
    if (ready?.status !== 'True' || status.observedGeneration !== metadata.generation) return `dependency '${name}' is not ready`
    if (sameRef(sourceOf(dependency), sourceOf(object)) && status.lastAppliedRevision !== revision)
      return `dependency '${name}' revision is not up to date`
  }
  return undefined
}
