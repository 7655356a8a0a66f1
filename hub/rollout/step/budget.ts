import { countOf } from '../../../proto/model/fleet/amount.ts'
import type { Run, Target, TargetState, WavePlan } from '../model.ts'

/** Failures of a run and how many it may have; clusters that left count for neither. */
export interface Failures {
  readonly count: number
  readonly most: number
  readonly exceeded: boolean
}

/** Targets of a run, or of one of its waves, by state; `total` is without those that are gone. */
export type TargetCounts = Readonly<Record<TargetState | 'total', number>>

export function countTargets({ targets }: Run, wave?: number): TargetCounts {
  const counts = { waiting: 0, released: 0, healthy: 0, failed: 0, offline: 0, 'rolled-back': 0, gone: 0, total: 0 }
  for (const target of targets.values()) {
    if (wave !== undefined && target.wave !== wave) continue
    counts[target.state]++
    if (target.state !== 'gone') counts.total++
  }
  return counts
}

export function failuresOf({ policy, targets }: Run): Failures {
  let total = 0
  let count = 0
  for (const { failedOnce, state } of targets.values()) {
    if (state === 'gone') continue
    total++
    if (failedOnce) count++
  }
  const most = countOf(policy.maxFailures, total)
  return { count, most, exceeded: count > most }
}

/** How many more clusters of a wave may be on their way; never below zero, also where clusters came back all at once. */
export function roomIn({ maxConcurrent }: WavePlan, members: readonly Target[]): number {
  const present = members.filter(({ state }) => state !== 'gone').length
  const onTheirWay = members.filter(({ state }) => state === 'released').length
  return Math.max(0, Math.max(1, countOf(maxConcurrent, present)) - onTheirWay)
}
