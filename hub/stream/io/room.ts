import type { Clock } from '../../../proto/base/clock.ts'
import { FleetError } from '../../../proto/base/errors.ts'
import type { Log } from '../../../proto/base/log.ts'
import { type ClusterId, parseClusterId } from '../../../proto/model/ids.ts'
import type { ObjectRef } from '../../../proto/model/object-ref.ts'
import { NOTICE_SUBJECT } from '../../../proto/model/subjects.ts'
import type { Bus } from '../../bus/bus.ts'
import type { ClusterService } from '../../clusters/service.ts'
import type { Db } from '../../db/db.ts'
import type { Greeting, Notice, Pulse } from '../model.ts'
import type { CallDeps } from './calls.ts'
import { acknowledge, knowsPlacements, readHead } from './facts.ts'
import type { LiveEvents, LiveSession } from './live.ts'
import { Pump } from './pump.ts'
import { closeSession, openSession, unwanted } from './sessions.ts'

/** Largest message of the stream, either way. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024

/** Who hears of agents. All of it is told by the replica that holds the session. */
export interface StreamListeners {
  connected(clusterId: ClusterId, greeting: Greeting): Promise<void>
  disconnected(clusterId: ClusterId, reason: string): Promise<void>
  pulse(clusterId: ClusterId, pulse: Pulse): void
  /** What is known of the cluster is something else than when it greeted. */
  told(clusterId: ClusterId, facts: Greeting['facts']): Promise<void>
  nacked(clusterId: ClusterId, object: ObjectRef | undefined, reason: string): void
  /** Facts after the one position and up to the other are on the agent's disk, and its row says so. */
  acked(clusterId: ClusterId, taken: { readonly after: bigint; readonly upTo: bigint }): void
  /** A bundle was given to a cluster. */
  sent?(bytes: number): void
}

export interface StreamOptions {
  readonly db: Db
  readonly bus: Bus
  readonly replica: string
  readonly clusters: Pick<ClusterService, 'join' | 'renew' | 'member'>
  /** The cluster's labels as the fleet sees them. */
  readonly labels: (clusterId: ClusterId) => Promise<Readonly<Record<string, string>>>
  readonly boxKey: Uint8Array
  readonly listeners: StreamListeners
  readonly host: string
  readonly port: number
  /** The server's certificate and key, and the hub's CA, PEM. */
  readonly identity: { readonly certificate: string; readonly privateKey: string; readonly ca: string }
  readonly clock: Clock
  readonly log: Log
  readonly heartbeatMs?: number
  /** How often rows are read although no hint came, and sessions are compared with theirs. */
  readonly sweepMs?: number
  readonly pendingMs?: number
}

/** The sessions of this replica, and what is done for all of them together. */
export class Room {
  readonly held = new Map<ClusterId, LiveSession>()
  readonly pump: Pump
  readonly calls: CallDeps
  readonly events: LiveEvents
  readonly #options: StreamOptions
  readonly #lineage: string
  readonly #epochs = new WeakMap<LiveSession, bigint>()
  readonly #acks = new Map<ClusterId, bigint>()
  readonly #stop = new AbortController()
  readonly #closing = new Set<Promise<void>>()
  readonly #loops: readonly Promise<void>[]

  constructor(options: StreamOptions, lineage: string) {
    this.#options = options
    this.#lineage = lineage
    const { db, bus, replica, log, clock } = options
    this.pump = new Pump({ sql: db, held: this.held, clock, log })
    this.calls = { sql: db, bus, replica, log, held: this.held }
    this.events = this.#makeEvents()
    const { heartbeatMs = 15_000, sweepMs = 3000 } = options
    this.#loops = [this.#every(heartbeatMs, async () => this.#beat(heartbeatMs)), this.#every(sweepMs, () => this.#sweep())]
  }

  /** Tells all replicas, this one included at once. */
  tell(notice: Notice): void {
    this.#hear(notice)
    this.#options.bus.publish(NOTICE_SUBJECT, Buffer.from(JSON.stringify({ ...notice, from: this.#options.replica })))
  }

