import { type AgentBus, openAgentBus } from '../../agent/bus/bus.ts'
import { bundlesOf } from '../../agent/cache/decide.ts'
import { hold } from '../../agent/cache/hold.ts'
import { type Holdings, NOTHING_HELD } from '../../agent/cache/model.ts'
import { openPublisher, type Publisher } from '../../agent/report/io/publish.ts'
import { Outbox } from '../../agent/report/outbox.ts'
import { type Identity, openIdentity } from '../../agent/session/io/identity.ts'
import type { HubAddress } from '../../agent/session/io/rpc.ts'
import { type AgentSession, openSession } from '../../agent/session/io/session.ts'
import type { Credentials } from '../../agent/session/model.ts'
import type { SessionPorts } from '../../agent/session/ports.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { silentLog } from '../../proto/base/log.ts'
import { systemRandom } from '../../proto/base/random.ts'
import { refKey } from '../../proto/model/object-ref.ts'
import { setDigestOf } from '../../proto/model/set-digest.ts'
import { createMirror, type SimulatedMirror } from './simulated-mirror.ts'

const ground = { clock: systemClock, random: systemRandom, log: silentLog }
const VERSION = '0.0.0-simulated'
const FETCH_AGAIN_MS = 500

export interface SimulatedOptions {
  readonly hub: HubAddress
  readonly name: string
  /** Folder for the key and the certificate. */
  readonly folder: string
  readonly token: string
  readonly url: string
  readonly apps: readonly string[]
  /** Told once a release and every bundle that belongs to it are here. */
  readonly has: (revision: string) => void
  readonly signal: AbortSignal
}

/**
 * An agent without a cluster. Real: key, certificate and NATS user by `Join`; the session, acknowledgements, heartbeats and
 * bundles over mTLS; reports over NATS. Pretended: the Flux objects, that bundles are applied, and that this succeeds at once.
 */
export class SimulatedAgent implements AsyncDisposable {
  readonly #options: SimulatedOptions
  readonly #identity: Identity
  readonly #mirror: SimulatedMirror
  readonly #outbox: Outbox
  readonly #publisher: Publisher
  readonly #bus: AgentBus
  readonly #first: Credentials
  readonly #bundles = new Set<string>()
  #holdings: Holdings = NOTHING_HELD
  #session: AgentSession | undefined
  #following: Promise<void> | undefined
  #again = false
  #told = ''

  constructor(options: SimulatedOptions, { identity, bus }: { readonly identity: Identity; readonly bus: AgentBus }) {
    this.#options = options
    this.#identity = identity
    this.#mirror = createMirror({ uid: options.name, url: options.url, apps: options.apps })
    this.#outbox = new Outbox(1n, this.#mirror.describe, { journal: { add: () => undefined, told: () => undefined }, left: [] })
    this.#bus = bus
    this.#first = identity.current()
    this.#publisher = openPublisher({ ...ground, outbox: this.#outbox, publish: (lane, bytes, o) => this.#bus.publish(lane, bytes, o) })
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
      capabilities: [],
    })
  }

  async disconnect(): Promise<void> {
    await this.#session?.[Symbol.asyncDispose]()
    this.#session = undefined
  }

  /** Reports what a webhook or `flux reconcile` would bring about. */
  request(): void {
    this.#mirror.request(new Date().toISOString())
    this.#outbox.object(refKey(this.#mirror.source))
    this.#publisher.wake()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.disconnect()
    await this.#following
    await this.#publisher[Symbol.asyncDispose]()
    await this.#bus[Symbol.asyncDispose]()
  }

  #ports(): SessionPorts {
    return {
      holdings: {
        cursor: () => this.#holdings.cursor,
        facts: () => this.#facts(),
        save: async (batch) => {
          this.#holdings = hold(this.#holdings, batch).holdings
          this.#follow()
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
    const { desired, releases, sourceStatuses, tenants } = this.#holdings
    yield* desired.values()
    yield* releases.values()
    yield* sourceStatuses.values()
    yield* tenants.values()
  }

  #pulse() {
    const told = Array.from(this.#outbox.told, ([key, { resourceVersion }]) => [key, resourceVersion] as const)
    return { sequences: this.#outbox.sequences, mirrorDigest: setDigestOf(told), mirrorCount: told.length }
  }

  #resync(key: string | undefined): void {
    this.#outbox.forgetTold(key)
    for (const one of key === undefined ? this.#mirror.keys() : [key]) this.#outbox.object(one)
    if (key === undefined) this.#outbox.list(systemRandom.hex(8))
    this.#publisher.wake()
  }

  /** One at a time; what comes meanwhile is looked at afterwards. */
  #follow(): void {
    this.#again = true
    this.#following ??= this.#run().finally(() => {
      this.#following = undefined
    })
  }

  async #run(): Promise<void> {
    while (this.#again && this.#session && !this.#options.signal.aborted) {
      this.#again = false
      try {
        await this.#fetch()
        this.#look()
      } catch {
        // The hub asks to come back, or is away: as a real agent, it tries again.
        await systemClock.sleep(FETCH_AGAIN_MS * (0.5 + systemRandom.next()), this.#options.signal).catch(() => undefined)
        this.#again = true
      }
    }
  }

  async #fetch(): Promise<void> {
    const missing = [...bundlesOf(this.#holdings)].filter((digest) => !this.#bundles.has(digest))
    if (missing.length === 0) return
    const refused = () => {
      this.#again = true
    }
    for await (const { digest } of this.#session?.fetchBundles(missing, { signal: this.#options.signal, refused }) ?? [])
      this.#bundles.add(digest)
  }

  /** Says that all is applied once there is a release with everything that it covers. */
  #look(): void {
    const key = refKey(this.#mirror.source)
    const release = this.#holdings.releases.get(key)
    if (!release || !this.#holdings.complete.has(key) || release.revision === this.#told) return
    if ([...bundlesOf(this.#holdings)].some((digest) => !this.#bundles.has(digest))) return
    const ready = this.#mirror.consumers.length
    if (this.#holdings.desired.size < ready) return
    this.#told = release.revision
    this.#options.has(release.revision)
    this.#mirror.ready(release.revision)
    for (const one of this.#mirror.keys()) this.#outbox.object(one)
    const { source, revision, setDigest } = release
    this.#outbox.revision({ source, revision, setDigest, ready, notReady: 0, at: new Date() }, [])
    this.#publisher.wake()
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
