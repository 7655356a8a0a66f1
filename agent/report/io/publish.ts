import { delayMs } from '../../../proto/base/backoff.ts'
import type { Clock } from '../../../proto/base/clock.ts'
import { FleetError } from '../../../proto/base/errors.ts'
import type { Log } from '../../../proto/base/log.ts'
import type { Random } from '../../../proto/base/random.ts'
import type { Report } from '../../../proto/model/report.ts'
import type { Lane } from '../../../proto/model/subjects.ts'
import { reportToWire } from '../../../proto/wire/report.ts'
import type { Outbox } from '../outbox.ts'

export interface PublisherDeps {
  readonly outbox: Outbox
  /** Resolves when the broker has it. */
  readonly publish: (lane: Lane, bytes: Uint8Array, options: { readonly id: string }) => Promise<void>
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** Brings what the outbox holds to the hub, each message until it is acknowledged. */
export interface Publisher extends AsyncDisposable {
  /** From now on there is somebody to tell. */
  start(): void
  /** There is something to tell. */
  wake(): void
}

/** State goes in this order: nobody is said to be ready before those that it brought about are known. */
const STATE: readonly Lane[] = ['objects', 'status']
const EVENTS: readonly Lane[] = ['events']
/** Changes of so long a time become one message. */
const GATHER_MS = 40
const BACKOFF = { baseMs: 200, capMs: 10_000 }

export function openPublisher(deps: PublisherDeps): Publisher {
  const stop = new AbortController()
  const started = Promise.withResolvers<void>()
  const loops = [STATE, EVENTS].map((lanes) => createLoop(deps, lanes, { started: started.promise, signal: stop.signal }))
  return {
    start: () => started.resolve(),
    wake() {
      for (const loop of loops) loop.wake()
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new FleetError('aborted', 'the agent stops'))
      started.resolve()
      for (const loop of loops) loop.wake()
      await Promise.all(loops.map(({ done }) => done))
    },
  }
}

function createLoop(deps: PublisherDeps, lanes: readonly Lane[], o: { readonly started: Promise<void>; readonly signal: AbortSignal }) {
  let called = Promise.withResolvers<void>()
  const run = async () => {
    await o.started
    while (!o.signal.aborted) {
      called = Promise.withResolvers<void>()
      const told = await round(deps, lanes, o.signal)
      if (!told) await called.promise
      if (!o.signal.aborted) await deps.clock.sleep(GATHER_MS, o.signal).catch(() => undefined)
    }
  }
  return { done: run(), wake: () => called.resolve() }
}

/** One message of the first lane that has one; false when none has. */
async function round(deps: PublisherDeps, lanes: readonly Lane[], signal: AbortSignal): Promise<boolean> {
  for (const lane of lanes) {
    try {
      const report = await deps.outbox.next(lane)
      if (!report) continue
      await untilTaken(deps, lane, report, signal)
      deps.outbox.taken(lane)
      return true
    } catch (error) {
      if (signal.aborted) return false
      deps.log.error({ event: 'report.failed', err: error, subject: lane }, 'could not make a report, trying again')
      await deps.clock.sleep(BACKOFF.baseMs, signal).catch(() => undefined)
      return true
    }
  }
  const dropped = deps.outbox.takeDropped()
  if (dropped > 0) deps.log.warn({ event: 'report.events.dropped', count: dropped }, 'events were dropped: the hub was away for too long')
  return false
}

async function untilTaken({ publish, clock, random, log }: PublisherDeps, lane: Lane, report: Report, signal: AbortSignal): Promise<void> {
  const bytes = reportToWire(report)
  const id = `${report.boot}.${report.sequence}`
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted()
    try {
      await publish(lane, bytes, { id })
      return
    } catch (error) {
      const waitMs = delayMs(attempt, { ...BACKOFF, jitter: random.next() })
      if (attempt > 1) log.info({ event: 'report.waits', subject: lane, err: error, waitMs }, 'a report waits')
      await clock.sleep(waitMs, signal)
    }
  }
}
