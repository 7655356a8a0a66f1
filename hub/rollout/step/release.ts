import type { ClusterId } from '../../../proto/model/ids.ts'
import type { ClusterFacts, Facts, Run, Target } from '../model.ts'
import { roomIn } from './budget.ts'

/** One look: what is known, and when. */
export interface Moment {
  readonly facts: Facts
  readonly now: Date
}

/** True while clusters may be released at all; a window never holds up the way back. */
export function mayRelease(run: Run, { paused, window }: Facts): boolean {
  return !paused && (window.open || run.cause === 'rollback')
}

/**
 * Gives clusters of a wave the run's content, by name order, as many as have room. One that is offline takes no room: its
 * Release waits for it. How a cluster did before is no reason to pass it over: what comes may be what mends it.
 */
export function releaseWave(run: Run, index: number, { facts, now }: Moment): Run {
  const plan = run.waves[index]?.plan
  const waiting = membersOf(run, index).filter(({ state }) => state === 'waiting')
  if (!plan || waiting.length === 0 || !mayRelease(run, facts)) return run
  const present = factsOf(facts)
  const released = new Map<ClusterId, Target>()
  let room = roomIn(plan, membersOf(run, index))
  for (const target of waiting.sort(byName)) {
    const found = present.get(target.cluster)
    if (room === 0) break
    if (!found) continue
    const state = found.health === 'offline' ? 'offline' : 'released'
    if (state === 'released') room--
    released.set(target.cluster, { ...target, state, given: 'content', givenAt: now, before: found.before, complaint: found.complaint })
  }
  return released.size === 0 ? run : { ...run, targets: new Map([...run.targets, ...released]) }
}

/** Every cluster that has the run's content and had something before is to have that again. */
export function takeBack(run: Run, now: Date): Run {
  const back = new Map<ClusterId, Target>()
  for (const target of run.targets.values()) {
    if (target.given !== 'content' || target.state === 'gone' || !target.before) continue
    const state = target.state === 'offline' ? 'offline' : 'released'
    back.set(target.cluster, { ...target, state, given: 'before', givenAt: now, sinceMs: run.clockMs })
  }
  return back.size === 0 ? run : { ...run, targets: new Map([...run.targets, ...back]) }
}

export function membersOf({ targets }: Run, index: number): Target[] {
  return [...targets.values()].filter(({ wave }) => wave === index)
}

function factsOf({ clusters }: Facts): ReadonlyMap<ClusterId, ClusterFacts> {
  return new Map(clusters.map((one) => [one.cluster, one]))
}

function byName(a: Target, b: Target): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0
}
