import { parseDurationMs } from '../../proto/model/duration.ts'
import type { RolloutSpec } from '../../proto/model/fleet/rollout.ts'
import type { ClusterId } from '../../proto/model/ids.ts'
import type { NextRun, Policy, Run, Standing, Step, Target, Wave, WavePlan } from './model.ts'
import { type Assignable, assignWaves, planWaves } from './waves.ts'

/** The one wave of a run that goes back: everybody at once, within the usual limit. */
const ROLLBACK_WAVES: readonly WavePlan[] = [{ name: 'all', maxConcurrent: '25%', soakMs: 0, approval: false }]

/**
 * The run that is to start, if any: what a person asked for, else the newest revision, unless it was passed over, is bad,
 * is held back, or nothing is to start at all.
 */
export function nextRun({ asked, bad, held, newest, seen, suspended }: Standing): NextRun | undefined {
  if (suspended) return undefined
  if (asked) return asked
  if (!newest || held || newest.revision === seen || bad.has(newest.revision)) return undefined
  return { content: newest, cause: 'revision' }
}

/**
 * A run as it begins: revision, waves and policy pinned, every cluster waiting in its wave.
 * @param kept  the wave that each cluster had in the run before
 * @returns names of clusters that no wave takes, beside the run; such a run is not to be started
 */
export function beginRun(
  { cause, content }: NextRun,
  given: {
    readonly id: string
    readonly spec: RolloutSpec
    readonly clusters: readonly Assignable[]
    readonly kept: ReadonlyMap<ClusterId, string>
    readonly now: Date
  },
): { readonly run: Run; readonly unmatched: readonly string[] } {
  const { clusters, id, kept, now, spec } = given
  const plans = cause === 'rollback' ? ROLLBACK_WAVES : planWaves(spec.waves)
  const { unmatched, waves } = assignWaves(plans, clusters, { kept })
  const run: Run = {
    id,
    cause,
    content,
    policy: policyOf(spec, cause),
    waves: plans.map((plan): Wave => ({ plan, state: 'waiting' })),
    targets: new Map(
      clusters.flatMap(({ cluster, name }): [ClusterId, Target][] => {
        const wave = waves.get(cluster)
        return wave === undefined ? [] : [[cluster, { cluster, name, wave, state: 'waiting', given: 'nothing' }]]
      }),
    ),
    state: 'pending',
    clockMs: 0,
    startedAt: now,
  }
  return { run, unmatched }
}

/** True for a run that went through all waves: its content is what a cluster is given that comes while no run is in progress. */
export function wentThrough({ state, waves }: Pick<Run, 'state' | 'waves'>): boolean {
  return (state === 'succeeded' || state === 'stopped') && waves.every(isDone)
}

/** The revisions that are not to be tried by themselves once these steps are done. */
export function markedAfter(bad: ReadonlySet<string>, steps: readonly Step[]): ReadonlySet<string> {
  const marked = new Set(bad)
  for (const step of steps) {
    if (step.kind === 'mark-bad') marked.add(step.revision)
    if (step.kind === 'unmark') marked.delete(step.revision)
  }
  return marked
}

export function isDone({ state }: Wave): boolean {
  return state === 'complete' || state === 'skipped'
}

/** A run back goes on where a cluster fails: it stays behind, and nothing is worse for the others. */
function policyOf({ onFailure, onNewRevision }: RolloutSpec, cause: NextRun['cause']): Policy {
  const progressDeadlineMs = parseDurationMs(onFailure.progressDeadline) ?? 0
  return cause === 'rollback'
    ? { maxFailures: '100%', progressDeadlineMs, action: 'continue', onNewRevision }
    : { maxFailures: onFailure.maxFailures, progressDeadlineMs, action: onFailure.action, onNewRevision }
}
