import { messageOf } from '../../../proto/base/errors.ts'
import type { StoredRelease } from '../../../proto/helm/stored.ts'
import { metaTime } from '../../../proto/model/condition.ts'
import type { HelmRelease } from '../../../proto/model/flux/helm/kinds.ts'
import type { HelmReleaseOutcome, ReleaseAct, Snapshot } from '../../mirror/model.ts'
import { activeStrategy, keptHistory } from '../decision/strategy.ts'
import type { NextAction, ReleaseState } from '../model.ts'
import { releaseTarget } from '../names.ts'
import type { ReleaseJob } from '../ports.ts'
import { renderedBy } from '../snapshot/digests.ts'
import { hasBeenTested, latest, record } from '../snapshot/history.ts'
import { snapshotOf, testHooksOf } from '../snapshot/observe.ts'
import { type CarryOutDeps, carryOut } from './carry-out.ts'
import {
  releaseFailed,
  releaseSucceeded,
  remedyFailed,
  remedySucceeded,
  rollbackFailed,
  rollbackSucceeded,
  testFailed,
  testSucceeded,
  unlocked,
  unlockFailed,
} from './messages.ts'

export type ActDeps = CarryOutDeps

type Doable = Exclude<NextAction, { kind: 'nothing' | 'stalled' }>

interface Doing {
  readonly next: Doable
  /** Helm's storage before the action. */
  readonly storage: readonly StoredRelease[]
  readonly state: ReleaseState
}

/** What came of an action; `untouched` where nothing of it is in Helm's storage. */
export interface Acted {
  readonly kind: 'touched' | 'untouched'
  readonly object: HelmRelease
  /** Helm's storage after the action. */
  readonly storage: readonly StoredRelease[]
}

/** Carries one action out, takes down what Helm's storage has of it, and notes how it went: what follows is said at once. */
export async function act(deps: ActDeps, job: ReleaseJob, doing: Doing): Promise<Acted> {
  const { next, storage } = doing
  const startedMs = deps.clock.now().getTime()
  const error = next.kind === 'unlock' ? await unlock(deps, job, storage) : await carryOut(deps, job, next)
  const after = await deps.helm.history(releaseTarget(job.object), job)
  const history = remember(historyBefore(job.object, doing), { job, next, before: storage, after, now: deps.clock.now() })
  const isTouched = secretsOf(after) !== secretsOf(storage)
  const told = wordsFor(job, { next, history, error, storage })
  const outcome: Extract<HelmReleaseOutcome, { kind: 'acted' }> = {
    kind: 'acted',
    act: next.kind,
    isGood: error === undefined,
    message: told,
    durationMs: deps.clock.now().getTime() - startedMs,
    history,
    tests: { enabled: job.object.spec.test?.enable ?? false, ignored: job.object.spec.test?.ignoreFailures ?? false },
    ...(isRelease(next) && error === undefined ? { rendered: renderedBy(job.object.spec) } : {}),
    isCounted: next.kind === 'test' ? countsTests(job.object, history) : isRelease(next) && isTouched,
  }
  job.voice.event({ severity: error === undefined ? 'info' : 'error', reason: reasonFor(next.kind, error === undefined), message: told })
  return { kind: isTouched ? 'touched' : 'untouched', object: job.voice.note(outcome), storage: after }
}

/** Tests that could not be run are no word on the release. */
function countsTests({ spec, status }: HelmRelease, history: readonly Snapshot[]): boolean {
  const now = latest(history)
  return now !== undefined && hasBeenTested(now) && !activeStrategy(spec, status)?.ignoreTestFailures
}

/** A release that somebody left in the middle of an action has failed; what follows is as after any failure. */
async function unlock({ helm }: ActDeps, { account, signal }: ReleaseJob, [stored]: readonly StoredRelease[]): Promise<string | undefined> {
  if (!stored) return undefined
  const description = `Release unlocked from stale '${stored.info.status}' state`
  try {
    await helm.markFailed(stored, { account, description, signal })
    return undefined
  } catch (error) {
    signal.throwIfAborted()
    return messageOf(error)
  }
}