  noticed(bytes: Uint8Array): void {
    try {
      const notice = JSON.parse(Buffer.from(bytes).toString()) as Notice & { readonly from?: string }
      if (notice.from !== this.#options.replica && parseClusterId(String(notice.clusterId))) this.#hear(notice)
    } catch (error) {
      this.#options.log.warn({ event: 'stream.notice', err: error }, 'could not read a notice')
    }
  }

  /** Asks all agents to go elsewhere, and waits until they have, or for a little. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#stop.signal.aborted) return
    this.#stop.abort()
    await Promise.all(this.#loops)
    const now = this.#now()
    for (const session of this.held.values()) session.apply({ kind: 'drain', now, retryAfterMs: 1000 })
    const patience = AbortSignal.timeout(2000)
    while (this.held.size > 0 && !patience.aborted) await this.#options.clock.sleep(20, patience).catch(() => undefined)
    for (const session of this.held.values()) session.apply({ kind: 'lost', reason: 'drained' })
    await this.pump[Symbol.asyncDispose]()
    await Promise.allSettled(this.#closing)
    await this.#flushAcks().catch(() => undefined)
  }

  #makeEvents(): LiveEvents {
    const { listeners, log } = this.#options
    return {
      greeted: (session, greeting) => this.#greeted(session, greeting),
      acked: (session, position) => void this.#acks.set(session.peer.clusterId, position),
      nacked: (session, object, reason) => listeners.nacked(session.peer.clusterId, object, reason),
      pulse: (session, pulse) => listeners.pulse(session.peer.clusterId, pulse),
      told: (session, facts) => listeners.told(session.peer.clusterId, facts),
      hungry: () => this.pump.poke(),
      closed: (session, reason) => this.#closed(session, reason),
      failed: (session, error, attempted) =>
        log.error({ event: 'session.failed', cluster: session.peer.name, err: error }, `could not ${attempted}`),
    }
  }

  async #greeted(session: LiveSession, greeting: Greeting) {
    const { db, replica, boxKey, labels, heartbeatMs = 15_000, listeners, log } = this.#options
    const { clusterId, name } = session.peer
    const epoch = await openSession(db, { clusterId, replica, greeting })
    this.#epochs.set(session, epoch)
    if (session.kind === 'closed') {
      await closeSession(db, { clusterId, epoch })
      throw new FleetError('aborted', `open a session of ${name}: the agent went away meanwhile`)
    }
    this.tell({ kind: 'superseded', clusterId, epoch: String(epoch) })
    this.held.set(clusterId, session)
    const head = await readHead(db, { clusterId, placements: knowsPlacements(greeting) }, this.#lineage)
    const shown = { clusterName: name, labels: await labels(clusterId) }
    await listeners.connected(clusterId, greeting)
    log.info({ event: 'session.opened', cluster: name, epoch: Number(epoch) }, 'an agent connected')
    const welcome = { lineage: this.#lineage, heartbeatMs, maxMessageBytes: MAX_MESSAGE_BYTES, hubKey: boxKey, ...shown }
    return { head, epoch, welcome }
  }

  #closed(session: LiveSession, reason: string): void {
    const { clusterId, name } = session.peer
    const epoch = this.#epochs.get(session)
    if (this.held.get(clusterId) === session) this.held.delete(clusterId)
    if (epoch === undefined) return
    this.#options.log.info({ event: 'session.closed', cluster: name, reason, epoch: Number(epoch) }, 'an agent disconnected')
    const work = closeSession(this.#options.db, { clusterId, epoch })
      .then((was) => (was ? this.#options.listeners.disconnected(clusterId, reason) : undefined))
      .catch((error: unknown) =>
        this.#options.log.warn({ event: 'session.close-failed', cluster: name, err: error }, 'could not note that an agent left'),
      )
      .finally(() => this.#closing.delete(work))
    this.#closing.add(work)
  }

  #hear(notice: Notice): void {
    const session = this.held.get(notice.clusterId)
    if (!session) return
    if (notice.kind === 'expelled')
      session.apply({ kind: 'refuse', reason: 'this cluster is no member of the fleet any more', retryAfterMs: 0 })
    else if (notice.kind === 'resync') session.resync(notice.object)
    else if ((this.#epochs.get(session) ?? 0n) < BigInt(notice.epoch))
      session.apply({ kind: 'lost', reason: 'a newer session of this agent was opened' })
  }

  #beat(heartbeatMs: number): void {
    const now = this.#now()
    for (const session of this.held.values()) {
      session.apply({ kind: 'tick', now, heartbeatMs })
      if (now >= session.peer.until) session.apply({ kind: 'drain', now, retryAfterMs: 0 })
    }
  }

  /** Hints and notices may be lost; the rows are not. */
  async #sweep(): Promise<void> {
    await this.#flushAcks()
    const open = [...this.held].flatMap(([clusterId, session]) => {
      const epoch = this.#epochs.get(session)
      return epoch === undefined ? [] : [{ clusterId, epoch, serial: session.peer.serial }]
    })
    for (const { clusterId, why } of await unwanted(this.#options.db, open)) {
      const epoch = open.find((one) => one.clusterId === clusterId)?.epoch ?? 0n
      this.#hear(why === 'superseded' ? { kind: why, clusterId, epoch: String(epoch + 1n) } : { kind: why, clusterId })
    }
    this.pump.poke()
  }

  async #flushAcks(): Promise<void> {
    const acks = new Map(this.#acks)
    const taken = await acknowledge(this.#options.db, acks)
    for (const [clusterId, position] of acks) if (this.#acks.get(clusterId) === position) this.#acks.delete(clusterId)
    for (const { after, clusterId, upTo } of taken) this.#options.listeners.acked(clusterId, { after, upTo })
  }

  async #every(ms: number, work: () => Promise<void>): Promise<void> {
    const { clock, log } = this.#options
    while (!this.#stop.signal.aborted) {
      await clock.sleep(ms, this.#stop.signal).catch(() => undefined)
      if (this.#stop.signal.aborted) return
      await work().catch((error: unknown) => log.warn({ event: 'stream.sweep-failed', err: error }, 'could not look after the sessions'))
    }
  }

  #now(): number {
    return this.#options.clock.now().getTime()
  }
}
