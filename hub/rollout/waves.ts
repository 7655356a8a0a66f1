import { parseDurationMs } from '../../proto/model/duration.ts'
import { countOf } from '../../proto/model/fleet/amount.ts'
import { choosesCluster } from '../../proto/model/fleet/clusters.ts'
import type { RolloutWave } from '../../proto/model/fleet/rollout.ts'
import type { ClusterId } from '../../proto/model/ids.ts'
import type { WavePlan } from './model.ts'

/** A cluster that is to be in some wave. */
export interface Assignable {
  readonly cluster: ClusterId
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
}

export interface Assigned {
  /** Index of the wave of each cluster that has one. */
  readonly waves: ReadonlyMap<ClusterId, number>
  /** Names of the clusters that no wave takes, in order. */
  readonly unmatched: readonly string[]
}

/** The waves of a Rollout as a run pins them. */
export function planWaves(waves: readonly RolloutWave[]): readonly WavePlan[] {
  return waves.map(({ approval, clusters, max, maxConcurrent, name, soak }) => ({
    name,
    clusters,
    max,
    maxConcurrent,
    soakMs: parseDurationMs(soak) ?? 0,
    approval: approval === 'required',
  }))
}

/**
 * Assigns each cluster to the first wave that matches it and has room.
 *
 * A wave with `max` fills by name order. A cluster that was in it in the run before (`kept`, by name of the wave) comes
 * before all others, so that a canary stays the canary when a cluster with an earlier name joins. A share of `max` is of
 * all clusters, rounded down, at least one.
 * @param taken  clusters that are in a wave already, by its index: those of a run that others join
 */
export function assignWaves(
  plans: readonly WavePlan[],
  clusters: readonly Assignable[],
  { kept = new Map(), taken = [] }: { readonly kept?: ReadonlyMap<ClusterId, string>; readonly taken?: readonly number[] } = {},
): Assigned {
  const total = taken.reduce((sum, count) => sum + count, clusters.length)
  const waves = new Map<ClusterId, number>()
  let left = [...clusters].sort(byName)
  for (const [index, plan] of plans.entries()) {
    const takes = left.filter((one) => plan.clusters === undefined || choosesCluster(plan.clusters, one))
    const before = takes.filter(({ cluster }) => kept.get(cluster) === plan.name)
    const others = takes.filter(({ cluster }) => kept.get(cluster) !== plan.name)
    const room = Math.max(0, roomOf(plan, total) - (taken[index] ?? 0))
    for (const { cluster } of [...before, ...others].slice(0, room)) waves.set(cluster, index)
    left = left.filter(({ cluster }) => !waves.has(cluster))
  }
  return { waves, unmatched: left.map(({ name }) => name) }
}

/** The problem that clusters without a wave are, or undefined where there are none. */
export function unmatchedProblem(unmatched: readonly string[]): string | undefined {
  if (unmatched.length === 0) return undefined
  const named = unmatched.slice(0, 3).join(', ')
  const more = unmatched.length > 3 ? ` and ${unmatched.length - 3} more` : ''
  return `no wave takes ${named}${more}: add a wave with rest: true`
}

function roomOf({ max }: WavePlan, total: number): number {
  return max === undefined ? Number.POSITIVE_INFINITY : Math.max(1, countOf(max, total))
}

function byName(a: Assignable, b: Assignable): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0
}
