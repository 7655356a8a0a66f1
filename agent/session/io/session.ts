import { canonicalJson } from '../../../proto/base/canonical.ts'
import type { Clock } from '../../../proto/base/clock.ts'
import { FleetError } from '../../../proto/base/errors.ts'
import type { Log } from '../../../proto/base/log.ts'
import { Queue } from '../../../proto/base/queue.ts'
import type { Random } from '../../../proto/base/random.ts'
import { anyOf } from '../../../proto/base/signals.ts'
import type { CaughtUp, Hello, SessionResponse, Call as WireCall, Welcome as WireWelcome } from '../../../proto/gen/fleet/v1/agent.ts'
import { answerToWire, callFromWire } from '../../../proto/wire/call.ts'
import { factFromWire, refFromWire } from '../../../proto/wire/facts.ts'
import { createInbox, heldDigest, type Inbox } from '../inbox.ts'
import type { FactBatch, FetchedBundle } from '../model.ts'
import type { SessionPorts } from '../ports.ts'
import { OFFLINE, type SessionInput, type SessionState, step } from '../session.ts'
import { fetchBundles } from './bundles.ts'
import { type Connection, openConnection } from './connection.ts'
import type { Identity } from './identity.ts'
import { type HubAddress, openClient } from './rpc.ts'

export interface SessionOptions {
  readonly hub: HubAddress
  readonly identity: Identity
  readonly ports: SessionPorts
  readonly agentVersion: string
  readonly capabilities: readonly string[]
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** The agent's line to the hub, held as long as it is open: it reconnects by itself and renews its certificate. */
export interface AgentSession extends AsyncDisposable {
  state(): SessionState['kind']
  /** Bundles by digest, each verified. @throws `unavailable` while there is no session */
  fetchBundles(
    digests: readonly string[],
    options: { readonly signal: AbortSignal; readonly refused: (digest: string, why: string) => void },
  ): AsyncGenerator<FetchedBundle>
}

type Down = NonNullable<SessionResponse['message']>

const TICK_MS = 250
/** Batches that came and are not on disk yet; a disk that slow breaks the session rather than filling memory. */
const MAX_UNSAVED = 64

export function openSession(options: SessionOptions): AgentSession {
  return new Session(options)
}

class Session implements AgentSession {
  readonly #options: SessionOptions
  readonly #stop = new AbortController()
  readonly #running: Promise<unknown>
  #state: SessionState = OFFLINE
  #connection: Connection | undefined
  #inbox: Inbox = createInbox(false)
  #unsaved = new Queue<{ batch: FactBatch; digest: string }>({ limit: MAX_UNSAVED, whenFull: 'fail' })
  #calls = new AbortController()
  #heartbeatMs = 15_000
  #beatAt = 0
  /** Set when what is held turned out to be something else than the hub's: the next greeting asks for everything. */
  #distrust = false
  /** What the hub was told of the cluster in this session, as text. */
  #told = ''

