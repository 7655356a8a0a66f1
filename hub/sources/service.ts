import type { Clock } from '../../proto/base/clock.ts'
import type { Log } from '../../proto/base/log.ts'
import type { Random } from '../../proto/base/random.ts'
import { anyOf } from '../../proto/base/signals.ts'
import type { AddressPolicy } from './addresses.ts'
import { proxyProblem, type SourceCredential } from './credential.ts'
import type { SourceProblem } from './model.ts'
import type { ClaimedSource, Fetcher, FetchOutcome, FetchRequest, Moved, OpenCredential, SourceStore } from './ports.ts'
import { nextLookMs } from './schedule.ts'

export interface SourceWorkerDeps {
  readonly store: SourceStore
  readonly fetcher: Fetcher
  /** Opens a stored credential for the fetch that needs it. */
  readonly credential: OpenCredential
  readonly moved: Moved
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Hosts and networks that may be fetched from although they are private or loopback. */
  readonly allow?: readonly string[]
  /** Sources looked at at a time. */
  readonly concurrency?: number
}

export interface SourceWorker {
  /** Looks at sources as they fall due, until the signal ends it; then waits for those in hand. */
  run(signal: AbortSignal): Promise<void>
  /** Makes sources due now. */
  poke(...keys: readonly string[]): Promise<void>
}

/** How long the worker sleeps at most: what another replica made due is found without being told. */
const MAX_SLEEP_MS = 5000
/** How soon a source is tried again whose result could not be stored. */
const RETRY_MS = 5000

export function createSourceWorker(deps: SourceWorkerDeps): SourceWorker {
  const { store, clock, log } = deps
  const limit = deps.concurrency ?? 4
  const running = new Set<Promise<void>>()
  let wake = new AbortController()

  const wakeUp = () => wake.abort()

  function start(source: ClaimedSource, signal: AbortSignal): void {
    const work = lookAt(deps, source, signal).finally(() => {
      running.delete(work)
      wakeUp()
    })
    running.add(work)
  }

  async function sleep(signal: AbortSignal): Promise<void> {
    // Whoever wakes during the question is heard as well: it is made before the question.
    const dueMs = running.size >= limit ? MAX_SLEEP_MS : ((await store.nextDueMs()) ?? MAX_SLEEP_MS)
    await clock.sleep(Math.min(Math.max(dueMs, 1), MAX_SLEEP_MS), anyOf(signal, wake.signal)).catch(() => undefined)
  }

  async function turn(signal: AbortSignal): Promise<void> {
    wake = new AbortController()
    const free = limit - running.size
    const claimed = free > 0 ? await store.claim(free) : []
    for (const source of claimed) start(source, signal)
    if (claimed.length === 0 || running.size >= limit) await sleep(signal)
  }

  return {
    async run(signal) {
      while (!signal.aborted) {
        try {
          await turn(signal)
        } catch (error) {
          log.error({ event: 'sources.turn.failed', err: error }, 'cannot find out which sources are due')
          await clock.sleep(RETRY_MS, signal).catch(() => undefined)
        }
      }
      await Promise.all(running)
    },
    async poke(...keys) {
      await store.poke(keys)
      wakeUp()
    },
  }
}

async function lookAt(deps: SourceWorkerDeps, source: ClaimedSource, signal: AbortSignal): Promise<void> {
  const { store, fetcher, moved, clock, log } = deps
  const startedAt = clock.now().getTime()
  try {
    const opened = await credentialOf(deps, source)
    const keep = (outcome: FetchOutcome) => keepOutcome(deps, source, outcome)
    const outcome =
      'problem' in opened
        ? await keep({ kind: 'problem', problem: opened.problem })
        : await fetcher.fetch(requestFor(source, opened.credential, policyFor(deps, source)), keep, { signal })
    const durationMs = clock.now().getTime() - startedAt
    const fields = { url: source.url, durationMs }
    if (outcome.kind === 'fetched')
      log.info({ event: 'source.moved', ...fields, revision: outcome.revision.revision }, 'source has a new revision')
    if (outcome.kind === 'problem')
      log.warn(
        { event: 'source.failed', ...fields, reason: outcome.problem.reason, err: outcome.problem.message },
        'source cannot be fetched',
      )
    if (outcome.kind === 'fetched' && source.kind !== 'HelmChart') await store.pokeCharts(source.key)
    await moved(source.key, outcome.kind)
  } catch (error) {
    if (!signal.aborted) log.error({ event: 'source.stuck', url: source.url, err: error }, 'look at a source failed')
    await store.release(source.key, signal.aborted ? 0 : RETRY_MS).catch(() => undefined)
  }
}

async function credentialOf(
  deps: SourceWorkerDeps,
  source: ClaimedSource,
): Promise<{ readonly credential: SourceCredential | undefined } | { readonly problem: SourceProblem }> {
  const { credentialId } = source
  const credential = credentialId === undefined ? undefined : await deps.credential(credentialId)
  if (credentialId !== undefined && credential === undefined) {
    const message = 'the credential is not stored at the hub; the agent reports it again with the next change of the object or its secret'
    return { problem: { reason: 'AuthenticationFailed', message } }
  }
  if (credential && 'reason' in credential) return { problem: credential }
  const problem = proxyProblem(source, credential)
  return problem ? { problem } : { credential }
}

function policyFor({ allow = [] }: SourceWorkerDeps, source: ClaimedSource): AddressPolicy {
  return { privateNetworks: source.trusted, allow, hosts: source.hosts }
}

function requestFor(source: ClaimedSource, credential: SourceCredential | undefined, policy: AddressPolicy): FetchRequest {
  // A tree that is not stored any more has to be fetched although nothing moved.
  const known = source.artifact === undefined ? undefined : source.revision
  return { ...source, credential, policy, known }
}

async function keepOutcome({ store, random }: SourceWorkerDeps, source: ClaimedSource, outcome: FetchOutcome): Promise<FetchOutcome> {
  const failures = outcome.kind === 'problem' ? source.failures + 1 : 0
  const retryAfterMs = outcome.kind === 'problem' ? outcome.retryAfterMs : undefined
  const lookAgainMs = nextLookMs({ intervalMs: source.intervalMs, failures, jitter: random.next(), retryAfterMs })
  if (outcome.kind === 'fetched') await store.saveRevision(source.key, outcome.revision, lookAgainMs)
  else if (outcome.kind === 'unchanged') await store.saveUnchanged(source.key, lookAgainMs)
  else await store.saveProblem(source.key, outcome.problem, lookAgainMs)
  return outcome
}
