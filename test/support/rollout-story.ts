import { advance } from '../../hub/rollout/advance.ts'
import type { ClusterFacts, Facts, Run, Step, TargetState } from '../../hub/rollout/model.ts'
import { aRun, aTarget, CONTENT, facts, later, OLD, type RunShape } from './rollout-builders.ts'

// What stories of runs are told with: looks one after the other, and clusters as they are seen.

export const HEALTHY = { health: 'healthy', acked: CONTENT.revision } as const
export const FAILED = {
  health: 'failed',
  acked: CONTENT.revision,
  complaint: { object: 'Kustomization/a/b', reason: 'BuildFailed', message: 'no such file' },
} as const

export const WHY = 'a: Kustomization/a/b: no such file'

/** Plays looks one after the other, at seconds after the first; gives back the last one. */
export function play(run: Run, looks: readonly (readonly [number, Facts])[]): { readonly run: Run; readonly steps: readonly Step[] } {
  let last = { run, steps: [] as readonly Step[] }
  for (const [seconds, known] of looks) last = advance(last.run, known, later(seconds * 1000))
  return last
}

export function states({ targets }: Run): Readonly<Record<string, TargetState>> {
  return Object.fromEntries([...targets.values()].map(({ name, state }) => [name, state]))
}

export const fleet = (...clusters: readonly ClusterFacts[]) => facts({ clusters })
export const released = (name: string, over = {}) => aTarget(name, { state: 'released', given: 'content', before: OLD, ...over })
export const healthy = (name: string, over = {}) => aTarget(name, { state: 'healthy', given: 'content', before: OLD, sinceMs: 0, ...over })
export const running = (shape: RunShape) => aRun({ state: 'progressing', ...shape })
