import { type AgentBus, openAgentBus } from '../../../agent/bus/bus.ts'
import { bundlesOf } from '../../../agent/cache/decide.ts'
import { hold, type Touched } from '../../../agent/cache/hold.ts'
import { type Holdings, NOTHING_HELD } from '../../../agent/cache/model.ts'
import { type AppliedWords, openAppliedWords } from '../../../agent/report/applied.ts'
import { openPublisher, type Publisher } from '../../../agent/report/io/publish.ts'
import { Outbox } from '../../../agent/report/outbox.ts'
import { openRevisions, type Revisions } from '../../../agent/report/revisions.ts'
import { type Identity, openIdentity } from '../../../agent/session/io/identity.ts'
import type { HubAddress } from '../../../agent/session/io/rpc.ts'
import { type AgentSession, openSession } from '../../../agent/session/io/session.ts'
import type { Credentials } from '../../../agent/session/model.ts'
import type { SessionPorts } from '../../../agent/session/ports.ts'
import { systemClock } from '../../../proto/base/clock.ts'
import { silentLog } from '../../../proto/base/log.ts'
import { systemRandom } from '../../../proto/base/random.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { refKey } from '../../../proto/model/object-ref.ts'
import { setDigestOf } from '../../../proto/model/set-digest.ts'
import { createMirror, type SimulatedMirror } from './mirror.ts'

const ground = { clock: systemClock, random: systemRandom, log: silentLog }
const VERSION = '0.0.0-simulated'
const FETCH_AGAIN_MS = 500
/** What is applied is well at once. */
const WELL = { together: () => ({ health: 'Current', message: '' }) as const, [Symbol.dispose]: () => undefined }

export interface SimulatedOptions {
  readonly hub: HubAddress
  readonly name: string
  /** Folder for the key and the certificate. */
  readonly folder: string
  readonly token: string
  /** The Flux objects that are in the cluster before the hub says anything. */
  readonly objects: readonly Manifest[]
  /** Told once the release of a source (by key) and every bundle that belongs to it are here. */
  readonly has: (source: string, revision: string) => void
  readonly signal: AbortSignal
}

/**
 * An agent without a cluster. Real: key, certificate and NATS user by `Join`; the session, acknowledgements, heartbeats and
 * bundles over mTLS; what is reported, when, and over NATS. Pretended: the Flux objects, that what came is applied, and that
 * this succeeds at once.
 */
export class SimulatedAgent implements AsyncDisposable {
  readonly #options: SimulatedOptions
  readonly #identity: Identity
  readonly #mirror: SimulatedMirror
  readonly #outbox: Outbox
  readonly #revisions: Revisions
  readonly #words: AppliedWords
  readonly #publisher: Publisher
  readonly #bus: AgentBus
  readonly #first: Credentials
  readonly #bundles = new Set<string>()
  /** Sources with something to follow. */
  readonly #moved = new Set<string>()
  readonly #told = new Map<string, string>()
  /** Bundle by the Kustomization that applied it. */
  readonly #said = new Map<string, string>()
  #holdings: Holdings = NOTHING_HELD
  #session: AgentSession | undefined
  #following: Promise<void> | undefined

