import { formatDuration } from '../../../proto/model/duration.ts'
import type { ClusterId } from '../../../proto/model/ids.ts'
import type { ClusterFacts, Complaint, Facts, Run, Target } from '../model.ts'
import { assignWaves } from '../waves.ts'

/** Longer than this between two looks, and nobody watched: a hub that slept counts nothing. */
export const UNWATCHED_MS = 60_000

/** The run after a look: its watched clock, and each target as the facts say it is. Nothing is given to anybody. */
export function observe(run: Run, facts: Facts, now: Date): Run {
  const gapMs = run.lookedAt ? now.getTime() - run.lookedAt.getTime() : 0
  const elapsedMs = gapMs > 0 && gapMs <= UNWATCHED_MS ? gapMs : 0
  const clockMs = run.clockMs + elapsedMs
  const lookedAt = run.lookedAt?.getTime() === now.getTime() ? run.lookedAt : now
  const targets = observeTargets(run, facts, { run, again: lookedAt === run.lookedAt, clockMs, elapsedMs })
  const same = targets === run.targets && clockMs === run.clockMs && lookedAt === run.lookedAt
  return same ? run : { ...run, clockMs, lookedAt, targets }
}

interface Moment {
  readonly run: Run
  /** The look is the last one once more. */
  readonly again: boolean
  readonly clockMs: number
  /** Watched at most since the last look. */
  readonly elapsedMs: number
}

function observeTargets(run: Run, facts: Facts, moment: Moment): Run['targets'] {
  const present = new Map(facts.clusters.map((one) => [one.cluster, one]))
  const changed = new Map<ClusterId, Target>()
  for (const target of run.targets.values()) {
    const next = observeTarget(target, present.get(target.cluster), moment)
    if (next !== target) changed.set(target.cluster, next)
  }
  for (const target of joiners(run, facts)) changed.set(target.cluster, target)
  return changed.size === 0 ? run.targets : new Map([...run.targets, ...changed])
}

/** Clusters that the run does not know yet, each in the first wave that matches it and has room. */
function joiners(run: Run, { clusters }: Facts): readonly Target[] {
  const fresh = clusters.filter(({ cluster }) => !run.targets.has(cluster))
  if (fresh.length === 0) return []
  const taken = run.waves.map(() => 0)
  for (const { state, wave } of run.targets.values()) if (state !== 'gone') taken[wave] = (taken[wave] ?? 0) + 1
  const { waves } = assignWaves(
    run.waves.map(({ plan }) => plan),
    fresh,
    { taken },
  )
  return fresh.flatMap(({ cluster, name }) => {
    const wave = waves.get(cluster)
    return wave === undefined ? [] : [{ cluster, name, wave, state: 'waiting' as const, given: 'nothing' as const }]
  })
}

function observeTarget(target: Target, facts: ClusterFacts | undefined, moment: Moment): Target {
  if (!facts) return changed(target, { state: 'gone', sinceMs: undefined, was: undefined, complaint: undefined })
  if (target.state === 'gone') return returned(target, moment.run)
  if (moment.again && target.givenAt?.getTime() === moment.run.lookedAt?.getTime()) return target
  const timed = changed(target, { sinceMs: sinceWatched(target, facts, moment) })
  if (target.given === 'nothing') return timed
  return target.given === 'content' ? judged(timed, facts, moment) : takenBack(timed, facts, moment)
}

/** What it has may be another by now: it is given its content again in its turn, or taken back once more. */
function returned(target: Target, { state }: Run): Target {
  if (state !== 'rolling-back' || target.given === 'nothing') return changed(target, { state: 'waiting', given: 'nothing' })
  return changed(target, { state: 'released', given: 'content' })
}

/** Time in which the cluster was not watched is taken out by moving the start on. On the way back nobody asks how it does. */
function sinceWatched({ given, sinceMs }: Target, { health, watchedMs }: ClusterFacts, { elapsedMs }: Moment): number | undefined {
  if (sinceMs === undefined) return undefined
  const watched = health === 'offline' || (health === 'unknown' && given === 'content') ? 0 : Math.max(0, Math.min(elapsedMs, watchedMs))
  return sinceMs + elapsedMs - watched
}

