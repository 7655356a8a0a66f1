import { CHART_OPTIONS, optionsDigest } from '../../../proto/model/flux/build-options.ts'
import type { HelmRelease } from '../../../proto/model/flux/helm/kinds.ts'
import { unservedMessage } from '../../../proto/model/flux/unserved.ts'
import { refOf } from '../../../proto/model/manifest.ts'
import { FINALIZER } from '../../../proto/model/names.ts'
import type { ObjectRef } from '../../../proto/model/object-ref.ts'
import type { PlanInput } from '../plan.ts'
import { chartSource, releasesBefore, unmetRelease } from './dependencies.ts'
import type { HelmPlan } from './model.ts'

export interface HelmPlanInput extends Pick<PlanInput, 'unserved' | 'identity' | 'refuseReference' | 'sourceExists' | 'verdict'> {
  readonly object: HelmRelease
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
  if (unmet?.kind === 'invalid') return { kind: 'stalled', reason: 'InvalidCELExpression', message: unmet.message }
  if (unmet) return { kind: 'not-ready', reason: 'DependencyNotReady', message: unmet.message }
  return followChart(input)
}

function followChart({ object, identity, sourceExists, verdict }: HelmPlanInput): HelmPlan {
  const source = chartSource(object)
  if (!source || identity.kind === 'refused') return { kind: 'waiting' }
  const name = `${source.kind} '${source.namespace}/${source.name}'`
  if (!sourceExists(source)) return { kind: 'not-ready', reason: 'SourceNotReady', message: `${name} is not ready: it does not exist` }
  const found = verdict({ object: refOf(object), source, optionsDigest: CHART_DIGEST })
  if (found.kind === 'waiting' && found.for === 'release')
    return { kind: 'not-ready', reason: 'SourceNotReady', message: `${name} is not ready: does not have an artifact` }
  if (found.kind === 'waiting') return { kind: 'waiting' }
  if (found.kind === 'problem') return { kind: 'no-chart', reason: 'ArtifactFailed', message: `Could not load chart: ${found.message}` }
  return { kind: 'release', account: identity.account, digest: found.digest, revision: found.revision, source }
}