  constructor(options: SimulatedOptions, { identity, bus }: { readonly identity: Identity; readonly bus: AgentBus }) {
    this.#options = options
    this.#identity = identity
    this.#mirror = createMirror(options.name, options.objects)
    this.#outbox = new Outbox(1n, this.#mirror.describe, { journal: { add: () => undefined, told: () => undefined }, left: [] })
    this.#bus = bus
    this.#first = identity.current()
    this.#publisher = openPublisher({ ...ground, outbox: this.#outbox, publish: (lane, bytes, o) => this.#bus.publish(lane, bytes, o) })
    this.#revisions = openRevisions({
      release: (source) => this.#holdings.releases.get(source),
      consumers: (source) => this.#mirror.states(source),
      tell: (reached, stragglers) => {
        this.#outbox.revision(reached, stragglers)
        this.#publisher.wake()
      },
      clock: systemClock,
    })
    this.#words = openAppliedWords({
      clock: systemClock,
      tell: (word) => {
        this.#outbox.applied(word)
        this.#publisher.wake()
      },
    })
    for (const key of this.#mirror.keys()) this.#outbox.object(key)
  }

  get live(): boolean {
    return this.#session?.state() === 'live'
  }

  connect(): void {
    this.#session = openSession({
      ...ground,
      hub: this.#options.hub,
      identity: this.#identity,
      ports: this.#ports(),
      agentVersion: VERSION,
      capabilities: ['git-repository', 'kustomization', 'placements', 'health'],
    })
  }

  async disconnect(): Promise<void> {
    await this.#session?.[Symbol.asyncDispose]()
    this.#session = undefined
  }

  /** Reports what a webhook or `flux reconcile` would bring about for a source. */
  request(source: string): void {
    this.#mirror.request(source, new Date().toISOString())
    this.#outbox.object(source)
    this.#publisher.wake()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.disconnect()
    await this.#following
    await this.#revisions[Symbol.asyncDispose]()
    await this.#words[Symbol.asyncDispose]()
    await this.#publisher[Symbol.asyncDispose]()
    await this.#bus[Symbol.asyncDispose]()
  }

  #ports(): SessionPorts {
    return {
      holdings: {
        cursor: () => this.#holdings.cursor,
        facts: () => this.#facts(),
        save: async (batch) => {
          const { holdings, touched } = hold(this.#holdings, batch)
          this.#holdings = holdings
          this.#take(touched)
        },
      },
      carryOut: async ({ id }) => ({ id, code: 501, body: Buffer.from('{}') }),
      pulse: () => this.#pulse(),
      boot: () => 1n,
      facts: () => ({ mode: 'active' }),
      welcomed: () => this.#publisher.start(),
      resync: (object) => this.#resync(object && refKey(object)),
      // The first ones are in use since the agent joined.
      renewed: (credentials) => {
        if (credentials !== this.#first) this.#bus.renew(credentials).catch(() => undefined)
      },
    }
  }

  *#facts() {
    const { cluster, desired, placed, releases, sourceStatuses, tenants } = this.#holdings
    yield* desired.values()
    yield* releases.values()
    yield* sourceStatuses.values()
    yield* tenants.values()
    yield* placed.values()
    if (cluster) yield cluster
  }

  #pulse() {
    const told = Array.from(this.#outbox.told, ([key, { resourceVersion }]) => [key, resourceVersion] as const)
    return { sequences: this.#outbox.sequences, mirrorDigest: setDigestOf(told), mirrorCount: told.length }
  }

  #resync(key: string | undefined): void {
    this.#outbox.forgetTold(key)
    for (const one of key === undefined ? this.#mirror.keys() : [key]) this.#outbox.object(one)
    if (key === undefined) {
      this.#revisions.forgetTold()
      for (const source of this.#holdings.releases.keys()) this.#revisions.changed(source)
      this.#outbox.list(systemRandom.hex(8))
    }
    this.#publisher.wake()
  }

  #take({ placed, sources }: Touched): void {
    for (const key of placed) this.#place(key)
    if (placed.size > 0) this.#publisher.wake()
    for (const source of sources) this.#moved.add(source)
    this.#followSoon()
  }

  /** Brings a placed object into the cluster, or out of it, and says so. */
  #place(key: string): void {
    const fact = this.#holdings.placed.get(key)
    if (!fact) {
      this.#outbox.forgetPlaced(key)
      return
    }
    const { content, object, position } = fact
    if ('manifest' in content) {
      if (this.#mirror.put(content.manifest)) this.#outbox.object(key)
      this.#outbox.placed({ object, position, state: 'placed', message: '' })
      return
    }
    const gone = content.leaving === 'delete' ? this.#mirror.remove(key) : undefined
    if (gone) this.#outbox.deletion(gone)
    this.#outbox.placed({ object, position, state: 'gone', message: '' })
  }

  get #mayFollow(): boolean {
    return this.#moved.size > 0 && this.#session !== undefined && !this.#options.signal.aborted
  }

  /** One at a time; what comes meanwhile is followed afterwards. */
  #followSoon(): void {
    if (!this.#mayFollow) return
    this.#following ??= this.#follow().finally(() => {
      this.#following = undefined
      this.#followSoon()
    })
  }

  async #follow(): Promise<void> {
    while (this.#mayFollow) {
      const sources = [...this.#moved]
      this.#moved.clear()
      try {
        if (await this.#fetch()) for (const source of sources) this.#look(source)
        else throw new Error('some bundles were refused')
      } catch {
        // The hub asks to come back, or is away: as a real agent, it tries again.
        for (const source of sources) this.#moved.add(source)
        await systemClock.sleep(FETCH_AGAIN_MS * (0.5 + systemRandom.next()), this.#options.signal).catch(() => undefined)
      }
    }
  }

  /** @returns true once every bundle that the hub speaks of is here */
  async #fetch(): Promise<boolean> {
    const missing = [...bundlesOf(this.#holdings)].filter((digest) => !this.#bundles.has(digest))
    if (missing.length === 0) return true
    let refusals = 0
    const options = { signal: this.#options.signal, refused: () => void refusals++ }
    for await (const { digest } of this.#session?.fetchBundles(missing, options) ?? []) this.#bundles.add(digest)
    return refusals === 0
  }

  /** Applies what the hub says of a source's consumers, once there is a release with everything that it covers. */
  #look(source: string): void {
    const release = this.#holdings.releases.get(source)
    if (!release || !this.#holdings.complete.has(source)) return
    const { revision } = release
    const follow = (key: string) => {
      if (this.#mirror.ready(key, revision)) this.#outbox.object(key)
    }
    follow(source)
    for (const key of this.#mirror.consumersOf(source)) {
      const fact = this.#holdings.desired.get(key)
      if (!fact || !('bundle' in fact.content) || !this.#bundles.has(fact.content.bundle)) continue
      follow(key)
      this.#say(key, fact.content.bundle)
    }
    this.#publisher.wake()
    this.#revisions.changed(source)
    if (this.#told.get(source) === revision) return
    this.#told.set(source, revision)
    this.#options.has(source, revision)
  }

  /** Tells how what was applied of a bundle is doing. */
  #say(key: string, bundle: string): void {
    const applied = this.#mirror.applied(key, bundle)
    if (!applied) return
    const changed = this.#said.get(key) !== bundle
    this.#said.set(key, bundle)
    this.#words.follow(applied, changed, () => WELL)
  }
}

/**
 * Joins the fleet under the name, with a key of its own, and connects to NATS; not to the hub yet. NATS clients sign in
 * JavaScript, some 30 ms each: agents have a processor each for that, this one process has to do it for all of them.
 */
export async function joinSimulated(options: SimulatedOptions): Promise<SimulatedAgent> {
  const { hub, folder, token, name } = options
  const identity = await openIdentity(
    { ...ground, hub, folder, clusterName: name, clusterUid: name, token, agentVersion: VERSION },
    options.signal,
  )
  const bus = openAgentBus({ credentials: identity.current(), log: silentLog, signal: options.signal })
  await bus.opened()
  return new SimulatedAgent(options, { identity, bus })
}
