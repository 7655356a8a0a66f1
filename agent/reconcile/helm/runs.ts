import type { HelmPlan } from './model.ts'

/** The last time a release was looked at. */
export interface Run {
  readonly generation: number
  readonly plan: Extract<HelmPlan, { kind: 'release' }>
  /** When it is to be looked at again. */
  readonly dueMs: number
}

/** Whether it is too soon to look again: nothing that it depends on has changed. */
export function isKept(run: Run, { generation, nowMs, plan }: Omit<Run, 'dueMs'> & { readonly nowMs: number }): boolean {
  return (
    nowMs < run.dueMs - EARLY_MS &&
    run.generation === generation &&
    run.plan.digest === plan.digest &&
    run.plan.revision === plan.revision &&
    run.plan.account.name === plan.account.name &&
    run.plan.account.namespace === plan.account.namespace
  )
}

/** Timers are not exact. */
const EARLY_MS = 50
