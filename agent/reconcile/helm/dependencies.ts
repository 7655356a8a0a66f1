import { findCondition } from '../../../proto/model/condition.ts'
import { chartSourceOf } from '../../../proto/model/flux/helm/chart-source.ts'
import type { HelmRelease } from '../../../proto/model/flux/helm/kinds.ts'
import { HELM_GROUP, SOURCE_GROUP } from '../../../proto/model/names.ts'
import { type ObjectRef, refKey } from '../../../proto/model/object-ref.ts'
import { isReadyBy } from '../expressions.ts'

/** The source object that a HelmRelease's chart comes as. */
export function chartSource(object: HelmRelease): ObjectRef | undefined {
  const source = chartSourceOf(object)
  return source && { group: SOURCE_GROUP, ...source }
}

/** The HelmReleases that must be ready before it. */
export function releasesBefore({ metadata, spec }: HelmRelease): readonly ObjectRef[] {
  return (spec.dependsOn ?? []).map(({ name, namespace }) => ({
    group: HELM_GROUP,
    kind: 'HelmRelease',
    namespace: namespace ?? metadata.namespace ?? '',
    name,
  }))
}

export interface DependencyInput {
  readonly object: HelmRelease
  readonly lookup: (ref: ObjectRef) => HelmRelease | undefined
  /** The revision that a source object is given here; undefined while the hub has none. */
  readonly revisionOf: (source: ObjectRef) => string | undefined
}

/**
 * Why an object has to wait for its dependencies; undefined where it has not. A dependency has to be there, seen in its
 * present generation and Ready, or what its expression says instead. One whose chart comes from the same repository must
 * have been released at the revision that it is given here: else one push that changes both charts would upgrade both at
 * once. That last rule is not Flux's.
 */
export function unmetRelease({ object, lookup, revisionOf }: DependencyInput): string | undefined {
  for (const [at, ref] of releasesBefore(object).entries()) {
    const dep = lookup(ref)
    const name = `${ref.namespace}/${ref.name}`
    if (!dep) return `unable to get '${name}' dependency: helmreleases.${HELM_GROUP} "${ref.name}" not found`
    const { readyExpr } = object.spec.dependsOn?.[at] ?? {}
    if (readyExpr) {
      const isReady = isReadyBy(readyExpr, { self: { ...object }, dep: { ...dep } })
      if (typeof isReady === 'object') return isReady.problem
      if (!isReady) return `dependency '${name}' is not ready according to readyExpr eval`
      continue
    }
    if (!isCurrent(dep)) return `dependency '${name}' is not ready`
    if (!sharesRepository(object, dep)) continue
    const source = chartSource(dep)
    const revision = source && revisionOf(source)
    if (revision !== undefined && !hasReached(dep, revision)) return `dependency '${name}' revision is not up to date`
  }
  return undefined
}

/** Whether the release was tried at a revision of its chart's source. */
export function hasReached({ status }: Pick<HelmRelease, 'status'>, revision: string): boolean {
  const at = revision.lastIndexOf('@')
  const { lastAttemptedRevision, lastAttemptedRevisionDigest } = status
  return (
    revision === lastAttemptedRevision ||
    (lastAttemptedRevisionDigest !== undefined && revision.slice(at + 1) === lastAttemptedRevisionDigest)
  )
}

function isCurrent({ metadata, status }: HelmRelease): boolean {
  const ready = findCondition(status.conditions ?? [], 'Ready')
  return ready?.status === 'True' && status.observedGeneration === metadata.generation
}

function sharesRepository(one: HelmRelease, other: HelmRelease): boolean {
  const repository = repositoryOf(one)
  return repository !== undefined && repository === repositoryOf(other)
}

/** What a chart is taken from: the repository that its template names, or the artifact it refers to. */
function repositoryOf(object: HelmRelease): string | undefined {
  const { chart } = object.spec
  if (!chart) {
    const source = chartSource(object)
    return source && refKey(source)
  }
  const { kind, name, namespace } = chart.spec.sourceRef
  return refKey({ group: SOURCE_GROUP, kind, name, namespace: namespace ?? object.metadata.namespace ?? '' })
}
