import { messageOf } from '../../proto/base/errors.ts'
import type { Random } from '../../proto/base/random.ts'
import { formatDuration } from '../../proto/model/duration.ts'
import type { Kustomization } from '../../proto/model/flux/kustomize/kinds.ts'
import { refKey } from '../../proto/model/object-ref.ts'
import type { RunDeps } from './apply-run.ts'
import { healthChecks } from './expressions.ts'
import type { Plan } from './model.ts'
import type { Run } from './runs.ts'
import { intervalMs, retryMs } from './schedule.ts'

export type StandingDeps = RunDeps & {
  readonly random: Random
  /** Brings the object back into the queue. */
  readonly again: (key: string, afterMs: number) => void
}

/** A Kustomization and the content that it is to have. */
export interface Standing {
  readonly key: string
  readonly object: Kustomization
  readonly plan: Extract<Plan, { kind: 'apply' }>
}

type Standings = Standing & { readonly run: Run }

/** Says where the last run stands under the present revision. @returns when to look again, in milliseconds */
export async function tellRun(deps: StandingDeps, standing: Standings, signal: AbortSignal): Promise<number> {
  const { key, object, plan, run } = standing
  const attempt = { revision: plan.revision, digest: run.digest, durationMs: run.durationMs }
  const inventory = deps.toEntries(run.items)
  switch (run.health.kind) {
    case 'running':
      await tellRunning(deps, { ...standing, sinceMs: run.health.sinceMs }, signal)
      break
    case 'failed':
      await deps.voice.status(key, { kind: 'failed', reason: 'HealthCheckFailed', message: run.health.why, attempt, inventory }, signal)
      return retryMs(object.spec)
    default: {
      const health = run.health.kind === 'passed' ? run.health : ({ kind: 'unchecked' } as const)
      await deps.voice.status(key, { kind: 'succeeded', attempt, inventory, health, changed: false }, signal)
      tellEnd(deps, standing)
    }
  }
  return intervalMs(object.spec, deps.random.next())
}

/** Once per run that changed something: a commit that changes nothing for an object is no event of it. */
function tellEnd(deps: StandingDeps, { key, object, plan, run }: Standings): void {
  if (run.told || !run.changed) return
  run.told = true
  const message = `Reconciliation finished in ${formatDuration(run.durationMs)}, next run in ${object.spec.interval}`
  deps.voice.event(key, { severity: 'info', reason: 'ReconciliationSucceeded', message, revision: plan.revision })
}

/** Health that comes at once needs no word of waiting. */
async function tellRunning(
  deps: StandingDeps,
  { key, object, plan, run, sinceMs }: Standings & { readonly sinceMs: number },
  signal: AbortSignal,
): Promise<void> {
  const waitedMs = deps.clock.now().getTime() - sinceMs
  if (waitedMs < deps.quietMs) {
    deps.again(key, deps.quietMs - waitedMs)
    return
  }
  const message = deps.progress('health', plan.revision, object.spec)
  const inventory = deps.toEntries(run.items)
  await deps.voice.status(key, { kind: 'progressing', message, attemptedRevision: plan.revision, checkingHealth: true, inventory }, signal)
}

/** Waits for health without holding a worker: the wait's end brings the object back into the queue. */
export function startHealth(deps: StandingDeps, { key, object, run }: Standings): void {
  if (run.health.kind !== 'running') return
  const { stop, sinceMs } = run.health
  const awaited = deps.awaited(object, run.items)
  const owned = new Set(run.items.map(({ ref }) => refKey(ref)))
  const checks = healthChecks(object.spec)
  const wait = { account: run.account, owned, timeoutMs: deps.timeoutMs(object.spec), signal: stop.signal, checks }
  deps.workload.awaitHealth(awaited, wait).then(
    (end) => {
      const nowMs = deps.clock.now().getTime()
      const durationMs = nowMs - sinceMs
      run.health =
        end.kind === 'healthy' ? { kind: 'passed', durationMs } : { kind: 'failed', why: unhealthy(end, durationMs), sinceMs: nowMs }
      if (run.health.kind === 'failed')
        deps.voice.event(key, { severity: 'error', reason: 'HealthCheckFailed', message: run.health.why, revision: '' })
      deps.again(key, 0)
    },
    (error: unknown) => {
      if (stop.signal.aborted) return
      run.health = { kind: 'failed', why: messageOf(error), sinceMs: deps.clock.now().getTime() }
      deps.again(key, 0)
    },
  )
}

/** Ends the watches and the wait of a run that another one replaces. */
export function endRun({ health, held }: Run): void {
  if (health.kind === 'running') health.stop.abort()
  held[Symbol.dispose]()
}

function unhealthy(end: { readonly kind: 'failed' | 'timeout'; readonly why: string }, durationMs: number): string {
  const after = `health check failed after ${(durationMs / 1000).toFixed(3)}s`
  return end.kind === 'failed' ? `${after}: failed early due to stalled resources: ${end.why}` : `${after}: timeout waiting for: ${end.why}`
}
