import { type Advanced, type Facts, type NextRun, RUN_ENDS, type Run } from './model.ts'
import { countTargets, type Failures, failuresOf, type TargetCounts } from './step/budget.ts'
import { lookAgainAt } from './step/look-again.ts'
import { observe } from './step/observe.ts'
import { blame, givenSteps, records } from './step/records.ts'
import { mayRelease, takeBack } from './step/release.ts'
import { currentWave, walkWaves } from './step/walk.ts'

/**
 * One look at a run: what the facts make of it, and what is to be done. Pure; the same run when nothing changed.
 *
 * 1. No cluster of a later wave is released before the wave before it is complete (healthy, soaked, approved) or skipped.
 * 2. Nothing is released while `maxConcurrent` clusters of the wave are released and not healthy. (Clusters that come back
 *    from being offline, or fall ill again, may be more than that: then nothing is released until they are fewer.)
 * 3. After more than `maxFailures` failures nothing more is released, unless the action is `continue`.
 * 4. An offline cluster counts neither as healthy nor as failed. It is given the content in its turn. A wave none of whose
 *    clusters could be checked does not complete by itself, and neither does one in which none is healthy (unless
 *    the action is `continue`).
 * 5. A cluster is given the run's content, or what it had before, and nothing else.
 * 6. A cluster that joins takes the place its wave has; one that leaves is `gone` and blocks nothing.
 * 7. How a cluster did before is no reason not to release it.
 * 8. The same input twice changes nothing.
 * 9. `succeeded`: every target is healthy or gone, or offline with the content given. A run that went through all waves
 *    with failures that it may have ends as `stopped` and says so.
 *
 * Soak and deadline count on the run's watched clock alone; see `observe`.
 */
export function advance(run: Run, facts: Facts, now: Date): Advanced {
  if (isEnded(run)) return { run, steps: [] }
  const next = decide(observe(run, facts, now), facts, now)
  const again = lookAgainAt(next, facts, now)
  return {
    run: next,
    steps: [...givenSteps(run, next), ...records(run, next, facts), ...(again ? [{ kind: 'look-again' as const, at: again }] : [])],
  }
}

export function isEnded({ state }: Run): boolean {
  return RUN_ENDS.some((end) => end === state)
}

/** A person comes first, then going back, then failures: a bad revision is taken back before a newer one is tried. */
function decide(run: Run, facts: Facts, now: Date): Run {
  const { next } = facts
  if (next && next.cause !== 'revision') return end(run, { state: 'superseded', outcome: `ended for ${nameOf(next)}` }, now)
  if (run.state === 'rolling-back') return goBack(run, now)
  const failures = failuresOf(run)
  if (failures.exceeded && run.policy.action === 'rollback') return goBack(withState(run, 'rolling-back'), now)
  if (failures.exceeded && run.policy.action === 'stop') return end(run, { state: 'stopped', outcome: stopped(run, failures) }, now)
  if (next && run.policy.onNewRevision === 'supersede') return end(run, { state: 'superseded', outcome: `ended for ${nameOf(next)}` }, now)
  return onward(walkWaves(run, facts, now), facts, now)
}

function stopped(run: Run, { count, most }: Failures): string {
  const failed = `${count} ${count === 1 ? 'cluster' : 'clusters'} failed, and ${most === 0 ? 'none' : `only ${most}`} may; nothing more is released`
  return because(failed, run)
}

/** With the first cluster that failed, and why. */
function because(outcome: string, run: Run): string {
  const why = blame(run)
  return why === undefined ? outcome : `${outcome}; ${why}`
}

function nameOf({ cause, content }: NextRun): string {
  return cause === 'revision' ? `${content.revision}, which is newer` : `a ${cause} to ${content.revision}`
}

function withState(run: Run, state: Run['state']): Run {
  return run.state === state ? run : { ...run, state }
}

function end(run: Run, ended: Pick<Run, 'state' | 'outcome'>, now: Date): Run {
  return { ...run, ...ended, endedAt: now }
}

function goBack(run: Run, now: Date): Run {
  const back = takeBack(run, now)
  const left = [...back.targets.values()].filter(({ given, state }) => given === 'before' && state === 'released')
  if (left.length > 0) return back
  return end(back, { state: 'rolled-back', outcome: because(taken(back), back) }, now)
}

function taken({ content, targets }: Run): string {
  const given = [...targets.values()].filter(({ state }) => state !== 'gone')
  const all = given.every((one) => one.given !== 'before' || one.state === 'rolled-back')
  const kept = given.filter((one) => one.given === 'content').length
  const keep = kept === 0 ? '' : `; ${kept === 1 ? '1 cluster keeps' : `${kept} clusters keep`} it, with nothing known from before`
  return `every cluster ${all ? 'has' : 'that answers has'} what it had before ${content.revision}${keep}`
}

function onward(run: Run, facts: Facts, now: Date): Run {
  const wave = run.waves[currentWave(run)]
  if (wave) return withState(run, wave.state === 'pending' || wave.state === 'soaking' ? wave.state : 'progressing')
  const counts = countTargets(run)
  if (counts.waiting + counts.released > 0)
    return withState(run, counts.released === 0 && !mayRelease(run, facts) ? 'pending' : 'progressing')
  if (counts.failed === 0) return end(run, { state: 'succeeded', outcome: succeeded(counts) }, now)
  return end(
    run,
    { state: 'stopped', outcome: because(`went through every wave; ${counts.failed} of ${counts.total} clusters failed`, run) },
    now,
  )
}

function succeeded({ healthy, offline }: TargetCounts): string {
  if (offline === 0) return `healthy in all of ${healthy} clusters`
  return `healthy in ${healthy} clusters; ${offline === 1 ? '1 is offline and gets it when it is' : `${offline} are offline and get it when they are`} back`
}
