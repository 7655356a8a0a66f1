import { randomUUID } from 'node:crypto'
import { zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
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
import { systemClock } from '../../proto/base/clock.ts'
import { sha256 } from '../../proto/base/hash.ts'
import { silentLog } from '../../proto/base/log.ts'
import { systemRandom } from '../../proto/base/random.ts'
import type { Call } from '../../proto/model/call.ts'
import type { Cursor, Fact } from '../../proto/model/facts.ts'
import type { ClusterId } from '../../proto/model/ids.ts'
import { emptiesItsPlace, factKey } from '../../proto/model/set-digest.ts'
import { openTestNats, type TestNats } from '../support/nats.ts'
import { openTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { openTempDir } from '../support/temp-dir.ts'

let database: TestDatabase
let db: Db
let nats: TestNats
beforeAll(async () => {
  database = await openTestDatabase()
  db = database.db
  nats = await openTestNats()
})
afterAll(async () => {
  await nats[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

interface TestHub extends AsyncDisposable {
  readonly stream: Stream
  readonly clusters: ClusterService
  readonly bus: Bus
  readonly connected: string[]
  /** Of each acknowledgement that listeners were told of: whether its row said so by then. */
  readonly acks: readonly Promise<boolean>[]
}

async function openHub(
  over: { readonly replica?: string; readonly port?: number; readonly lifeMs?: number; readonly heartbeatMs?: number } = {},
): Promise<TestHub> {
  await using scope = new AsyncDisposableStack()
  const replica = over.replica ?? `r-${randomUUID().slice(0, 8)}`
  const own = scope.use(await openDb(database.url, { signal: AbortSignal.timeout(30_000) }))
  const bus = scope.use(await nats.openBus({ replica }))
  scope.use(await openReplica({ sql: own, id: replica, address: '127.0.0.1', version: 'test', clock: systemClock, log: silentLog }))
  const connected: string[] = []
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
        connected: async (_id, { agentVersion }) => void connected.push(agentVersion),
        disconnected: async (_id, reason) => void connected.push(reason),
        pulse: () => undefined,
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
  return { stream, clusters, bus, connected, acks, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** An agent's half, with its holdings in memory. */
interface TestAgent extends AsyncDisposable {
  readonly id: ClusterId
  readonly session: AgentSession
  readonly held: Map<string, Fact>
  readonly batches: FactBatch[]
  readonly welcomes: Welcome[]
  readonly calls: Call[]
  readonly identity: Identity
  cursor: Cursor | undefined
  holdStill: boolean
}

async function identityOf(hub: TestHub, name: string, folder: string): Promise<Identity> {
  const { text } = await hub.clusters.createToken(
    { description: '', clusterName: undefined, labels: {}, autoApprove: true, uses: 1, lifeMs: 60_000 },
    'admin',
  )
  const address = { address: `127.0.0.1:${hub.stream.port}`, ca: nats.authority.certificate }
  const options = { hub: address, folder, clusterName: name, clusterUid: 'u', token: text, agentVersion: 'test' }
  return openIdentity({ ...options, clock: systemClock, random: systemRandom, log: silentLog }, AbortSignal.timeout(30_000))
}

function openAgent(
  port: number,
  identity: Identity,
  over: { readonly agentVersion?: string; readonly cursor?: Cursor | undefined; readonly held?: ReadonlyMap<string, Fact> } = {},
): TestAgent {
  const held = new Map<string, Fact>(over.held)
  const agent = {
    held,
    identity,
    batches: [] as FactBatch[],
    welcomes: [] as Welcome[],
    calls: [] as Call[],
    cursor: over.cursor,
    holdStill: false,
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
    pulse: () => ({ sequences: {}, mirrorDigest: '', mirrorCount: 0 }),
    boot: () => 1n,
    facts: () => ({ version: '1.35' }),
    welcomed: (welcome) => void agent.welcomes.push(welcome),
    resync: () => undefined,
    renewed: () => undefined,
  }
  const session = openSession({
    hub: { address: `127.0.0.1:${port}`, ca: nats.authority.certificate },
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

const live = (agent: TestAgent) => expect.poll(() => agent.session.state(), { timeout: 15_000 }).toBe('live')

/** Writes a desired fact as the hub does: it takes the next position in the transaction that writes it. */
async function desire(cluster: ClusterId, name: string, bundle: string): Promise<bigint> {
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

async function undesire(cluster: ClusterId, name: string): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.query('update cluster_heads set counter = counter + 1 where cluster_id = $1', [cluster])
    await tx.query('delete from desired where cluster_id = $1 and name = $2', [cluster, name])
    await tx.query(
      `insert into removals select $1, 'desired', 'kustomize.toolkit.fluxcd.io', 'Kustomization', 'apps', $2, counter from cluster_heads where cluster_id = $1`,
      [cluster, name],
    )
  })
}

const bundleOf = (agent: TestAgent, name: string) => {
  const fact = agent.held.get(`desired kustomize.toolkit.fluxcd.io/Kustomization/apps/${name}`)
  return fact?.kind === 'desired' && 'bundle' in fact.content ? fact.content.bundle : undefined
}

test('facts flow down on a hint, in order, are acknowledged, and their tombstones go', async () => {
  await using dir = openTempDir('agent')
  await using hub = await openHub()
  await using agent = openAgent(hub.stream.port, await identityOf(hub, 'flow', dir.path))
  await live(agent)
  expect(agent.welcomes[0]).toMatchObject({ clusterName: 'flow', labels: { tier: 'edge' }, full: true })
  await desire(agent.id, 'a', 'sha256:1')
  await desire(agent.id, 'b', 'sha256:2')
  hub.bus.hint()
  await expect.poll(() => [bundleOf(agent, 'a'), bundleOf(agent, 'b')]).toEqual(['sha256:1', 'sha256:2'])
  await undesire(agent.id, 'a')
  hub.bus.hint()
  await expect.poll(() => agent.held.size).toBe(1)
  await expect.poll(async () => (await db.query('select 1 from removals where cluster_id = $1', [agent.id])).rowCount).toBe(0)
  expect((await db.query<{ acked: bigint }>('select acked from cluster_heads where cluster_id = $1', [agent.id])).rows[0]?.acked).toBe(3n)
  await expect.poll(() => hub.acks.length).toBeGreaterThan(0)
  // Whoever is told of an acknowledgement looks at the rows at once.
  expect(await Promise.all(hub.acks)).not.toContain(false)
})

test('a lost hint is made good by the sweep', async () => {
  await using dir = openTempDir('agent')
  await using hub = await openHub()
  await using agent = openAgent(hub.stream.port, await identityOf(hub, 'lost-hint', dir.path))
  await live(agent)
  await desire(agent.id, 'a', 'sha256:1')
  await expect.poll(() => bundleOf(agent, 'a'), { timeout: 5000 }).toBe('sha256:1')
})

test('thousands of facts arrive whole, also those that share a position, and change while they are read', async () => {
  await using dir = openTempDir('agent')
  await using hub = await openHub()
  const identity = await identityOf(hub, 'many', dir.path)
  const id = identity.current().clusterId
  await db.query(
    `insert into desired select $1, 'kustomize.toolkit.fluxcd.io', 'Kustomization', 'apps', 'n' || i, 'GitRepository', 'apps', 'src', 'o', 'sha256:x', null, 1 + i / 700
       from generate_series(1, 5000) i`,
    [id],
  )
  await db.query('update cluster_heads set counter = 10 where cluster_id = $1', [id])
  await using agent = openAgent(hub.stream.port, identity)
  for (let i = 1; i <= 20; i++) await desire(id, `n${i}`, 'sha256:new')
  hub.bus.hint()
  await live(agent)
  await expect.poll(() => bundleOf(agent, 'n20')).toBe('sha256:new')
  expect(agent.held.size).toBe(5000)
  expect(agent.welcomes).toHaveLength(1)
})

test('a cursor that follows gets what is new; one that is ahead, of another lineage or over other facts gets everything', async () => {
  await using dir = openTempDir('agent')
  await using hub = await openHub()
  const identity = await identityOf(hub, 'cursors', dir.path)
  const id = identity.current().clusterId
  await desire(id, 'a', 'sha256:1')
  const first = openAgent(hub.stream.port, identity)
  await live(first)
  await expect.poll(() => first.cursor?.position).toBe(1n)
  await first[Symbol.asyncDispose]()
  await desire(id, 'b', 'sha256:2')
  const again = async (cursor: Cursor | undefined, held: Map<string, Fact>) => {
    const agent = openAgent(hub.stream.port, identity, { cursor, held })
    await live(agent)
    await expect.poll(() => agent.cursor?.position).toBe(2n)
    const state = { full: agent.welcomes.map(({ full }) => full), facts: agent.batches[0]?.facts.length, held: agent.held.size }
    await agent[Symbol.asyncDispose]()
    return { state, held: agent.held, cursor: agent.cursor }
  }
  const second = await again(first.cursor, first.held)
  expect(second.state).toEqual({ full: [false], facts: 1, held: 2 })
  expect((await again(second.cursor, second.held)).state).toEqual({ full: [false], facts: 0, held: 2 })
  const ahead = { lineage: second.cursor?.lineage ?? '', position: 99n }
  expect((await again(ahead, second.held)).state).toEqual({ full: [true], facts: 2, held: 2 })
  expect((await again({ lineage: 'another', position: 2n }, second.held)).state).toMatchObject({ full: [true], held: 2 })
  const altered = new Map([...second.held].slice(1))
  expect((await again(second.cursor, altered)).state).toMatchObject({ full: [true], held: 2 })
})

test('an agent that followed but holds something else than the hub finds out and asks for everything', async () => {
  await using dir = openTempDir('agent')
  await using hub = await openHub()
  const identity = await identityOf(hub, 'diverged', dir.path)
  const id = identity.current().clusterId
  await desire(id, 'a', 'sha256:1')
  await desire(id, 'b', 'sha256:2')
  // The database was put back to before position 1 and written again since: the cursor follows, and yet `a` is missing here.
  await using agent = openAgent(hub.stream.port, identity, { cursor: { lineage: await db.lineage(), position: 1n } })
  await expect.poll(() => agent.held.size, { timeout: 10_000 }).toBe(2)
  await live(agent)
  expect(agent.welcomes.map(({ full }) => full)).toEqual([false, true])
})

test('the newest of two sessions wins, also across replicas; a late close of the older changes nothing', async () => {
  await using dir = openTempDir('agent')
  await using one = await openHub()
  await using two = await openHub()
  const identity = await identityOf(one, 'racing', dir.path)
  await using older = openAgent(one.stream.port, identity, { agentVersion: 'older' })
  await live(older)
  await using newer = openAgent(two.stream.port, identity, { agentVersion: 'newer' })
  await live(newer)
  await expect.poll(() => one.stream.has(older.id) && older.session.state() === 'live').toBe(false)
  const row = async () =>
    (await db.query<{ epoch: bigint; closed_at: Date | null }>('select epoch, closed_at from sessions where cluster_id = $1', [older.id]))
      .rows[0]
  expect((await row())?.closed_at).toBeNull()
  expect((await row())?.epoch).toBeGreaterThanOrEqual(2n)
})

test('a call reaches the agent through another replica, and its answer comes back', async () => {
  await using dir = openTempDir('agent')
  await using one = await openHub()
  await using two = await openHub()
  await using agent = openAgent(one.stream.port, await identityOf(one, 'called', dir.path))
  await live(agent)
  const object = { group: 'apps', kind: 'Deployment', namespace: 'n', name: 'd' }
  const aCall = (ms: number): Call => ({
    ...{ id: randomUUID(), verb: 'patch-merge', object, apiVersion: 'apps/v1', as: 'n/sa', body: Buffer.from('{"a":1}'), dryRun: false },
    ...{ resourceVersion: '', fieldManager: 'm', deadline: new Date(Date.now() + ms), labelSelector: '' },
  })
  for (const hub of [one, two]) {
    const call = aCall(5000)
    const answer = await hub.stream.call(agent.id, call)
    expect({ code: answer.code, body: Buffer.from(answer.body).toString() }).toEqual({ code: 200, body: '{"a":1}' })
    expect(agent.calls.at(-1)).toMatchObject({ id: call.id, verb: 'patch-merge', object, as: 'n/sa' })
  }
  agent.holdStill = true
  for (const hub of [one, two]) await expect(hub.stream.call(agent.id, aCall(400))).rejects.toMatchObject({ code: 'deadline-exceeded' })
  await agent[Symbol.asyncDispose]()
  await expect.poll(() => one.stream.has(agent.id)).toBe(false)
  for (const hub of [one, two])
    await expect.poll(() => hub.stream.call(agent.id, aCall(400)).catch((error: { code: string }) => error.code)).toBe('unavailable')
})

test('bundles come by digest, verified, and only those that the cluster should have', async () => {
  await using dir = openTempDir('agent')
  await using hub = await openHub()
  await using agent = openAgent(hub.stream.port, await identityOf(hub, 'bundles', dir.path))
  await live(agent)
  const content = Buffer.alloc(3_000_000, 'abcdefg')
  const random = Buffer.from(systemRandom.hex(900_000))
  const add = async (bytes: Buffer, stored: Buffer, encoding: string, digest: string = sha256(bytes)) => {
    await db.query('insert into bundles (digest, encoding, size, bytes) values ($1, $2, $3, $4)', [digest, encoding, bytes.length, stored])
    return digest
  }
  const packed = await add(content, zstdCompressSync(content), 'zstd')
  const plain = await add(random, random, 'identity')
  const secret = await add(Buffer.from('secret'), Buffer.from('secret'), 'identity')
  await desire(agent.id, 'a', packed)
  await desire(agent.id, 'b', plain)
  const refused: string[] = []
  const options = { signal: AbortSignal.timeout(20_000), refused: (digest: string) => void refused.push(digest) }
  const got = await Array.fromAsync(agent.session.fetchBundles([packed, secret, plain], options))
  expect(got.map(({ digest, bytes }) => ({ digest, size: bytes.length }))).toEqual([
    { digest: packed, size: content.length },
    { digest: plain, size: random.length },
  ])
  expect(refused).toEqual([secret])
  const lie = await add(Buffer.from('x'), Buffer.from('not x'), 'identity', sha256('something else'))
  await desire(agent.id, 'c', lie)
  await expect(Array.fromAsync(agent.session.fetchBundles([lie], options))).rejects.toThrow(/another digest/)
})

test('a session survives the restart of its hub, which tells it to go first', async () => {
  await using dir = openTempDir('agent')
  const first = await openHub()
  const port = first.stream.port
  await using agent = openAgent(port, await identityOf(first, 'restart', dir.path))
  await live(agent)
  await first[Symbol.asyncDispose]()
  expect(first.connected.at(-1)).toMatch(/drained|went away|broke/)
  expect((await db.query('select 1 from sessions where cluster_id = $1 and closed_at is null', [agent.id])).rowCount).toBe(0)
  await using second = await openHub({ port })
  await desire(agent.id, 'a', 'sha256:1')
  await live(agent)
  await expect.poll(() => bundleOf(agent, 'a')).toBe('sha256:1')
  expect(second.stream.size()).toBe(1)
  expect(agent.welcomes.map(({ full }) => full)).toEqual([true, false])
})

test('revoking ends the open session at once, on whichever replica, and keeps the agent out', async () => {
  await using dir = openTempDir('agent')
  await using one = await openHub()
  await using two = await openHub()
  await using agent = openAgent(one.stream.port, await identityOf(one, 'revoked', dir.path))
  await live(agent)
  await two.clusters.revoke('revoked', 'admin')
  await expect.poll(() => one.stream.has(agent.id)).toBe(false)
  await expect.poll(() => agent.session.state()).not.toBe('live')
  await using other = openAgent(two.stream.port, agent.identity)
  await expect.poll(() => other.session.state()).toBe('offline')
  expect(other.welcomes).toEqual([])
})

test('nobody opens a session or fetches without a certificate, or with one of another authority', async () => {
  await using dir = openTempDir('agent')
  await using hub = await openHub()
  const identity = await identityOf(hub, 'strangers', dir.path)
  const { openAuthority } = await import('../../hub/clusters/io/authority.ts')
  const { createTestKey } = await import('../support/certs.ts')
  const stranger = await openAuthority((make) => make(), new Date())
  const key = createTestKey()
  const life = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 60_000) }
  const forged = stranger.issue({ publicKey: key.publicKey, serial: '4abc' }, identity.current().clusterId, life)
  const { openClient } = await import('../../agent/session/io/rpc.ts')
  const address = { address: `127.0.0.1:${hub.stream.port}`, ca: nats.authority.certificate }
  for (const own of [undefined, { certificate: forged, privateKey: key.privateKey }]) {
    const client = openClient(address, own)
    const failure = await Array.fromAsync(client.fetchBundles({ digests: ['sha256:1'] })).catch((error: { code: number }) => error.code)
    expect(failure).toBe(16)
    const session = client.session()
    const ended = new Promise<number>((resolve) => session.on('error', (error) => resolve((error as unknown as { code: number }).code)))
    session.on('data', () => undefined)
    expect(await ended).toBe(16)
    client.close()
  }
})

test('an agent renews in time; its session ends before its certificate does and comes back with the new one', async () => {
  await using dir = openTempDir('agent')
  await using hub = await openHub({ lifeMs: 4000, heartbeatMs: 200 })
  const identity = await identityOf(hub, 'short', dir.path)
  const first = identity.current().certificate
  await using agent = openAgent(hub.stream.port, identity)
  await live(agent)
  await expect.poll(() => agent.welcomes.length, { timeout: 15_000 }).toBeGreaterThanOrEqual(2)
  expect(identity.current().certificate).not.toBe(first)
  await live(agent)
}, 30_000)

test('a certificate that expired while the agent was off is renewed when it comes back', async () => {
  await using dir = openTempDir('agent')
  await using hub = await openHub({ lifeMs: 1000 })
  const before = await identityOf(hub, 'away', dir.path)
  const expired = before.current()
  await expect.poll(() => Date.now() > expired.notAfter.getTime() + 100, { timeout: 5000 }).toBe(true)
  await using later = await openHub()
  const identity = await identityOf(later, 'away', dir.path)
  expect(identity.current().certificate).toBe(expired.certificate)
  await using agent = openAgent(later.stream.port, identity)
  await live(agent)
  expect(identity.current().clusterId).toBe(expired.clusterId)
}, 30_000)
