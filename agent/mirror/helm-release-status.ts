import { findCondition } from '../../proto/model/condition.ts'
import { formatDuration } from '../../proto/model/duration.ts'
import type { HelmReleaseStatus } from '../../proto/model/flux/helm/helm-release.ts'
import { type ConditionStep, ready, reconciling, stalled, stepConditions } from './conditions.ts'
import type { HelmReleaseOutcome, Rendered, Snapshot, StatusMoment } from './model.ts'
import { summarySteps } from './release-summary.ts'

type Of<Kind extends HelmReleaseOutcome['kind']> = Extract<HelmReleaseOutcome, { readonly kind: Kind }>

/** The status of a HelmRelease after an outcome, as Flux's helm-controller would write it. The same reference where it tells of it already. */
export function helmReleaseStatus(old: HelmReleaseStatus, outcome: HelmReleaseOutcome, at: StatusMoment): HelmReleaseStatus {
  switch (outcome.kind) {
    case 'suspended':
      return handled(old, at)
    case 'progressing':
      return progressing(old, outcome, at)
    case 'attempting':
      return attempting(old, outcome, at)
    case 'failed':
      return failed(handled(old, at), outcome, at)
    case 'stalled':
      return { ...stepped(handled(old, at), stalled(outcome.reason, outcome.message), at), observedGeneration: at.generation }
    case 'acted':
      return acted(old, outcome, at)
    case 'left':
      return left(old, outcome, at)
    case 'settled':
      return settled(handled(old, at), outcome, at)
    default:
      return outcome satisfies never
  }
}

function progressing(old: HelmReleaseStatus, { action, message }: Of<'progressing'>, at: StatusMoment): HelmReleaseStatus {
  const steps = [...reconciling('Progressing', message), ...(action ? [ready('Unknown', 'Progressing', message)] : [])]
  return { ...stepped(old, steps, at), ...(action ? { lastAttemptedReleaseAction: action } : {}) }
}

function attempting(old: HelmReleaseStatus, { attempt }: Of<'attempting'>, at: StatusMoment): HelmReleaseStatus {
  const { lastAttemptedRevisionDigest: _, lastAttemptedValuesChecksum: __, lastReleaseRevision: ___, ...rest } = old
  return {
    ...(attempt.resets ? withoutFailures(rest) : rest),
    lastAttemptedGeneration: at.generation,
    lastAttemptedRevision: attempt.chartVersion,
    ...(attempt.ociDigest === undefined ? {} : { lastAttemptedRevisionDigest: attempt.ociDigest }),
    lastAttemptedConfigDigest: attempt.configDigest,
    storageNamespace: attempt.storageNamespace,
    ...(attempt.forceAt === undefined ? {} : { lastHandledForceAt: attempt.forceAt }),
    ...(attempt.resetAt === undefined ? {} : { lastHandledResetAt: attempt.resetAt }),
  }
}

function failed(old: HelmReleaseStatus, { message, progress, reason }: Of<'failed'>, at: StatusMoment): HelmReleaseStatus {
  const now = progress ?? findCondition(old.conditions ?? [], 'Reconciling')?.message ?? 'Fulfilling prerequisites'
  return stepped(old, [ready('False', reason, message), ...reconciling('ProgressingWithRetry', now)], at)
}

const CONDITION = {
  install: 'Released',
  upgrade: 'Released',
  unlock: 'Released',
  test: 'TestSuccess',
  rollback: 'Remediated',
  uninstall: 'Remediated',
} as const
const REASON = { install: 'Install', upgrade: 'Upgrade', test: 'Test', rollback: 'Rollback', uninstall: 'Uninstall' } as const

function acted(old: HelmReleaseStatus, outcome: Of<'acted'>, at: StatusMoment): HelmReleaseStatus {
  const { act, durationMs, history, isGood, message, rendered, tests } = outcome
  const reason = act === 'unlock' ? 'PendingRelease' : `${REASON[act]}${isGood ? 'Succeeded' : 'Failed'}`
  const status = act !== 'unlock' && isGood ? 'True' : 'False'
  const isRelease = act === 'install' || act === 'upgrade'
  const steps: ConditionStep[] = [{ type: CONDITION[act], status, reason, message }]
  // What became of the release before says nothing of this one.
  if (isRelease) steps.unshift({ remove: 'TestSuccess' }, { remove: 'Remediated' })
  if (isRelease && isGood && tests.enabled) steps.push(awaitingTests(history))
  const counted = withRendered(isGood ? old : withFailure(old, outcome), rendered)
  const after = stepped({ ...counted, history }, steps, at)
  const told = isRelease ? { ...after, lastAttemptedReleaseActionDuration: formatDuration(durationMs) } : after
  return summarized(told, tests, at)
}

