import type { GitRepositoryStatus } from '../../proto/model/flux/source/git-repository.ts'
import { type ConditionStep, ready, reconciling, stalled, stepConditions } from './conditions.ts'
import { type GitRepositoryOutcome, SOURCE_FAULT, type StatusMoment } from './model.ts'

type Of<Kind extends GitRepositoryOutcome['kind']> = Extract<GitRepositoryOutcome, { readonly kind: Kind }>

/** The status of a GitRepository after an outcome, exactly as Flux's source-controller would write it; the same reference when it tells of it already. */
export function gitRepositoryStatus(old: GitRepositoryStatus, outcome: GitRepositoryOutcome, at: StatusMoment): GitRepositoryStatus {
  const handled =
    at.requestedAt === undefined || at.requestedAt === old.lastHandledReconcileAt ? old : { ...old, lastHandledReconcileAt: at.requestedAt }
  switch (outcome.kind) {
    case 'suspended':
      return handled
    case 'progressing':
      return stepped(old, progressing(old, outcome), at)
    case 'stored':
      return stored(handled, outcome, at)
    case 'failed':
      return stepped(handled, failed(outcome), at)
    case 'stalled':
      return observed(stepped(handled, given(outcome), at), at)
    default:
      return outcome satisfies never
  }
}

function progressing({ artifact }: GitRepositoryStatus, { message, newRevision }: Of<'progressing'>): readonly ConditionStep[] {
  const outdated = `new upstream revision '${newRevision}'`
  return [
    ready('Unknown', 'Progressing', message),
    ...reconciling('Progressing', message),
    ...(newRevision === undefined || !artifact || artifact.revision === newRevision
      ? []
      : [{ type: 'ArtifactOutdated', status: 'True', reason: 'NewRevision', message: outdated } as const]),
  ]
}

function stored(old: GitRepositoryStatus, { artifact, ignore }: Of<'stored'>, at: StatusMoment): GitRepositoryStatus {
  const message = `stored artifact for revision '${artifact.revision}'`
  const after = stepped(
    old,
    [
      ready('True', 'Succeeded', message),
      { type: 'ArtifactInStorage', status: 'True', reason: 'Succeeded', message },
      ...['Reconciling', 'Stalled', 'ArtifactOutdated', 'BuildFailed', ...SOURCE_FAULT].map((remove) => ({ remove })),
    ],
    at,
  )
  const same = after.artifact?.revision === artifact.revision && after.artifact.digest === artifact.digest
  const kept = same && after.observedIgnore === ignore ? after : withArtifact(after, { artifact, ignore })
  return observed(kept, at)
}

function withArtifact(
  { observedIgnore: _, ...status }: GitRepositoryStatus,
  { artifact, ignore }: { readonly artifact: Of<'stored'>['artifact']; readonly ignore: string | undefined },
): GitRepositoryStatus {
  return { ...status, artifact, ...(ignore === undefined ? {} : { observedIgnore: ignore }) }
}

function failed({ fault, message, reason }: Of<'failed'>): readonly ConditionStep[] {
  return [
    { type: fault, status: 'True', reason, message },
    ready('False', reason, message),
    ...reconciling('ProgressingWithRetry', 'reconciliation in progress'),
  ]
}

function given({ fault, message, reason }: Of<'stalled'>): readonly ConditionStep[] {
  return [...(fault ? [{ type: fault, status: 'True', reason, message } as const] : []), ...stalled(reason, message)]
}

function observed(status: GitRepositoryStatus, { generation }: StatusMoment): GitRepositoryStatus {
  return status.observedGeneration === generation ? status : { ...status, observedGeneration: generation }
}

function stepped(status: GitRepositoryStatus, steps: readonly ConditionStep[], at: StatusMoment): GitRepositoryStatus {
  const old = status.conditions ?? []
  const conditions = stepConditions(old, steps, at)
  return conditions === old ? status : { ...status, conditions }
}