/** The history that an action goes on with. An install, or the take-over of somebody else's release, begins a new one; failures do not pile up. */
function historyBefore({ spec, status }: HelmRelease, { next, state }: Doing): readonly Snapshot[] {
  if (next.kind === 'install' || state.kind === 'unmanaged') return []
  const history = status.history ?? []
  return state.kind === 'failed' ? keptHistory(history, { spec, status }) : history
}

interface Remembering extends Pick<Doing, 'next'> {
  readonly job: ReleaseJob
  readonly before: readonly StoredRelease[]
  readonly after: readonly StoredRelease[]
  readonly now: Date
}

/** The history with what Helm's storage has now of the releases it names, and of the newest one that the action wrote. */
function remember(was: readonly Snapshot[], { job, next, before, after, now }: Remembering): readonly Snapshot[] {
  const [newest] = after
  const isWritten = secretsOf(after.slice(0, 1)) !== secretsOf(before.slice(0, 1))
  const known = new Set(was.map(({ version }) => version))
  const written = after.filter((stored) => known.has(stored.version) || (stored === newest && isWritten))
  const snapshots = written.map((stored) => {
    const old = was.find(({ version }) => version === stored.version)
    const ociDigest = isRelease(next) && stored === newest && !old ? job.chart.ociDigest : old?.ociDigest
    return snapshotOf(stored, { action: old?.action ?? next.kind, ...(ociDigest ? { ociDigest } : {}) })
  })
  const history = record(was, snapshots)
  const ran = newest && next.kind === 'test' ? tested(history, newest, job.object.spec.test) : history
  return next.kind === 'uninstall' ? gone(ran, after, now) : ran
}

function tested(history: readonly Snapshot[], newest: StoredRelease, { filters }: NonNullable<HelmRelease['spec']['test']> = {}) {
  return history.map((one) => (one.version === newest.version ? { ...one, testHooks: testHooksOf(newest, filters) } : one))
}

/** What Helm's storage does not have after an uninstall was taken away by it. */
function gone(history: readonly Snapshot[], after: readonly StoredRelease[], now: Date): readonly Snapshot[] {
  const last = latest(history)
  if (!last || after.some(({ version }) => version === last.version)) return history
  return history.map((one) => (one === last ? { ...one, status: 'uninstalled', deleted: metaTime(now) } : one))
}

function wordsFor(
  { chart, object }: ReleaseJob,
  o: {
    readonly next: Doable
    readonly history: readonly Snapshot[]
    readonly error: string | undefined
    readonly storage: readonly StoredRelease[]
  },
): string {
  const { error, history, next, storage } = o
  const now = latest(history)
  if (isRelease(next) && (error !== undefined || !now))
    return releaseFailed(next.kind as 'install' | 'upgrade', {
      target: releaseTarget(object),
      chart,
      error: error ?? 'no release was stored',
    })
  if (!now) return error ?? ''
  switch (next.kind) {
    case 'install':
    case 'upgrade':
      return releaseSucceeded(next.kind, now)
    case 'test':
      return error === undefined ? testSucceeded(now) : testFailed(now, error)
    case 'rollback': {
      const to = history.find(({ version }) => version === next.to) ?? now
      return error === undefined ? rollbackSucceeded(to) : rollbackFailed(to, error)
    }
    case 'uninstall':
      return error === undefined ? remedySucceeded(now) : remedyFailed(now, error)
    case 'unlock': {
      const locked = storage[0]?.info.status ?? 'pending'
      return error === undefined ? unlocked(now, locked) : unlockFailed(now, locked, error)
    }
    default:
      return next satisfies never
  }
}

function reasonFor(act: ReleaseAct, isGood: boolean): string {
  if (act === 'unlock') return 'PendingRelease'
  return `${act.charAt(0).toUpperCase()}${act.slice(1)}${isGood ? 'Succeeded' : 'Failed'}`
}

function isRelease(next: Doable): boolean {
  return next.kind === 'install' || next.kind === 'upgrade'
}

/** Text that is equal while nobody writes to Helm's storage. */
function secretsOf(storage: readonly StoredRelease[]): string {
  return storage.map(({ secret }) => `${secret.name} ${secret.resourceVersion}`).join('\n')
}
