import type { StoredRelease } from '../../proto/helm/stored.ts'
import { formatDuration } from '../../proto/model/duration.ts'
import type { HelmRelease } from '../../proto/model/flux/helm/kinds.ts'
import type { InventoryEntry } from '../../proto/model/flux/kustomize/kustomization.ts'
import type { ServiceAccountRef } from '../../proto/model/identities.ts'
import { type ActDeps, act } from './action/act.ts'
import { fullName, releaseSucceeded } from './action/messages.ts'
import { actionTimeoutMs } from './action/request.ts'
import { nextAction } from './decision/decide.ts'
import { releaseState } from './decision/state.ts'
import { activeStrategy, failuresOf, isExhausted, keptHistory } from './decision/strategy.ts'
import type { NextAction, ReleaseState } from './model.ts'
import { releaseTarget } from './names.ts'
import type { Drift, ReleaseEnd, ReleaseJob } from './ports.ts'
import { renderedBy } from './snapshot/digests.ts'
import { latest } from './snapshot/history.ts'
import { renewed } from './snapshot/observe.ts'

export interface ReleaseDeps extends ActDeps {
  readonly drift: Drift
  /** The objects of a release, as inventory entries. */
  readonly inventoryOf: (
    stored: StoredRelease,
    o: { account: ServiceAccountRef; signal: AbortSignal },
  ) => Promise<readonly InventoryEntry[]>
}

/** Kinds of actions of which each is done once a job: what comes up twice is left to the next one. */
const TYPE = { install: 'release', upgrade: 'release', test: 'test', unlock: 'unlock', rollback: 'remedy', uninstall: 'remedy' } as const

/** Where a job is: the object with its present status, and the versions in Helm's storage. */
interface Standing {
  readonly object: HelmRelease
  readonly storage: readonly StoredRelease[]
  readonly state: ReleaseState
}

/**
 * Brings a release to where its HelmRelease wants it: looks, does the one thing that is next, looks again, until nothing
 * is left or a remedy was done. Source: Flux, helm-controller.
 */
export async function release(deps: ReleaseDeps, job: ReleaseJob): Promise<ReleaseEnd> {
  const done = new Set<string>()
  let standing = await look(deps, job)
  for (;;) {
    job.signal.throwIfAborted()
    const next = nextAction({ ...standing, isForced: job.isForced && !done.has('release') })
    if (next.kind === 'nothing') return settle(deps, job, standing)
    if (next.kind === 'stalled') return stall(job, next)
    if (done.has(TYPE[next.kind])) return later(job, standing.object)
    const ended = await act(
      deps,
      { ...job, object: await begin(job, standing, next) },
      { next, storage: standing.storage, state: standing.state },
    )
    if (ended.kind === 'untouched') return later(job, ended.object)
    if (TYPE[next.kind] === 'remedy') return afterRemedy(job, ended.object)
    done.add(TYPE[next.kind])
    standing = stand(job, ended)
  }
}

async function look({ helm }: ReleaseDeps, job: ReleaseJob): Promise<Standing> {
  const { account, object, signal } = job
  return stand(job, { object, storage: await helm.history(releaseTarget(object), { account, signal }) })
}

function stand({ chart, values }: ReleaseJob, { object, storage }: Omit<Standing, 'state'>): Standing {
  return { object, storage, state: releaseState({ object, stored: storage[0], chart, values }) }
}

/** Says what begins: a release action makes the object unready until it is done. */
async function begin(
  { voice }: ReleaseJob,
  { object }: Standing,
  next: Exclude<NextAction, { kind: 'nothing' | 'stalled' }>,
): Promise<HelmRelease> {
  if (next.kind === 'unlock') return object
  const timeout = formatDuration(actionTimeoutMs(object.spec, next.kind))
  const isRelease = next.kind === 'install' || next.kind === 'upgrade'
  const message = `Running '${next.kind}' action with timeout of ${timeout}`
  return voice.say({ kind: 'progressing', message, ...(isRelease ? { action: next.kind } : {}) })
}