function judged(target: Target, facts: ClusterFacts, moment: Moment): Target {
  const was = target.state === 'offline' ? (target.was ?? 'released') : target.state
  switch (facts.health) {
    case 'offline':
      return changed(target, { state: 'offline', was, complaint: facts.complaint })
    case 'unknown':
      return changed(target, { state: was, was: undefined, complaint: facts.complaint })
    case 'healthy': {
      const sinceMs = was === 'healthy' ? target.sinceMs : moment.clockMs
      return changed(target, { state: 'healthy', was: undefined, sinceMs, complaint: undefined })
    }
    case 'failed':
      return failed(target, facts.complaint)
    case 'progressing':
      return was === 'failed'
        ? changed(target, { state: 'failed', was: undefined })
        : progressing({ ...target, state: was }, target, { facts, moment })
    default:
      return facts.health satisfies never
  }
}

function progressing(from: Target, target: Target, { facts, moment }: { readonly facts: ClusterFacts; readonly moment: Moment }): Target {
  const { clockMs, run } = moment
  const acked = facts.acked === run.content.revision ? clockMs : undefined
  const sinceMs = from.state === 'healthy' ? clockMs : (from.sinceMs ?? acked)
  if (isOverdue(sinceMs, moment)) return failed(target, overdue(facts.complaint, moment))
  return changed(target, { state: 'released', was: undefined, sinceMs, complaint: facts.complaint })
}

/**
 * On its way back it is `released` until its agent acknowledged what it had; it is not judged by its health there. Why it
 * failed stays with it: that is why the run goes back.
 */
function takenBack(target: Target, facts: ClusterFacts, moment: Moment): Target {
  if (target.state === 'rolled-back') return target
  const culprit = target.failedOnce ? target.complaint : undefined
  if (facts.acked === target.before?.revision)
    return changed(target, { state: 'rolled-back', was: undefined, sinceMs: undefined, complaint: culprit })
  if (facts.health === 'offline') return changed(target, { state: 'offline', was: 'released', complaint: culprit ?? facts.complaint })
  if (isOverdue(target.sinceMs, moment))
    return changed(target, { state: 'failed', was: undefined, sinceMs: undefined, complaint: culprit ?? unanswered(target, moment) })
  return target.state === 'failed' ? target : changed(target, { state: 'released', was: undefined })
}

function failed(target: Target, complaint: Complaint | undefined): Target {
  return changed(target, { state: 'failed', was: undefined, sinceMs: undefined, complaint, failedOnce: true })
}

function isOverdue(sinceMs: number | undefined, { clockMs, run }: Moment): boolean {
  return sinceMs !== undefined && clockMs - sinceMs >= run.policy.progressDeadlineMs
}

function overdue(complaint: Complaint | undefined, { run }: Moment): Complaint {
  const after = `not healthy after ${formatDuration(run.policy.progressDeadlineMs)}`
  const message = complaint ? `${after}: ${complaint.message}` : after
  return { object: complaint?.object, reason: 'ProgressDeadlineExceeded', message }
}

function unanswered({ before }: Target, { run }: Moment): Complaint {
  const message = `its agent has not acknowledged ${before?.revision} after ${formatDuration(run.policy.progressDeadlineMs)}`
  return { reason: 'ProgressDeadlineExceeded', message }
}

/** The target with what changed; itself where nothing does. */
function changed(target: Target, patch: Partial<Target>): Target {
  const { complaint, ...rest } = patch
  const same = Object.entries(rest).every(([name, value]) => target[name as keyof Target] === value)
  return same && (!('complaint' in patch) || sameComplaint(complaint, target.complaint)) ? target : { ...target, ...patch }
}

function sameComplaint(a: Complaint | undefined, b: Complaint | undefined): boolean {
  return a?.message === b?.message && a?.reason === b?.reason && a?.object === b?.object
}
