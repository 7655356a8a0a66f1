import { canonicalJson } from '../../../proto/base/canonical.ts'
import { type Condition, findCondition } from '../../../proto/model/condition.ts'
import { CHART_OPTIONS, optionsDigest } from '../../../proto/model/flux/build-options.ts'
import type { HelmRelease } from '../../../proto/model/flux/helm/kinds.ts'
import { unservedMessage } from '../../../proto/model/flux/unserved.ts'
import { type Manifest, refOf } from '../../../proto/model/manifest.ts'
import { FINALIZER } from '../../../proto/model/names.ts'
import type { ObjectRef } from '../../../proto/model/object-ref.ts'
import { unreadableExpression } from '../expressions.ts'
import type { PlanInput } from '../plan.ts'
import { chartObject } from './chart-object.ts'
import { chartSource, releasesBefore, unmetRelease } from './dependencies.ts'
import type { HelmPlan } from './model.ts'

export interface HelmPlanInput extends Pick<PlanInput, 'unserved' | 'identity' | 'refuseReference' | 'verdict'> {
  readonly object: HelmRelease
  /** The object that the chart is taken from, as it stands in the cluster. */
  readonly source: (ref: ObjectRef) => Manifest | undefined
  readonly release: (ref: ObjectRef) => HelmRelease | undefined
  readonly revisionOf: (source: ObjectRef) => string | undefined
}

const CHART_DIGEST = optionsDigest(CHART_OPTIONS)

/** The next thing to do with a HelmRelease, in Flux's order of questions. Source: Flux, helm-controller. */
export function planRelease(input: HelmPlanInput): HelmPlan {
  const { object, identity } = input
  if (object.metadata.deletionTimestamp) {
    if (identity.kind === 'account') return { kind: 'finalize', account: identity.account, why: '' }
    return { kind: 'finalize', account: undefined, why: identity.message }
  }
  if (!object.metadata.finalizers?.includes(FINALIZER)) return { kind: 'add-finalizer' }
  if (object.spec.suspend) return { kind: 'suspended' }
  return refusal(input) ?? followDependencies(input)
}

function refusal({ object, unserved, identity, refuseReference }: HelmPlanInput): HelmPlan | undefined {
  if (unserved.length > 0) return { kind: 'stalled', reason: 'FeatureGateDisabled', message: unservedMessage(unserved) }
  const unreadable = unreadableExpression(object.spec)
  if (unreadable) return { kind: 'stalled', reason: 'InvalidCELExpression', message: unreadable }
  if (identity.kind === 'refused') return { kind: 'stalled', reason: identity.reason, message: identity.message }
  const source = chartSource(object)
  for (const { namespace } of [...(source ? [source] : []), ...releasesBefore(object)]) {
    const why = refuseReference(namespace)
    if (why) return { kind: 'stalled', reason: 'AccessDenied', message: why }
  }
  return undefined
}

function followDependencies(input: HelmPlanInput): HelmPlan {
  const { object, release, revisionOf } = input
  const unmet = unmetRelease({ object, lookup: release, revisionOf })
  if (unmet) return { kind: 'not-ready', reason: 'DependencyNotReady', message: unmet }
  return followChart(input)
}

function followChart({ object, identity, source: stands, verdict }: HelmPlanInput): HelmPlan {
  const source = chartSource(object)
  if (!source || identity.kind === 'refused') return { kind: 'waiting' }
  const name = `${source.kind} '${source.namespace}/${source.name}'`
  const standing = stands(source)
  if (!standing) return { kind: 'not-ready', reason: 'SourceNotReady', message: `${name} is not ready: it does not exist` }
  const found = verdict({ object: refOf(object), source, optionsDigest: CHART_DIGEST })
  if (found.kind === 'waiting' && found.for === 'release')
    return { kind: 'not-ready', reason: 'SourceNotReady', message: `${name} is not ready: does not have an artifact` }
  if (found.kind === 'waiting') return { kind: 'waiting' }
  const stale = whyStale(standing, chartObject(object))
  if (stale) return { kind: 'not-ready', reason: 'SourceNotReady', message: `${name} is not ready: ${stale}` }
  if (found.kind === 'problem') return { kind: 'no-chart', reason: 'ArtifactFailed', message: `Could not load chart: ${found.message}` }
  return { kind: 'release', account: identity.account, digest: found.digest, revision: found.revision, source }
}

/** Why what is held of a source is not what it asks for by now: what was fetched for an earlier generation says nothing of this one. */
function whyStale(source: Manifest, wanted: Manifest | undefined): string | undefined {
  const { conditions = [], observedGeneration } = (source.status ?? {}) as {
    readonly conditions?: readonly Condition[]
    readonly observedGeneration?: number
  }
  if (observedGeneration === source.metadata.generation && asksFor(source, wanted)) {
    const stalled = findCondition(conditions, 'Stalled')
    return stalled?.status === 'True' ? stalled.message : undefined
  }
  const ready = findCondition(conditions, 'Ready')
  return ready?.status === 'False' && asksFor(source, wanted) ? ready.message : 'latest generation of object has not been reconciled'
}

/** What the API server adds is no difference. */
function asksFor(source: Manifest, wanted: Manifest | undefined): boolean {
  const has = (source.spec ?? {}) as Readonly<Record<string, unknown>>
  return Object.entries((wanted?.spec ?? {}) as Readonly<Record<string, unknown>>).every(
    ([key, value]) => canonicalJson(has[key] ?? null) === canonicalJson(value),
  )
}
