import type { Facts, Run, Target, Wave } from '../model.ts'
import { isDone } from '../next.ts'
import { type Moment, mayRelease, membersOf, releaseWave } from './release.ts'

/**
 * The run after as many waves as can be passed now: each one starts when the one before is done, and what joined a wave
 * that is past follows there.
 */
export function walkWaves(run: Run, facts: Facts, now: Date): Run {
  let walked = run
  for (const index of run.waves.keys()) {
    walked = enterWave(walked, index, { facts, now })
    const wave = walked.waves[index]
    if (!wave || !isDone(wave)) break
  }
  return walked
}

/** The index of the wave that a run is in; the number of its waves when all are done. */
export function currentWave({ waves }: Run): number {
  const index = waves.findIndex((wave) => !isDone(wave))
  return index < 0 ? waves.length : index
}

function enterWave(run: Run, index: number, moment: Moment): Run {
  const wave = run.waves[index]
  if (!wave) return run
  const { facts, now } = moment
  if (isDone(wave)) return releaseWave(run, index, moment)
  const { name, approval } = wave.plan
  const skippedBy = facts.skips.get(name)
  if (skippedBy !== undefined)
    return releaseWave(withWave(run, index, { ...wave, state: 'skipped', skippedBy, completedAt: now }), index, moment)
  const approvedBy = wave.approvedBy ?? facts.approvals.get(name)
  const nobody = membersOf(run, index).every(({ state }) => state === 'gone')
  if (approval && approvedBy === undefined && !nobody) return withWave(run, index, { ...wave, state: 'pending' })
  return settle(releaseWave(run, index, moment), index, { ...moment, approvedBy })
}

function settle(run: Run, index: number, { approvedBy, facts, now }: Moment & { readonly approvedBy: string | undefined }): Run {
  const wave = run.waves[index]
  if (!wave) return run
  const members = membersOf(run, index).filter(({ state }) => state !== 'gone')
  const state = stateOf(wave, members, { run, facts })
  const startedAt = wave.startedAt ?? (state === 'complete' || members.some(({ given }) => given !== 'nothing') ? now : undefined)
  const next: Wave = { ...wave, state, approvedBy, startedAt }
  return withWave(run, index, state === 'complete' ? { ...next, completedAt: now } : next)
}

function stateOf({ plan }: Wave, members: readonly Target[], { facts, run }: { readonly run: Run; readonly facts: Facts }): Wave['state'] {
  if (members.length === 0) return 'complete'
  if (members.some(({ state }) => state === 'waiting' || state === 'released')) {
    const stands = members.every(({ state }) => state !== 'released') && !mayRelease(run, facts)
    return stands ? 'pending' : 'progressing'
  }
  const healthy = members.filter(({ state }) => state === 'healthy')
  if (healthy.length === 0)
    return run.policy.action === 'continue' && members.some(({ state }) => state === 'failed') ? 'complete' : 'progressing'
  return healthy.every((one) => soakLeftMs(run, one, plan.soakMs) <= 0) ? 'complete' : 'soaking'
}

/** How long a healthy cluster is still to be watched. */
export function soakLeftMs({ clockMs }: Run, { sinceMs }: Target, soakMs: number): number {
  return soakMs - (clockMs - (sinceMs ?? clockMs))
}

function withWave(run: Run, index: number, next: Wave): Run {
  const wave = run.waves[index]
  if (!wave || Object.entries(next).every(([name, value]) => wave[name as keyof Wave] === value)) return run
  return { ...run, waves: run.waves.with(index, next) }
}
