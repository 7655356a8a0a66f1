import { canonicalJson } from '../../proto/base/canonical.ts'
import { findCondition } from '../../proto/model/condition.ts'
import { formatDuration } from '../../proto/model/duration.ts'
import type { InventoryEntry, KustomizationStatus } from '../../proto/model/flux/kustomize/kustomization.ts'
import { type ConditionStep, ready, reconciling, stalled, stepConditions } from './conditions.ts'
import { withAttempt } from './history.ts'
import type { HealthSaid, KustomizationOutcome, StatusMoment } from './model.ts'

type Of<Kind extends KustomizationOutcome['kind']> = Extract<KustomizationOutcome, { readonly kind: Kind }>

/**
 * The status of a Kustomization after an outcome, exactly as Flux's kustomize-controller would write it, but for this:
 * a success that changed nothing and that the status tells of already leaves the status as it is (the same reference).
 */
export function kustomizationStatus(old: KustomizationStatus, outcome: KustomizationOutcome, at: StatusMoment): KustomizationStatus {
  const handled = at.requestedAt === undefined ? old : { ...old, lastHandledReconcileAt: at.requestedAt }
  switch (outcome.kind) {
    case 'suspended':
      return at.requestedAt === old.lastHandledReconcileAt || at.requestedAt === undefined ? old : handled
    case 'progressing':
      return progressing(old, outcome, at)
    case 'succeeded':
      return isKnown(old, outcome, at) ? old : succeeded(handled, outcome, at)
    case 'failed':
      return failed(handled, outcome, at)
    case 'stalled':
      return { ...stepped(handled, stalled(outcome.reason, outcome.message), at), observedGeneration: at.generation }
    default:
      return outcome satisfies never
  }
}

function progressing(
  old: KustomizationStatus,
  { attemptedRevision, checkingHealth, inventory, message }: Of<'progressing'>,
  at: StatusMoment,
): KustomizationStatus {
  const steps: readonly ConditionStep[] = [
    ready('Unknown', 'Progressing', 'Reconciliation in progress'),
    ...reconciling('Progressing', message),
    ...(checkingHealth ? [healthy('Unknown', 'Progressing', message)] : []),
  ]
  return {
    ...stepped(old, steps, at),
    ...(inventory ? { inventory: { entries: inventory } } : {}),
    ...(attemptedRevision === undefined ? {} : { lastAttemptedRevision: attemptedRevision }),
  }
}

function succeeded(
  old: KustomizationStatus,
  { attempt, changed, health, inventory }: Of<'succeeded'>,
  at: StatusMoment,
): KustomizationStatus {
  const { lastAppliedOriginRevision: _, ...rest } = old
  const steps: readonly ConditionStep[] = [
    ready('True', 'ReconciliationSucceeded', `Applied revision: ${attempt.revision}`),
    ...afterHealth(old, health, changed),
    { remove: 'Reconciling' },
    { remove: 'Stalled' },
  ]
  return {
    ...stepped(rest, steps, at),
    history: withAttempt(old.history ?? [], attempt, { result: 'ReconciliationSucceeded', now: at.now }),
    inventory: { entries: inventory },
    ...(attempt.originRevision === undefined ? {} : { lastAppliedOriginRevision: attempt.originRevision }),
    lastAppliedRevision: attempt.revision,
    lastAttemptedRevision: attempt.revision,
    observedGeneration: at.generation,
  }
}

/** An unchanged set that was healthy is healthy still: how long the check took is not told anew. */
function afterHealth({ conditions }: KustomizationStatus, health: HealthSaid, changed: boolean): readonly ConditionStep[] {
  if (health.kind === 'unchecked') return [{ remove: 'Healthy' }]
  if (!changed && findCondition(conditions ?? [], 'Healthy')?.status === 'True') return []
  return [healthy('True', 'Succeeded', `Health check passed in ${formatDuration(health.durationMs)}`)]
}

function failed(old: KustomizationStatus, outcome: Of<'failed'>, at: StatusMoment): KustomizationStatus {
  const { attempt, inventory, message, reason } = outcome
  const progress = outcome.progress ?? findCondition(old.conditions ?? [], 'Reconciling')?.message
  const attempted = attempt?.revision ?? outcome.attemptedRevision
  const steps: readonly ConditionStep[] = [
    ready('False', reason, message),
    ...(progress === undefined ? [] : reconciling('ProgressingWithRetry', progress)),
    ...(reason === 'HealthCheckFailed' ? [healthy('False', reason, message)] : []),
  ]
  return {
    ...stepped(old, steps, at),
    ...(attempt ? { history: withAttempt(old.history ?? [], attempt, { result: reason, now: at.now }) } : {}),
    ...(inventory ? { inventory: { entries: inventory } } : {}),
    ...(attempted === undefined ? {} : { lastAttemptedRevision: attempted }),
  }
}

function isKnown(old: KustomizationStatus, { attempt, changed, health, inventory }: Of<'succeeded'>, at: StatusMoment): boolean {
  const conditions = old.conditions ?? []
  const is = findCondition(conditions, 'Ready')
  return (
    !changed &&
    is?.status === 'True' &&
    is.observedGeneration === at.generation &&
    old.observedGeneration === at.generation &&
    old.lastAppliedRevision === attempt.revision &&
    old.lastAppliedOriginRevision === attempt.originRevision &&
    (at.requestedAt === undefined || old.lastHandledReconcileAt === at.requestedAt) &&
    (findCondition(conditions, 'Healthy')?.status === 'True') === (health.kind === 'passed') &&
    !findCondition(conditions, 'Reconciling') &&
    !findCondition(conditions, 'Stalled') &&
    sameEntries(old.inventory?.entries ?? [], inventory)
  )
}

function sameEntries(a: readonly InventoryEntry[], b: readonly InventoryEntry[]): boolean {
  return canonicalJson(a) === canonicalJson(b)
}

function healthy(status: 'True' | 'False' | 'Unknown', reason: string, message: string): ConditionStep {
  return { type: 'Healthy', status, reason, message }
}

function stepped(status: KustomizationStatus, steps: readonly ConditionStep[], at: StatusMoment): KustomizationStatus {
  return { ...status, conditions: stepConditions(status.conditions ?? [], steps, at) }
}
