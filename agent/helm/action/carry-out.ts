import { delayMs } from '../../../proto/base/backoff.ts'
import type { Clock } from '../../../proto/base/clock.ts'
import { mayRetry } from '../../../proto/base/errors.ts'
import { anyOf } from '../../../proto/base/signals.ts'
import type { HelmAction, HelmOutcome } from '../../../proto/helm/protocol.ts'
import { readHealthChecks } from '../../../proto/model/flux/health-checks.ts'
import type { NextAction } from '../model.ts'
import { releaseTarget } from '../names.ts'
import type { Helm, ReleaseHealth, ReleaseJob, ReleaseWait } from '../ports.ts'
import { conclusion } from './conclude.ts'
import { actionDeadlineMs, actionTimeoutMs, postRender, releaseRequest, rollbackRequest, testRequest, uninstallRequest } from './request.ts'

export interface CarryOutDeps {
  readonly helm: Helm
  readonly health: ReleaseHealth
  readonly clock: Clock
}

type Helmed = Extract<NextAction, { kind: 'install' | 'upgrade' | 'test' | 'rollback' | 'uninstall' }>

/**
 * Has Helm carry an action out. Where nothing is left of it but to wait, no program waits: its record is written here.
 * @returns why it failed; undefined where it did not
 */
export async function carryOut(deps: CarryOutDeps, job: ReleaseJob, next: Helmed): Promise<string | undefined> {
  const { helm } = deps
  const target = releaseTarget(job.object)
  const outcome = await ask(deps, job, next)
  if (outcome.kind !== 'waiting') return errorOf(outcome)
  const { waiting } = outcome
  const why = await job.rest(waitFor(deps, job, next.kind)(waiting.objects, job.signal))
  const isOurs = await untilWritten(deps, job, async () => {
    const records = conclusion({ act: next.kind, waiting, storage: await helm.history(target, job), why })
    if (records) await helm.write(records, job)
    return records !== undefined
  })
  if (!isOurs) return 'the release was changed by somebody else while its objects were waited for'
  return why !== undefined && next.kind === 'rollback' ? `release ${target.name} failed: ${why}` : why
}

const TRIES = 6
const BACKOFF = { baseMs: 500, capMs: 10_000, jitter: 0.5 }

/** A release that stays pending has failed in the end: an API server that is away for a moment is waited for. */
async function untilWritten<T>({ clock }: CarryOutDeps, { signal }: ReleaseJob, write: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++)
    try {
      return await write()
    } catch (error) {
      signal.throwIfAborted()
      if (attempt >= TRIES || !mayRetry(error)) throw error
      await clock.sleep(delayMs(attempt, BACKOFF), signal)
    }
}

export function errorOf(outcome: HelmOutcome): string | undefined {
  switch (outcome.kind) {
    case 'done':
      return undefined
    case 'refused':
      return outcome.answer.error.trim()
    case 'waiting':
      return 'helm left a wait that nobody takes over'
    default:
      return outcome.message.trim()
  }
}

async function ask(deps: CarryOutDeps, job: ReleaseJob, next: Helmed): Promise<HelmOutcome> {
  const { account, chart, object, secrets, signal, values } = job
  const { spec } = object
  const limits = { account, deadlineMs: actionDeadlineMs(spec, next.kind), signal, wait: waitFor(deps, job, next.kind) }
  const run = (action: HelmAction) => deps.helm.run(action, limits)
  const target = releaseTarget(object)
  switch (next.kind) {
    case 'install':
    case 'upgrade': {
      await using onDisk = await chart.onDisk()
      const input = { chart: { path: onDisk.path, version: chart.version }, values, secrets, postRender: postRender(object) }
      return await run(releaseRequest(next.kind, { spec, target, input }))
    }
    case 'test':
      return run(testRequest(spec, target))
    case 'rollback':
      return run(rollbackRequest(spec, target, next.to))
    case 'uninstall':
      return run(uninstallRequest(spec, target))
    default:
      return next satisfies never
  }
}

/** Waits for what an action applied, by the release's own word on health. */
function waitFor({ health }: CarryOutDeps, { account, object, signal }: ReleaseJob, act: Helmed['kind']): ReleaseWait {
  const { spec } = object
  const checks = readHealthChecks(spec.healthCheckExprs)
  const withJobs = act === 'test' || act === 'uninstall' || !spec[act]?.disableWaitForJobs
  const o = { account, checks: 'judge' in checks ? checks : undefined, withJobs, timeoutMs: actionTimeoutMs(spec, act) }
  return (objects, stop) => health.wait(objects, { ...o, signal: anyOf(signal, stop) })
}
