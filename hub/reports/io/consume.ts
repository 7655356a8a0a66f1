import type { ConsumerMessages, JsMsg } from '@nats-io/jetstream'
import type { Clock } from '../../../proto/base/clock.ts'
import { messageOf } from '../../../proto/base/errors.ts'
import type { Log } from '../../../proto/base/log.ts'
import { Queue } from '../../../proto/base/queue.ts'
import { parseReportSubject } from '../../../proto/model/subjects.ts'
import { reportFromWire } from '../../../proto/wire/report.ts'
import type { Bus } from '../../bus/bus.ts'
import { reportConsumer } from '../../bus/reports.ts'
import type { Received } from '../model.ts'
import type { Folded, Rejected } from '../ports.ts'

/** Messages in one transaction at most. */
const BATCH = 500
const WAITING = 2000
const RETRY_MS = 1000

export interface ConsumeDeps {
  readonly bus: Bus
  readonly clock: Clock
  readonly log: Log
  readonly fold: (batch: readonly Received[]) => Promise<Folded>
  readonly reject: (rejected: Rejected) => Promise<void>
  /** Hears what each fold set in motion. */
  readonly folded: (folded: Folded, newestAt: Date) => Promise<void>
}

/** Pulls the reports of the partitions that it is given and folds them in order, many at a time. */
export class ReportConsumer implements AsyncDisposable {
  readonly #deps: ConsumeDeps
  readonly #pulls = new Map<number, Promise<ConsumerMessages | undefined>>()
  readonly #waiting = new Queue<JsMsg>({ limit: WAITING, whenFull: 'block' })
  readonly #stop = new AbortController()
  readonly #done: Promise<void>

  constructor(deps: ConsumeDeps) {
    this.#deps = deps
    this.#done = this.#foldAll()
  }

  /** Pulls from exactly these partitions from now on. */
  hold(partitions: ReadonlySet<number>): void {
    for (const [partition, pull] of this.#pulls) {
      if (partitions.has(partition)) continue
      this.#pulls.delete(partition)
      pull.then((messages) => messages?.close()).catch(() => undefined)
    }
    for (const partition of partitions) if (!this.#pulls.has(partition)) this.#pulls.set(partition, this.#pull(partition))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hold(new Set())
    this.#stop.abort()
    this.#waiting.close()
    await this.#done
  }

  async #pull(partition: number): Promise<ConsumerMessages | undefined> {
    const { bus, log } = this.#deps
    try {
      const consumer = await reportConsumer(bus, partition)
      const messages = await consumer.consume({ max_messages: BATCH })
      this.#forward(messages).catch((error: unknown) => this.#lost(partition, error))
      return messages
    } catch (error) {
      log.warn({ event: 'reports.pull.failed', count: partition, reason: messageOf(error) }, 'cannot pull reports')
      this.#lost(partition, error)
      return undefined
    }
  }

  async #forward(messages: ConsumerMessages): Promise<void> {
    for await (const message of messages) await this.#waiting.push(message, this.#stop.signal)
  }

  /** A pull that ended by itself is taken up again with the next renewal of the lease, or now. */
  #lost(partition: number, error: unknown): void {
    if (this.#stop.signal.aborted || !this.#pulls.delete(partition)) return
    this.#deps.log.debug({ event: 'reports.pull.lost', count: partition, reason: messageOf(error) }, 'pull of reports ended')
    this.#deps.clock.sleep(RETRY_MS, this.#stop.signal).then(
      () => {
        if (!this.#pulls.has(partition)) this.#pulls.set(partition, this.#pull(partition))
      },
      () => undefined,
    )
  }

  async #foldAll(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      const first = await this.#waiting.pop(signal).catch(() => undefined)
      if (!first) return
      const messages = [first]
      while (messages.length < BATCH && this.#waiting.size > 0) {
        const next = await this.#waiting.pop(signal).catch(() => undefined)
        if (next) messages.push(next)
      }
      await this.#foldBatch(messages)
    }
  }

  /** Acknowledged after the commit; a batch that could not be folded comes again by itself. */
  async #foldBatch(messages: readonly JsMsg[]): Promise<void> {
    const { log, clock } = this.#deps
    try {
      const received: Received[] = []
      for (const message of messages) {
        const one = await this.#read(message)
        if (one) received.push(one)
      }
      if (received.length > 0) await this.#deps.folded(await this.#deps.fold(received), newest(messages))
      for (const message of messages) message.ack()
    } catch (error) {
      log.warn(
        { event: 'reports.fold.failed', count: messages.length, reason: messageOf(error), err: error },
        'cannot fold reports; they come again',
      )
      for (const message of messages) message.nak(RETRY_MS)
      await clock.sleep(RETRY_MS, this.#stop.signal).catch(() => undefined)
    }
  }

  async #read(message: JsMsg): Promise<Received | undefined> {
    const address = parseReportSubject(message.subject)
    if (!address) return undefined
    const report = reportFromWire(message.data)
    if (!('problem' in report)) return { clusterId: address.clusterId, lane: address.lane, report }
    this.#deps.log.warn({ event: 'report.refused', clusterId: address.clusterId, reason: report.problem }, 'a report was refused')
    await this.#deps.reject({ ...address, reason: report.problem, bytes: message.data.length })
    return undefined
  }
}

function newest(messages: readonly JsMsg[]): Date {
  return new Date(Math.max(...messages.map(({ info }) => info.timestampNanos / 1e6)))
}