async function stall({ voice }: ReleaseJob, { message, reason }: Extract<NextAction, { kind: 'stalled' }>): Promise<ReleaseEnd> {
  await voice.say({ kind: 'stalled', reason, message })
  return { kind: 'stalled' }
}

/** Tried once in this job: what is to be done again waits its time. */
async function later({ voice }: ReleaseJob, object: HelmRelease): Promise<ReleaseEnd> {
  const strategy = activeStrategy(object.spec, object.status)
  const ready = object.status.conditions?.find(({ type }) => type === 'Ready')
  if (ready?.status === 'False') await voice.say({ kind: 'failed', reason: ready.reason, message: ready.message, progress: ready.message })
  return { kind: 'again', afterMs: strategy?.name === 'RetryOnFailure' ? strategy.retryIntervalMs : backoffMs(object) }
}

async function afterRemedy(job: ReleaseJob, object: HelmRelease): Promise<ReleaseEnd> {
  const action = object.status.lastAttemptedReleaseAction
  const strategy = activeStrategy(object.spec, object.status)
  if (!action || !strategy || !isExhausted(strategy, failuresOf(object.status, action))) {
    await later(job, object)
    return { kind: 'again', afterMs: 0 }
  }
  const message = `Failed to ${action} after ${failuresOf(object.status, action)} attempt(s)`
  return stall(job, { kind: 'stalled', reason: 'RetriesExceeded', message })
}

/** Nothing is left to do but to look whether the cluster is as it was released. */
async function settle(deps: ReleaseDeps, job: ReleaseJob, { object, storage }: Standing): Promise<ReleaseEnd> {
  const [stored] = storage
  const { spec, status } = object
  if (!stored) return { kind: 'again', afterMs: backoffMs(object) }
  const history = keptHistory(status.history ?? [], object).map((one, at) => (at === 0 ? renewed(one, stored) : one))
  const now = latest(history)
  const drift = await lookForDrift(deps, job, stored)
  await job.voice.say({
    kind: 'settled',
    history,
    tests: { enabled: spec.test?.enable ?? false, ignored: spec.test?.ignoreFailures ?? false },
    inventory: [...(await deps.inventoryOf(stored, job)), ...job.chart.crds],
    rendered: renderedBy(spec),
    ...(drift === undefined ? {} : { drift }),
    message: now ? releaseSucceeded('upgrade', now) : '',
  })
  return { kind: 'settled' }
}

/** What is left of drift, in one sentence; undefined where nobody wants to know. */
async function lookForDrift(
  { drift }: ReleaseDeps,
  { account, object, signal, voice }: ReleaseJob,
  stored: StoredRelease,
): Promise<string | undefined> {
  const mode = object.spec.driftDetection?.mode ?? 'disabled'
  if (mode === 'disabled') return undefined
  await voice.written()
  const name = fullName(stored)
  const { corrected, failures, found } = await drift.look(stored, { account, object, corrects: mode === 'enabled', signal })
  if (found.length === 0) return ''
  const what = `Cluster state of release ${name} has drifted from the desired state:\n${found.join('\n')}`
  voice.event({ severity: 'error', reason: 'DriftDetected', message: what })
  if (mode === 'warn') return what
  if (failures.length > 0) {
    const partly = corrected.length > 0 ? 'partially ' : ''
    const message = `Failed to ${partly}correct cluster state of release ${name}:\n${failures.join('\n')}`
    voice.event({ severity: 'error', reason: 'DriftCorrectionFailed', message })
    return message
  }
  voice.event({
    severity: 'info',
    reason: 'DriftCorrected',
    message: `Cluster state of release ${name} has been corrected:\n${corrected.join('\n')}`,
  })
  return ''
}

/** How soon to try again what left no trace in Helm's storage. */
function backoffMs({ status }: HelmRelease): number {
  return Math.min(FIRST_MS * 2 ** Math.min(status.failures ?? 0, 20), LAST_MS)
}
const FIRST_MS = 1_000
const LAST_MS = 5 * 60_000
