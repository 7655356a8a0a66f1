import type { ServerDuplexStream } from '@grpc/grpc-js'
import { FleetError } from '../../../proto/base/errors.ts'
import type { SessionRequest, SessionResponse } from '../../../proto/gen/fleet/v1/agent.ts'
import type { Answer, Call } from '../../../proto/model/call.ts'
import type { ClusterId } from '../../../proto/model/ids.ts'
import type { ObjectRef } from '../../../proto/model/object-ref.ts'
import { answerFromWire, callToWire } from '../../../proto/wire/call.ts'
import { factToWire, refFromWire } from '../../../proto/wire/facts.ts'
import type { Head, Page } from '../model.ts'
import { emptyOutbox, hasRoom, type Outbox, offer, take } from '../outbox.ts'
import { type SessionEffect, type SessionInput, type SessionState, step } from '../session.ts'
import { knowsPlacements, type Question } from './facts.ts'
import { factsFromWire, greetingFromWire, type WelcomeContent, welcomeToWire } from './greeting.ts'

export type SessionStream = ServerDuplexStream<SessionRequest, SessionResponse>

type Facts = ReturnType<typeof factsFromWire>

/** What a session tells the replica that holds it. */
export interface LiveEvents {
  /** The agent greeted: where do its facts stand, which epoch has it, and what else does the welcome say? */
  greeted(
    session: LiveSession,
    greeting: ReturnType<typeof greetingFromWire>,
  ): Promise<{ readonly head: Head; readonly epoch: bigint; readonly welcome: WelcomeContent }>
  acked(session: LiveSession, position: bigint): void
  nacked(session: LiveSession, object: ObjectRef | undefined, reason: string): void
  pulse(
    session: LiveSession,
    pulse: { readonly sequences: Readonly<Record<string, bigint>>; readonly mirrorDigest: string; readonly mirrorCount: number },
  ): void
  /** What is known of the cluster changed. */
  told(session: LiveSession, facts: Facts): Promise<void>
  /** It has room for facts. */
  hungry(): void
  closed(session: LiveSession, reason: string): void
  /** @param attempted  what could not be done, as in: keep the facts of the cluster */
  failed(session: LiveSession, error: unknown, attempted: string): void
}

export interface Peer {
  readonly clusterId: ClusterId
  readonly name: string
  readonly serial: string
  /** When its session has to end, so that it ends before its certificate. */
  readonly until: number
}

const FACTS_AT_ONCE = 64
const MAX_CALLS = 100

/** One open session: carries out what `session.ts` decides, and sends what the outbox holds as fast as the agent takes it. */
export class LiveSession {
  readonly peer: Peer
  readonly #stream: SessionStream
  readonly #events: LiveEvents
  readonly #calls = new Map<string, PromiseWithResolvers<Answer>>()
  #state: SessionState
  #outbox: Outbox = emptyOutbox(0n)
  #welcome: WelcomeContent | undefined
  #greeted = false
  /** What is known of the cluster and is to be kept yet. */
  #news: Facts | undefined
  #telling = false
  #placements = false
  #blocked = false

