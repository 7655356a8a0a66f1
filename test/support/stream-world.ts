import { randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import { type Identity, openIdentity } from '../../agent/session/io/identity.ts'
import { type AgentSession, openSession } from '../../agent/session/io/session.ts'
import type { FactBatch, Welcome } from '../../agent/session/model.ts'
import type { SessionPorts } from '../../agent/session/ports.ts'
import type { Bus } from '../../hub/bus/bus.ts'
import { natsUsers } from '../../hub/clusters/io/nats-users.ts'
import { clusterStore } from '../../hub/clusters/io/store.ts'
import { type ClusterService, createClusterService } from '../../hub/clusters/service.ts'
import { type Db, openDb } from '../../hub/db/db.ts'
import { openReplica } from '../../hub/stream/io/replica.ts'
import { openStream, type Stream } from '../../hub/stream/io/stream.ts'
import type { Greeting } from '../../hub/stream/model.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { silentLog } from '../../proto/base/log.ts'
import { systemRandom } from '../../proto/base/random.ts'
import type { Call } from '../../proto/model/call.ts'
import type { Cursor, Fact } from '../../proto/model/facts.ts'
import type { ClusterId } from '../../proto/model/ids.ts'
import { emptiesItsPlace, factKey } from '../../proto/model/set-digest.ts'
import { openTestNats, type TestNats } from './nats.ts'
import { openTestDatabase, type TestDatabase } from './postgres.ts'

/** A hub's door for agents, with the services behind it. */
export interface StreamHub extends AsyncDisposable {
  readonly stream: Stream
  readonly clusters: ClusterService
  readonly bus: Bus
  readonly connected: string[]
  readonly greetings: readonly Greeting[]
  /** Of each acknowledgement that listeners were told of: whether its row said so by then. */
  readonly acks: readonly Promise<boolean>[]
}

/** An agent's half, with its holdings in memory. */
export interface StreamAgent extends AsyncDisposable {
  readonly id: ClusterId
  readonly session: AgentSession
  readonly held: Map<string, Fact>
  readonly batches: FactBatch[]
  readonly welcomes: Welcome[]
  readonly calls: Call[]
  readonly identity: Identity
  cursor: Cursor | undefined
  holdStill: boolean
  /** Heartbeats so far. */
  readonly pulses: number
  /** What is known of its cluster. */
  facts: Readonly<Record<string, string>>
}

/** Postgres, NATS and an authority of their own, with hubs' doors and agents' sessions over them. */
export interface StreamWorld extends AsyncDisposable {
  readonly db: Db
  /** Certificate of the authority, PEM. */
  readonly ca: string
  openHub(options?: HubOptions): Promise<StreamHub>
  /** Joins a cluster; its identity is kept in the folder. */
  identityOf(hub: StreamHub, name: string, folder: string): Promise<Identity>
  openAgent(port: number, identity: Identity, options?: AgentOptions): StreamAgent
  /** Writes a desired fact as the hub does: it takes the next position in the transaction that writes it. */
  desire(cluster: ClusterId, name: string, bundle: string): Promise<bigint>
  undesire(cluster: ClusterId, name: string): Promise<void>
}

interface HubOptions {
  readonly replica?: string
  readonly port?: number
  readonly lifeMs?: number
  readonly heartbeatMs?: number
  /** Keeps what agents say of their clusters after they greeted. */
  readonly told?: (facts: Readonly<Record<string, string>>) => Promise<void>
}

interface AgentOptions {
  readonly agentVersion?: string
  readonly cursor?: Cursor | undefined
  readonly held?: ReadonlyMap<string, Fact>
}

export async function openStreamWorld(): Promise<StreamWorld> {
  const database = await openTestDatabase()
  const nats = await openTestNats()
  const { db } = database
  const ca = nats.authority.certificate
  return {
    db,
    ca,
    openHub: (options = {}) => openHub({ database, nats }, options),
    identityOf: (hub, name, folder) => identityOf(hub, { ca, name, folder }),
    openAgent: (port, identity, options = {}) => openAgent({ ca, port }, identity, options),
    desire: (cluster, name, bundle) => desire(db, cluster, { name, bundle }),
    undesire: (cluster, name) => undesire(db, cluster, name),
    async [Symbol.asyncDispose]() {
      await nats[Symbol.asyncDispose]()
      await database[Symbol.asyncDispose]()
    },
  }
}

async function openHub(
  { database, nats }: { readonly database: TestDatabase; readonly nats: TestNats },
  over: HubOptions,
): Promise<StreamHub> {
  await using scope = new AsyncDisposableStack()
  const replica = over.replica ?? `r-${randomUUID().slice(0, 8)}`
  const own = scope.use(await openDb(database.url, { signal: AbortSignal.timeout(30_000) }))
  const bus = scope.use(await nats.openBus({ replica }))
  scope.use(await openReplica({ sql: own, id: replica, address: '127.0.0.1', version: 'test', clock: systemClock, log: silentLog }))
  const connected: string[] = []
  const greetings: Greeting[] = []
  const acks: Promise<boolean>[] = []
  const isWritten = (id: string, position: bigint) =>
    own
      .query<{ acked: bigint }>('select acked from cluster_heads where cluster_id = $1', [id])
      .then(({ rows }) => (rows[0]?.acked ?? 0n) >= position)
      .catch(() => false)
  let stream: Stream | undefined
  const clusters = createClusterService({
    store: clusterStore(own),
    authority: nats.authority,
    nats: natsUsers({ keys: nats.keys, bus, urls: [nats.url] }),
    listeners: { joined: async () => undefined, expelled: async ({ id }) => stream?.expel(id), removed: async () => undefined },
    clock: systemClock,
    random: systemRandom,
    certificateLifeMs: over.lifeMs ?? 86_400_000,
  })
  const server = nats.authority.issueServer([], new Date())
  stream = scope.use(
    await openStream({
      db: own,
      bus,
      replica,
      clusters,
      labels: async () => ({ tier: 'edge' }),
      boxKey: new Uint8Array(32),
      listeners: {
        async connected(_id, greeting) {
          connected.push(greeting.agentVersion)
          greetings.push(greeting)
        },
        disconnected: async (_id, reason) => void connected.push(reason),
        pulse: () => undefined,
        told: async (_id, facts) => over.told?.(facts),
        nacked: () => undefined,
        acked: (id, { upTo }) => void acks.push(isWritten(id, upTo)),
      },
      host: '127.0.0.1',
      port: over.port ?? 0,
      identity: { ...server, ca: nats.authority.certificate },
      clock: systemClock,
      log: silentLog,
      heartbeatMs: over.heartbeatMs ?? 300,
      sweepMs: 300,
      pendingMs: 200,
    }),
  )
  const owned = scope.move()
  return { stream, clusters, bus, connected, greetings, acks, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

async function identityOf(
  hub: StreamHub,
  { ca, folder, name }: { readonly ca: string; readonly folder: string; readonly name: string },
): Promise<Identity> {
  const { text } = await hub.clusters.createToken(
    { description: '', clusterName: undefined, labels: {}, autoApprove: true, uses: 1, lifeMs: 60_000 },
    'admin',
  )
  const address = { address: `127.0.0.1:${hub.stream.port}`, ca }
  const options = { hub: address, folder, clusterName: name, clusterUid: 'u', token: text, agentVersion: 'test' }
  return openIdentity({ ...options, clock: systemClock, random: systemRandom, log: silentLog }, AbortSignal.timeout(30_000))
}

function openAgent({ ca, port }: { readonly ca: string; readonly port: number }, identity: Identity, over: AgentOptions): StreamAgent {
  const held = new Map<string, Fact>(over.held)
  const agent = {
    held,
    identity,
    batches: [] as FactBatch[],
    welcomes: [] as Welcome[],
    calls: [] as Call[],
    cursor: over.cursor,
    holdStill: false,
    pulses: 0,
    facts: { kubernetesVersion: 'v1.35.0' } as Readonly<Record<string, string>>,
  }
  const ports: SessionPorts = {
    holdings: {
      cursor: () => agent.cursor,
      facts: () => held.values(),
      save: async (batch) => {
        agent.batches.push(batch)
        if (batch.full) held.clear()
        for (const fact of batch.facts) emptiesItsPlace(fact) ? held.delete(factKey(fact)) : held.set(factKey(fact), fact)
        agent.cursor = batch.cursor
      },
    },
    carryOut: async (call) => {
      agent.calls.push(call)
      if (agent.holdStill) await new Promise(() => undefined)
      return { id: call.id, code: 200, body: call.body }
    },
    pulse() {
      agent.pulses++
      return { sequences: {}, mirrorDigest: '', mirrorCount: 0 }
    },
    boot: () => 1n,
    facts: () => agent.facts,
    welcomed: (welcome) => void agent.welcomes.push(welcome),
    resync: () => undefined,
    renewed: () => undefined,
  }
  const session = openSession({
    hub: { address: `127.0.0.1:${port}`, ca },
    identity,
    ports,
    agentVersion: over.agentVersion ?? 'test',
    capabilities: [],
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
  })
  return Object.assign(agent, { id: identity.current().clusterId, session, [Symbol.asyncDispose]: () => session[Symbol.asyncDispose]() })
}

export const live = (agent: StreamAgent) => expect.poll(() => agent.session.state(), { timeout: 15_000 }).toBe('live')

async function desire(db: Db, cluster: ClusterId, { bundle, name }: { readonly bundle: string; readonly name: string }): Promise<bigint> {
  return db.transaction(async (tx) => {
    const { rows } = await tx.query<{ counter: bigint }>(
      'update cluster_heads set counter = counter + 1 where cluster_id = $1 returning counter',
      [cluster],
    )
    const position = rows[0]?.counter ?? 0n
    await tx.query(
      `insert into desired values ($1, 'kustomize.toolkit.fluxcd.io', 'Kustomization', 'apps', $2, 'GitRepository', 'apps', 'src', 'o', $3, null, $4)
       on conflict (cluster_id, grp, kind, namespace, name) do update set bundle = excluded.bundle, position = excluded.position`,
      [cluster, name, bundle, String(position)],
    )
    return position
  })
}

async function undesire(db: Db, cluster: ClusterId, name: string): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.query('update cluster_heads set counter = counter + 1 where cluster_id = $1', [cluster])
    await tx.query('delete from desired where cluster_id = $1 and name = $2', [cluster, name])
    await tx.query(
      `insert into removals select $1, 'desired', 'kustomize.toolkit.fluxcd.io', 'Kustomization', 'apps', $2, counter from cluster_heads where cluster_id = $1`,
      [cluster, name],
    )
  })
}

export const bundleOf = (agent: StreamAgent, name: string) => {
  const fact = agent.held.get(`desired kustomize.toolkit.fluxcd.io/Kustomization/apps/${name}`)
  return fact?.kind === 'desired' && 'bundle' in fact.content ? fact.content.bundle : undefined
}
