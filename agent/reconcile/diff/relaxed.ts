import type { HelmRelease } from '../../../proto/model/flux/helm/kinds.ts'
import { FINALIZER } from '../../../proto/model/names.ts'
import type { HelmPlan } from '../helm/model.ts'

type ReleasePlan = Extract<HelmPlan, { kind: 'release' }>

interface Relaxed {
  readonly plan: ReleasePlan | { readonly problem: string; readonly isLasting: boolean }
  /** What keeps a reconcile from it for now. */
  readonly held: readonly string[]
}

/** What would be released if nothing held it: of a suspended object, and of one that waits for others, people want to know too. */
export function releasePlan(object: HelmRelease, plan: (object: HelmRelease) => HelmPlan): Relaxed {
  const held: string[] = []
  let relaxed: HelmRelease = { ...object, metadata: { ...object.metadata, finalizers: [...(object.metadata.finalizers ?? []), FINALIZER] } }
  for (;;) {
    const next = plan(relaxed)
    if (next.kind === 'suspended') {
      held.push('it is suspended')
      relaxed = { ...relaxed, spec: { ...relaxed.spec, suspend: false } }
    } else if (next.kind === 'not-ready' && next.reason === 'DependencyNotReady' && relaxed.spec.dependsOn) {
      held.push(next.message)
      const { dependsOn: _, ...spec } = relaxed.spec
      relaxed = { ...relaxed, spec }
    } else return { plan: next.kind === 'release' ? next : problemOf(next), held }
  }
}

function problemOf(plan: Exclude<HelmPlan, ReleasePlan>): { readonly problem: string; readonly isLasting: boolean } {
  switch (plan.kind) {
    case 'finalize':
      return { problem: 'it is being deleted, and its release with it', isLasting: true }
    case 'stalled':
    case 'no-chart':
      return { problem: plan.message, isLasting: true }
    case 'not-ready':
      return { problem: plan.message, isLasting: false }
    default:
      return { problem: 'the hub has not said yet which chart it gets', isLasting: false }
  }
}