  constructor(peer: Peer, stream: SessionStream, { events, now }: { readonly events: LiveEvents; readonly now: () => number }) {
    this.peer = peer
    this.#stream = stream
    this.#events = events
    this.#state = { kind: 'greeting', since: now() }
    stream.on('data', (message: SessionRequest) => this.#receive(message, now))
    stream.on('drain', () => {
      this.#blocked = false
      this.#flush()
    })
    stream.on('end', () => this.apply({ kind: 'lost', reason: 'the agent went away' }))
    stream.on('cancelled', () => this.apply({ kind: 'lost', reason: 'the connection broke' }))
    stream.on('error', () => this.apply({ kind: 'lost', reason: 'the connection broke' }))
  }

  get epoch(): bigint {
    return 'epoch' in this.#state ? this.#state.epoch : 0n
  }

  get kind(): SessionState['kind'] {
    return this.#state.kind
  }

  /** What to read for it now, if anything. */
  question(): Question | undefined {
    if (
      (this.#state.kind !== 'syncing' && this.#state.kind !== 'live') ||
      this.#blocked ||
      !hasRoom(this.#outbox) ||
      this.#outbox.facts.size > 0
    )
      return
    const sync = this.#state.kind === 'syncing'
    return { clusterId: this.peer.clusterId, after: this.#outbox.readTo, sync, placements: this.#placements }
  }

  offer(page: Page): void {
    this.#outbox = offer(this.#outbox, page)
    this.#flush()
  }

  apply(input: SessionInput): void {
    const { state, effects } = step(this.#state, input)
    this.#state = state
    for (const effect of effects) this.#carryOut(effect)
  }

  /** Sends a call and waits for its answer. @throws `deadline-exceeded` when there is none: whether it was carried out is unknown */
  async call(call: Call, waitMs: number): Promise<Answer> {
    if (this.#calls.size >= MAX_CALLS)
      throw new FleetError('exhausted', `ask the agent of ${this.peer.name}: ${MAX_CALLS} calls are open already`)
    const waiting = this.#calls.get(call.id) ?? Promise.withResolvers<Answer>()
    this.#calls.set(call.id, waiting)
    const timer = setTimeout(() => waiting.reject(this.#unknown('no answer in time')), waitMs)
    try {
      this.#send({ $case: 'call', value: callToWire(call) })
      return await waiting.promise
    } finally {
      clearTimeout(timer)
      this.#calls.delete(call.id)
    }
  }

  /** Asks the agent to report again: everything, or one object. */
  resync(object: ObjectRef | undefined): void {
    this.#send({ $case: 'resync', value: { object } })
  }

  #unknown(why: string): FleetError {
    return new FleetError('deadline-exceeded', `ask the agent of ${this.peer.name}: ${why}; the outcome is unknown`)
  }

  #carryOut(effect: SessionEffect): void {
    switch (effect.kind) {
      case 'welcome':
        this.#outbox = emptyOutbox(effect.cursor.position)
        if (this.#welcome) this.#send({ $case: 'welcome', value: welcomeToWire({ ...effect, ...this.#welcome }) })
        this.#events.hungry()
        break
      case 'refusal':
        this.#send({ $case: 'refusal', value: { reason: effect.reason, retryAfterMs: effect.retryAfterMs } })
        break
      case 'heartbeat':
        this.#send({ $case: 'heartbeat', value: {} })
        break
      case 'drain':
        this.#send({ $case: 'drain', value: { retryAfterMs: effect.retryAfterMs } })
        break
      case 'close':
        for (const waiting of this.#calls.values()) waiting.reject(this.#unknown('its session ended'))
        this.#stream.end()
        this.#events.closed(this, effect.reason)
        break
      default:
        effect satisfies never
    }
  }

  #receive({ message }: SessionRequest, now: () => number): void {
    if (message === undefined) return
    this.apply({ kind: 'heard', now: now() })
    switch (message.$case) {
      case 'hello':
        this.#hello(greetingFromWire(message.value), now)
        break
      case 'ack':
        if (message.value.cursor) this.#events.acked(this, message.value.cursor.position)
        break
      case 'nack':
        this.#events.nacked(this, refFromWire(message.value.object), message.value.reason.slice(0, 1000))
        break
      case 'answer':
        this.#calls.get(message.value.id)?.resolve(answerFromWire(message.value))
        break
      case 'heartbeat': {
        const { facts, sequences, mirrorDigest, mirrorCount } = message.value
        this.#events.pulse(this, { sequences, mirrorDigest, mirrorCount: Number(mirrorCount) })
        if (facts) this.#tell(factsFromWire(facts))
        break
      }
      default:
        message satisfies never
    }
  }

  /** One after the other, the newest of those that wait: what is kept is what was said last. */
  #tell(facts: Facts): void {
    this.#news = facts
    if (this.#telling) return
    const tell = async () => {
      for (let next = this.#news; next; next = this.#news) {
        this.#news = undefined
        await this.#events.told(this, next)
      }
    }
    this.#telling = true
    tell()
      .catch((error: unknown) => this.#fail(error, 'keep the facts of the cluster'))
      .finally(() => {
        this.#telling = false
      })
  }

  /** The agent comes back, and says it again. */
  #fail(error: unknown, attempted: string): void {
    this.#events.failed(this, error, attempted)
    this.apply({ kind: 'refuse', reason: `the hub could not ${attempted}`, retryAfterMs: 2000 })
  }

  #hello(greeting: ReturnType<typeof greetingFromWire>, now: () => number): void {
    if (this.#greeted) {
      this.apply({ kind: 'refuse', reason: 'greeted twice', retryAfterMs: 0 })
      return
    }
    this.#greeted = true
    this.#placements = knowsPlacements(greeting)
    this.#events.greeted(this, greeting).then(
      ({ head, epoch, welcome }) => {
        this.#welcome = welcome
        this.apply({ kind: 'hello', greeting, head, epoch, now: now() })
      },
      (error: unknown) => {
        this.#fail(error, 'open the session')
      },
    )
  }

  #flush(): void {
    while (!this.#blocked && (this.#state.kind === 'syncing' || this.#state.kind === 'live')) {
      const { outbox, facts, mark } = take(this.#outbox, FACTS_AT_ONCE)
      if (facts.length === 0 && !mark) break
      this.#outbox = outbox
      for (const fact of facts) this.#send(factToWire(fact))
      if (mark && this.#welcome) {
        const cursor = { lineage: this.#welcome.lineage, position: mark.position }
        this.#send({ $case: 'caughtUp', value: { cursor, heldDigest: mark.digest } })
        this.apply({ kind: 'caught-up' })
      }
    }
    if (this.question()) this.#events.hungry()
  }

  #send(message: NonNullable<SessionResponse['message']>): void {
    if (this.#stream.writableEnded || this.#stream.destroyed || this.#stream.cancelled) return
    if (!this.#stream.write({ message })) this.#blocked = true
  }
}