function awaitingTests(history: readonly Snapshot[]): ConditionStep {
  const [last] = history
  const what = last
    ? `release ${last.namespace}/${last.name}.v${last.version} with chart ${last.chartName}@${last.chartVersion}`
    : 'release'
  return { type: 'TestSuccess', status: 'Unknown', reason: 'AwaitingTests', message: `Helm ${what} is awaiting tests` }
}

function withFailure(old: HelmReleaseStatus, { isCounted }: Of<'acted'>): HelmReleaseStatus {
  const failures = { ...old, failures: (old.failures ?? 0) + 1 }
  if (!isCounted) return failures
  return old.lastAttemptedReleaseAction === 'install'
    ? { ...failures, installFailures: (old.installFailures ?? 0) + 1 }
    : { ...failures, upgradeFailures: (old.upgradeFailures ?? 0) + 1 }
}

function left(old: HelmReleaseStatus, { isGood, message }: Of<'left'>, at: StatusMoment): HelmReleaseStatus {
  const reason = isGood ? 'UninstallSucceeded' : 'UninstallFailed'
  const steps: readonly ConditionStep[] = [{ type: 'Released', status: 'False', reason, message }, ready('False', reason, message)]
  if (!isGood) return { ...stepped(old, steps, at), failures: (old.failures ?? 0) + 1 }
  const { history: _, inventory: __, storageNamespace: ___, ...rest } = stepped(old, steps, at)
  return withoutFailures(rest)
}

function settled(old: HelmReleaseStatus, outcome: Of<'settled'>, at: StatusMoment): HelmReleaseStatus {
  const { drift, history, inventory, message, rendered, tests } = outcome
  const steps: ConditionStep[] = [{ remove: 'Reconciling' }, driftStep(drift)]
  const said = findCondition(old.conditions ?? [], 'Released')
  const isRemedied = findCondition(old.conditions ?? [], 'Remediated')?.status === 'True'
  // What was rolled back to may be what is wanted: then nothing is remedied any more.
  if (said?.status !== 'True' || isRemedied)
    steps.push({ remove: 'Remediated' }, { type: 'Released', status: 'True', reason: 'UpgradeSucceeded', message })
  const after = summarized(stepped({ ...old, history }, steps, at), tests, at)
  const isReady = findCondition(after.conditions ?? [], 'Ready')?.status === 'True'
  return {
    ...withRendered(isReady ? withoutFailures(after) : after, rendered),
    ...(inventory ? { inventory: { entries: inventory } } : {}),
    observedGeneration: at.generation,
  }
}

function withRendered(old: HelmReleaseStatus, rendered: Rendered | undefined): HelmReleaseStatus {
  if (!rendered) return old
  const { observedPostRenderersDigest: _, observedCommonMetadataDigest: __, ...rest } = old
  const { commonMetadataDigest, postRenderersDigest } = rendered
  return {
    ...rest,
    ...(postRenderersDigest ? { observedPostRenderersDigest: postRenderersDigest } : {}),
    ...(commonMetadataDigest ? { observedCommonMetadataDigest: commonMetadataDigest } : {}),
  }
}

function driftStep(drift: string | undefined): ConditionStep {
  if (drift === undefined) return { remove: 'Drifted' }
  if (drift === '') return { type: 'Drifted', status: 'False', reason: 'NoDriftDetected', message: 'No drift detected' }
  return { type: 'Drifted', status: 'True', reason: 'DriftDetected', message: drift }
}

function summarized(status: HelmReleaseStatus, tests: Of<'acted'>['tests'], at: StatusMoment): HelmReleaseStatus {
  return stepped(status, summarySteps(status.conditions ?? [], tests), at)
}

function withoutFailures({ failures: _, installFailures: __, upgradeFailures: ___, ...status }: HelmReleaseStatus): HelmReleaseStatus {
  return status
}

function handled(old: HelmReleaseStatus, { requestedAt }: StatusMoment): HelmReleaseStatus {
  return requestedAt === undefined || requestedAt === old.lastHandledReconcileAt ? old : { ...old, lastHandledReconcileAt: requestedAt }
}

function stepped(status: HelmReleaseStatus, steps: readonly ConditionStep[], at: StatusMoment): HelmReleaseStatus {
  const old = status.conditions ?? []
  const conditions = stepConditions(old, steps, at)
  return conditions === old ? status : { ...status, conditions }
}
