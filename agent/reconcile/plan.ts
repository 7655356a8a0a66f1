import { buildOptions, optionsDigest } from '../../proto/model/flux/build-options.ts'
import type { Kustomization } from '../../proto/model/flux/kustomize/kinds.ts'
import type { ServiceAccountRef } from '../../proto/model/identities.ts'
import { refOf } from '../../proto/model/manifest.ts'
import { FINALIZER } from '../../proto/model/names.ts'
import { formatRef, type ObjectRef } from '../../proto/model/object-ref.ts'
import { dependenciesOf, sourceOf, unmetDependency } from './dependencies.ts'
import { unreadableExpression } from './expressions.ts'
import type { Plan } from './model.ts'

/** What a plan is made from; the look-ups answer from what the agent holds and watches. */
export interface PlanInput {
  readonly object: Kustomization
  /** Fields in use that are not served yet. */
  readonly unserved: readonly string[]
  readonly identity:
    | { readonly kind: 'account'; readonly account: ServiceAccountRef }
    | { readonly kind: 'refused'; readonly reason: 'AccessDenied'; readonly message: string }
  /** Why this object may not refer to a namespace. */
  readonly refuseReference: (namespace: string) => string | undefined
  readonly sourceExists: (ref: ObjectRef) => boolean
  readonly verdict: (consumer: {
    object: ObjectRef
    source: ObjectRef
    optionsDigest: string
  }) =>
    | { readonly kind: 'bundle'; readonly digest: string; readonly revision: string }
    | { readonly kind: 'problem'; readonly reason: string; readonly message: string; readonly revision: string }
    | { readonly kind: 'waiting'; readonly for: 'release' | 'desired' }
  readonly kustomization: (ref: ObjectRef) => Kustomization | undefined
}

/** The next thing to do with a Kustomization, in Flux's order of questions. Source: reference of the reconcile pipeline. */
export function plan(input: PlanInput): Plan {
  const { object, identity } = input
  if (object.metadata.deletionTimestamp) {
    if (identity.kind === 'account') return { kind: 'finalize', account: identity.account, why: '' }
    return { kind: 'finalize', account: undefined, why: identity.message }
  }
  if (!object.metadata.finalizers?.includes(FINALIZER)) return { kind: 'add-finalizer' }
  if (object.spec.suspend) return { kind: 'suspended' }
  const refusal = refuse(input)
  if (refusal) return refusal
  return followSource(input)
}

function refuse({ object, unserved, identity, refuseReference }: PlanInput): Plan | undefined {
  if (unserved.length > 0)
    return {
      kind: 'stalled',
      reason: 'FeatureGateDisabled',
      message: `not supported by Flotilla yet: ${unserved.join(', ')}; remove it, or run this object with Flux`,
    }
  const unreadable = unreadableExpression(object.spec)
  if (unreadable) return { kind: 'stalled', reason: 'InvalidCELExpression', message: unreadable }
  if (identity.kind === 'refused') return { kind: 'stalled', reason: identity.reason, message: identity.message }
  for (const { namespace } of [sourceOf(object), ...dependenciesOf(object)]) {
    const why = refuseReference(namespace)
    if (why) return { kind: 'stalled', reason: 'AccessDenied', message: why }
  }
  return undefined
}

function followSource(input: PlanInput): Plan {
  const { object, identity } = input
  const source = sourceOf(object)
  if (!input.sourceExists(source))
    return { kind: 'not-ready', reason: 'ArtifactFailed', message: `Source '${formatRef(source)}' not found` }
  const verdict = input.verdict({ object: refOf(object), source, optionsDigest: optionsDigest(buildOptions(object.spec)) })
  if (verdict.kind === 'waiting' && verdict.for === 'release')
    return { kind: 'not-ready', reason: 'ArtifactFailed', message: 'Source artifact not found, retrying in 30s' }
  if (verdict.kind === 'waiting') return { kind: 'waiting' }
  const { revision } = verdict
  const unmet = unmetDependency(object, input.kustomization, revision)
  if (unmet) return { kind: 'not-ready', reason: 'DependencyNotReady', message: unmet, revision }
  if (verdict.kind === 'problem')
    return {
      kind: 'unbuildable',
      reason: verdict.reason === 'ArtifactFailed' ? 'ArtifactFailed' : 'BuildFailed',
      message: verdict.message,
      revision,
    }
  if (identity.kind === 'refused') return { kind: 'stalled', reason: identity.reason, message: identity.message }
  return { kind: 'apply', account: identity.account, digest: verdict.digest, revision }
}
