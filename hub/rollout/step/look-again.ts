import { type Facts, RUN_ENDS, type Run } from '../model.ts'
import { UNWATCHED_MS } from './observe.ts'
import { mayRelease } from './release.ts'
import { currentWave, soakLeftMs } from './walk.ts'

/** So often at least is a run looked at that has given anything: longer gaps count as not watched. */
const LOOK_MS = UNWATCHED_MS / 2
/** Watched time lags behind the clock by what was not watched; looking again at once would find the same. */
const SOONEST_MS = 250

/** When a run must be looked at again also if nothing is heard; undefined where only a person or another cluster can move it. */
export function lookAgainAt(run: Run, facts: Facts, now: Date): Date | undefined {
  if (RUN_ENDS.some((end) => end === run.state)) return undefined
  const times = [...watchTimes(run, now), ...windowTimes(run, facts)]
  return times.length === 0 ? undefined : new Date(Math.min(...times))
}

function watchTimes(run: Run, now: Date): readonly number[] {
  const soakMs = run.waves[currentWave(run)]?.plan.soakMs ?? 0
  let leftMs: number | undefined
  for (const target of run.targets.values()) {
    if (target.given === 'nothing' || target.state === 'gone') continue
    leftMs = Math.min(leftMs ?? LOOK_MS, LOOK_MS)
    if (target.state === 'released') leftMs = Math.min(leftMs, soakLeftMs(run, target, run.policy.progressDeadlineMs))
  }
  if (leftMs === undefined) return []
  if (run.state === 'soaking') leftMs = Math.min(leftMs, waveSoakLeftMs(run, soakMs))
  return [now.getTime() + Math.max(SOONEST_MS, leftMs)]
}

/** The cluster that became healthy last is the one that the wave waits for. */
export function waveSoakLeftMs(run: Run, soakMs: number): number {
  const index = currentWave(run)
  const left = [...run.targets.values()]
    .filter(({ state, wave }) => wave === index && state === 'healthy')
    .map((target) => soakLeftMs(run, target, soakMs))
  return Math.max(0, ...left)
}

function windowTimes(run: Run, { window, ...facts }: Facts): readonly number[] {
  const waits = !mayRelease(run, { ...facts, window }) && [...run.targets.values()].some(({ state }) => state === 'waiting')
  return waits && !window.open && window.changesAt ? [window.changesAt.getTime()] : []
}
