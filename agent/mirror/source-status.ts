import { canonicalJson } from '../../proto/base/canonical.ts'
import { type ConditionStep, ready, reconciling, stalled, stepConditions } from './conditions.ts'
import { SOURCE_FAULT, type SourceFault, type SourceObjectStatus, type SourceOutcome, type StatusMoment } from './model.ts'

type Of<Kind extends SourceOutcome['kind']> = Extract<SourceOutcome, { readonly kind: Kind }>

/** The status of a source object after an outcome, exactly as Flux's source-controller would write it; the same reference when it tells of it already. */
export function sourceStatus<S extends SourceObjectStatus>(old: S, outcome: SourceOutcome, at: StatusMoment): S {
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
      return stepped(handled, recalculated(handled, failed(outcome)), at)
    case 'stalled':
      return observed(stepped(handled, recalculated(handled, given(outcome)), at), at)
    default:
      return outcome satisfies never
  }
}

function progressing({ artifact }: SourceObjectStatus, { message, newRevision }: Of<'progressing'>): readonly ConditionStep[] {
  const outdated = `new upstream revision '${newRevision}'`
  return [
    ready('Unknown', 'Progressing', message),
    ...reconciling('Progressing', message),
    ...(newRevision === undefined || !artifact || artifact.revision === newRevision
      ? []
      : [{ type: 'ArtifactOutdated', status: 'True', reason: 'NewRevision', message: outdated } as const]),
  ]
}

const VERIFIED = 'SourceVerified'
const OBSERVED = [
  'url',
  'observedIgnore',
  'observedLayerSelector',
  'observedChartName',
  'observedSourceArtifactRevision',
  'observedValuesFiles',
] as const

function stored<S extends SourceObjectStatus>(
  old: S,
  { artifact, observed: next = {}, said, verified }: Of<'stored'>,
  at: StatusMoment,
): S {
  const { message, reason } = said ?? { reason: 'Succeeded', message: `stored artifact for revision '${artifact.revision}'` }
  const after = stepped(
    old,
    [
      ready('True', reason, message),
      { type: 'ArtifactInStorage', status: 'True', reason, message },
      verified === undefined ? { remove: VERIFIED } : { type: VERIFIED, status: 'True', reason: 'Succeeded', message: verified },
      ...['Reconciling', 'Stalled', 'ArtifactOutdated', ...SOURCE_FAULT].map((remove) => ({ remove })),
    ],
    at,
  )
  const same = after.artifact?.revision === artifact.revision && after.artifact.digest === artifact.digest
  const told = Object.fromEntries(OBSERVED.flatMap((name) => (after[name] === undefined ? [] : [[name, after[name]]])))
  const kept = same && canonicalJson(told) === canonicalJson(next) ? after : { ...without(after), artifact, ...next }
  return observed(kept, at)
}

function without<S extends SourceObjectStatus>(status: S): S {
  const left = { ...status }
  for (const name of OBSERVED) delete left[name]
  return left
}

function failed({ fault, message, reason }: Of<'failed'>): readonly ConditionStep[] {
  return [
    ...faulty(fault, reason, message),
    ready('False', reason, message),
    ...reconciling('ProgressingWithRetry', 'reconciliation in progress'),
  ]
}

function given({ fault, message, reason }: Of<'stalled'>): readonly ConditionStep[] {
  return [...(fault ? faulty(fault, reason, message) : []), ...stalled(reason, message)]
}

/** That a signature did not hold is said anew, or not at all. */
function recalculated({ conditions = [] }: SourceObjectStatus, steps: readonly ConditionStep[]): readonly ConditionStep[] {
  const isOld = conditions.some(({ status, type }) => type === VERIFIED && status === 'False')
  const isNew = steps.some((step) => 'type' in step && step.type === VERIFIED)
  return isOld && !isNew ? [...steps, { remove: VERIFIED }] : steps
}

/** A chart that cannot be fetched is not one that cannot be packed, and the other way round. */
function faulty(type: SourceFault, reason: string, message: string): readonly ConditionStep[] {
  if (type === VERIFIED) return [{ type, status: 'False', reason, message }]
  const other = type === 'FetchFailed' ? 'BuildFailed' : 'FetchFailed'
  const unverified: readonly ConditionStep[] =
    reason === 'ChartVerificationError' ? [{ type: VERIFIED, status: 'False', reason: 'VerificationError', message }] : []
  return [{ remove: other }, { type, status: 'True', reason, message }, ...unverified]
}

function observed<S extends SourceObjectStatus>(status: S, { generation }: StatusMoment): S {
  return status.observedGeneration === generation ? status : { ...status, observedGeneration: generation }
}

function stepped<S extends SourceObjectStatus>(status: S, steps: readonly ConditionStep[], at: StatusMoment): S {
  const old = status.conditions ?? []
  const conditions = stepConditions(old, steps, at)
  return conditions === old ? status : { ...status, conditions }
}
