import type { ClusterFacts, Content, Facts, Policy, Run, Target, Wave, WavePlan, WaveState } from '../../hub/rollout/model.ts'
import type { ClusterId } from '../../proto/model/ids.ts'

export const NOW = new Date('2026-01-05T12:00:00Z')
export const CONTENT: Content = { revision: 'main@sha1:2', artifact: 'sha256:2' }
export const OLD: Content = { revision: 'main@sha1:1', artifact: 'sha256:1' }

export function idOf(name: string): ClusterId {
  return `c-${name}` as ClusterId
}

export function later(ms: number): Date {
  return new Date(NOW.getTime() + ms)
}

export function aTarget(name: string, over: Partial<Target> = {}): Target {
  return { cluster: idOf(name), name, wave: 0, state: 'waiting', given: 'nothing', ...over }
}

/** A cluster of the fleet, connected and watched all the time, on its way. */
export function aCluster(name: string, over: Partial<ClusterFacts> = {}): ClusterFacts {
  return { cluster: idOf(name), name, labels: {}, health: 'progressing', before: OLD, watchedMs: Number.MAX_SAFE_INTEGER, ...over }
}

export function facts(over: Partial<Facts> = {}): Facts {
  return { clusters: [], window: { open: true }, paused: false, approvals: new Map(), skips: new Map(), ...over }
}

export interface RunShape {
  readonly state?: Run['state']
  readonly cause?: Run['cause']
  readonly waves?: readonly (Partial<WavePlan> & { readonly state?: WaveState })[]
  readonly targets?: readonly Target[]
  readonly policy?: Partial<Policy>
}

/** A run that was last looked at `NOW`; one wave of one cluster at a time where nothing else is said. */
export function aRun({ cause = 'revision', policy, state = 'pending', targets = [], waves = [{}] }: RunShape = {}): Run {
  return {
    id: 'run',
    cause,
    content: CONTENT,
    policy: { maxFailures: 0, progressDeadlineMs: 900_000, action: 'stop', onNewRevision: 'supersede', ...policy },
    waves: waves.map(
      ({ state: at = 'waiting', ...plan }, index): Wave => ({
        plan: { name: `wave-${index}`, maxConcurrent: 1, soakMs: 0, approval: false, ...plan },
        state: at,
      }),
    ),
    targets: new Map(targets.map((target) => [target.cluster, target])),
    state,
    clockMs: 0,
    lookedAt: NOW,
    startedAt: NOW,
  }
}