  constructor(options: SessionOptions) {
    this.#options = options
    options.ports.renewed(options.identity.current())
    const fresh = options.identity.keepFresh((credentials) => options.ports.renewed(credentials), this.#stop.signal)
    this.#running = Promise.allSettled([this.#tick(), fresh])
  }

  state(): SessionState['kind'] {
    return this.#state.kind
  }

  async *fetchBundles(
    digests: readonly string[],
    options: { readonly signal: AbortSignal; readonly refused: (digest: string, why: string) => void },
  ) {
    const connection = this.#connection
    if (!connection || (this.#state.kind !== 'live' && this.#state.kind !== 'syncing'))
      throw new FleetError('unavailable', 'fetch bundles: the hub is away')
    yield* fetchBundles(connection.client, digests, { ...options, signal: anyOf(options.signal, this.#stop.signal) })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#apply({ kind: 'stop' })
    this.#stop.abort(new FleetError('aborted', 'the agent stops'))
    await this.#running
  }

  async #tick(): Promise<void> {
    const { clock } = this.#options
    for (;;) {
      const now = this.#now()
      this.#apply({ kind: 'tick', now })
      if (this.#connection && (this.#state.kind === 'live' || this.#state.kind === 'syncing') && now >= this.#beatAt) this.#beat(now)
      await clock.sleep(TICK_MS, this.#stop.signal)
    }
  }

  #beat(now: number): void {
    this.#beatAt = now + this.#heartbeatMs
    const { sequences, mirrorDigest, mirrorCount } = this.#options.ports.pulse()
    const before = this.#told
    const facts = this.#tell()
    const news = this.#told === before ? undefined : facts
    const value = { sequences: { ...sequences }, mirrorDigest, mirrorCount: BigInt(mirrorCount), facts: news }
    this.#connection?.send({ $case: 'heartbeat', value })
  }

  /** What is known of the cluster; remembered as told. */
  #tell(): Hello['facts'] {
    const values = { ...this.#options.ports.facts() }
    this.#told = canonicalJson(values)
    return { values }
  }

  #apply(input: SessionInput): void {
    const before = this.#state.kind
    const { state, effects } = step(this.#state, input)
    this.#state = state
    if (state.kind !== before) this.#options.log.info({ event: `session.${state.kind}` }, `the session is ${state.kind}`)
    for (const effect of effects) {
      if (effect.kind === 'connect') this.#connect()
      else this.#disconnect()
    }
  }

  #connect(): void {
    const connection = openConnection(this.#client(), this.#hello(), {
      message: (message) => {
        if (this.#connection !== connection) return
        this.#apply({ kind: 'heard', now: this.#now() })
        this.#receive(message)
      },
      over: (reason) => {
        if (this.#connection === connection) this.#lose(reason)
      },
    })
    this.#connection = connection
  }

  #disconnect(): void {
    this.#connection?.close()
    this.#connection = undefined
    this.#unsaved.close()
    this.#calls.abort(new FleetError('aborted', 'the session ended'))
  }

  #lose(reason: string, retryAfterMs = 0): void {
    this.#options.log.warn({ event: 'session.lost', reason }, 'lost the hub')
    this.#apply({ kind: 'lost', now: this.#now(), retryAfterMs, jitter: this.#options.random.next() })
  }

  #client() {
    const { hub, identity } = this.#options
    return openClient(hub, { certificate: identity.current().certificate, privateKey: identity.privateKey })
  }

  #hello(): Hello {
    const { agentVersion, capabilities, ports } = this.#options
    const cursor = this.#distrust ? undefined : ports.holdings.cursor()
    const held = cursor ? heldDigest(ports.holdings.facts()) : ''
    return {
      agentVersion,
      capabilities: [...capabilities],
      boot: ports.boot(),
      facts: this.#tell(),
      cursor,
      heldDigest: held,
    }
  }

  #receive(message: Down): void {
    switch (message.$case) {
      case 'welcome':
        this.#welcomed(message.value)
        break
      case 'refusal':
        this.#lose(`refused: ${message.value.reason}`, message.value.retryAfterMs || 60_000)
        break
      case 'drain':
        this.#apply({ kind: 'drained', now: this.#now(), retryAfterMs: message.value.retryAfterMs, jitter: this.#options.random.next() })
        break
      case 'caughtUp':
        this.#caughtUp(message.value)
        break
      case 'call':
        this.#call(message.value)
        break
      case 'resync':
        this.#options.ports.resync(refFromWire(message.value.object))
        break
      case 'heartbeat':
        break
      default: {
        const fact = factFromWire(message)
        if (fact === undefined) return
        if (!('kind' in fact)) this.#connection?.send({ $case: 'nack', value: { object: undefined, position: 0n, reason: fact.problem } })
        else this.#inbox.receive(fact)
      }
    }
  }

  #welcomed(wire: WireWelcome): void {
    const { epoch, heartbeatMs, hubKey, clusterName, labels, full } = wire
    this.#heartbeatMs = Math.max(100, heartbeatMs)
    this.#beatAt = 0
    this.#inbox = createInbox(full)
    this.#calls = new AbortController()
    this.#unsaved = new Queue({ limit: MAX_UNSAVED, whenFull: 'fail' })
    this.#save(this.#unsaved, this.#connection).catch((error: unknown) => {
      this.#options.log.error({ event: 'session.save-failed', err: error }, 'could not keep what the hub sent')
      this.#lose('what it sent could not be kept')
    })
    this.#options.ports.welcomed({
      epoch,
      heartbeatMs: this.#heartbeatMs,
      hubKey,
      clusterName,
      labels,
      lineage: wire.cursor?.lineage ?? '',
      full,
    })
    this.#apply({ kind: 'welcomed', now: this.#now(), heartbeatMs: this.#heartbeatMs })
  }

  #caughtUp({ cursor, heldDigest: digest }: CaughtUp): void {
    if (!cursor) return
    this.#unsaved
      .push({ batch: this.#inbox.caughtUp(cursor), digest }, this.#stop.signal)
      .catch(() => this.#lose('it sends faster than the disk takes'))
    this.#apply({ kind: 'caught-up' })
  }

  /** One batch at a time, in order; acknowledged when it is safe. */
  async #save(unsaved: Queue<{ batch: FactBatch; digest: string }>, connection: Connection | undefined): Promise<void> {
    const { holdings } = this.#options.ports
    for (let next = await unsaved.pop(this.#stop.signal); next; next = await unsaved.pop(this.#stop.signal)) {
      await holdings.save(next.batch, this.#stop.signal)
      if (next.batch.full) this.#distrust = false
      connection?.send({ $case: 'ack', value: { cursor: next.batch.cursor } })
      if (next.digest !== '' && heldDigest(holdings.facts()) !== next.digest && this.#connection === connection) {
        this.#distrust = true
        this.#lose('what is held here is not what the hub has; asking for all of it')
      }
    }
  }

  #call(wire: WireCall): void {
    const call = callFromWire(wire)
    const connection = this.#connection
    if ('problem' in call) {
      connection?.send({ $case: 'answer', value: { id: wire.id, code: 400, body: Buffer.from(call.problem) } })
      return
    }
    this.#options.ports.carryOut(call, anyOf(this.#calls.signal, this.#stop.signal)).then(
      (answer) => connection?.send({ $case: 'answer', value: answerToWire(answer) }),
      (error: unknown) => this.#options.log.warn({ event: 'call.failed', err: error }, 'could not answer a call'),
    )
  }

  #now(): number {
    return this.#options.clock.now().getTime()
  }
}
