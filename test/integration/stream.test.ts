import { randomUUID } from 'node:crypto'
import { zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sha256 } from '../../proto/base/hash.ts'
import { systemRandom } from '../../proto/base/random.ts'
import type { Call } from '../../proto/model/call.ts'
import type { Cursor, Fact } from '../../proto/model/facts.ts'
import { bundleOf, live, openStreamWorld, type StreamWorld } from '../support/stream-world.ts'
import { openTempDir } from '../support/temp-dir.ts'

let world: StreamWorld
beforeAll(async () => {
  world = await openStreamWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

test('facts flow down on a hint, in order, are acknowledged, and their tombstones go', async () => {
  await using dir = openTempDir('agent')
  await using hub = await world.openHub()
  await using agent = world.openAgent(hub.stream.port, await world.identityOf(hub, 'flow', dir.path))
  await live(agent)
  expect(agent.welcomes[0]).toMatchObject({ clusterName: 'flow', labels: { tier: 'edge' }, full: true })
  await world.desire(agent.id, 'a', 'sha256:1')
  await world.desire(agent.id, 'b', 'sha256:2')
  hub.bus.hint()
  await expect.poll(() => [bundleOf(agent, 'a'), bundleOf(agent, 'b')]).toEqual(['sha256:1', 'sha256:2'])
  await world.undesire(agent.id, 'a')
  hub.bus.hint()
  await expect.poll(() => agent.held.size).toBe(1)
  await expect.poll(async () => (await world.db.query('select 1 from removals where cluster_id = $1', [agent.id])).rowCount).toBe(0)
  expect(
    (await world.db.query<{ acked: bigint }>('select acked from cluster_heads where cluster_id = $1', [agent.id])).rows[0]?.acked,
  ).toBe(3n)
  await expect.poll(() => hub.acks.length).toBeGreaterThan(0)
  // Whoever is told of an acknowledgement looks at the rows at once.
  expect(await Promise.all(hub.acks)).not.toContain(false)
})

test('a lost hint is made good by the sweep', async () => {
  await using dir = openTempDir('agent')
  await using hub = await world.openHub()
  await using agent = world.openAgent(hub.stream.port, await world.identityOf(hub, 'lost-hint', dir.path))
  await live(agent)
  await world.desire(agent.id, 'a', 'sha256:1')
  await expect.poll(() => bundleOf(agent, 'a'), { timeout: 5000 }).toBe('sha256:1')
})

test('thousands of facts arrive whole, also those that share a position, and change while they are read', async () => {
  await using dir = openTempDir('agent')
  await using hub = await world.openHub()
  const identity = await world.identityOf(hub, 'many', dir.path)
  const id = identity.current().clusterId
  await world.db.query(
    `insert into desired select $1, 'kustomize.toolkit.fluxcd.io', 'Kustomization', 'apps', 'n' || i, 'GitRepository', 'apps', 'src', 'o', 'sha256:x', null, 1 + i / 700
       from generate_series(1, 5000) i`,
    [id],
  )
  await world.db.query('update cluster_heads set counter = 10 where cluster_id = $1', [id])
  await using agent = world.openAgent(hub.stream.port, identity)
  for (let i = 1; i <= 20; i++) await world.desire(id, `n${i}`, 'sha256:new')
  hub.bus.hint()
  await live(agent)
  await expect.poll(() => bundleOf(agent, 'n20')).toBe('sha256:new')
  expect(agent.held.size).toBe(5000)
  expect(agent.welcomes).toHaveLength(1)
})

test('a cursor that follows gets what is new; one that is ahead, of another lineage or over other facts gets everything', async () => {
  await using dir = openTempDir('agent')
  await using hub = await world.openHub()
  const identity = await world.identityOf(hub, 'cursors', dir.path)
  const id = identity.current().clusterId
  await world.desire(id, 'a', 'sha256:1')
  const first = world.openAgent(hub.stream.port, identity)
  await live(first)
  await expect.poll(() => first.cursor?.position).toBe(1n)
  await first[Symbol.asyncDispose]()
  await world.desire(id, 'b', 'sha256:2')
  const again = async (cursor: Cursor | undefined, held: Map<string, Fact>) => {
    const agent = world.openAgent(hub.stream.port, identity, { cursor, held })
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
  await using hub = await world.openHub()
  const identity = await world.identityOf(hub, 'diverged', dir.path)
  const id = identity.current().clusterId
  await world.desire(id, 'a', 'sha256:1')
  await world.desire(id, 'b', 'sha256:2')
  // The database was put back to before position 1 and written again since: the cursor follows, and yet `a` is missing here.
  await using agent = world.openAgent(hub.stream.port, identity, { cursor: { lineage: await world.db.lineage(), position: 1n } })
  await expect.poll(() => agent.held.size, { timeout: 10_000 }).toBe(2)
  await live(agent)
  expect(agent.welcomes.map(({ full }) => full)).toEqual([false, true])
})

test('what an agent comes to know of its cluster is told once, and again by who comes back since it could not be kept', async () => {
  await using dir = openTempDir('agent')
  const told: Readonly<Record<string, string>>[] = []
  const keep = async (facts: Readonly<Record<string, string>>) => {
    told.push(facts)
    if (facts.nodes === '4') throw new Error('no database')
  }
  await using hub = await world.openHub({ told: keep, heartbeatMs: 100 })
  await using agent = world.openAgent(hub.stream.port, await world.identityOf(hub, 'knowing', dir.path))
  await live(agent)
  agent.facts = { kubernetesVersion: 'v1.36.0', nodes: '3' }
  await expect.poll(() => told, { timeout: 5000 }).toEqual([agent.facts])
  agent.facts = { ...agent.facts, nodes: '4' }
  await expect.poll(() => agent.welcomes.length, { timeout: 10_000 }).toBe(2)
  expect(told).toHaveLength(2)
  expect(hub.greetings.at(-1)?.facts).toEqual(agent.facts)
})

test('of what an agent tells of its cluster while that is being kept, only the newest is kept, and last', async () => {
  await using dir = openTempDir('agent')
  const gate = Promise.withResolvers<void>()
  const told: (string | undefined)[] = []
  const keep = async ({ nodes }: Readonly<Record<string, string>>) => {
    told.push(nodes)
    await gate.promise
  }
  await using hub = await world.openHub({ told: keep, heartbeatMs: 100 })
  await using agent = world.openAgent(hub.stream.port, await world.identityOf(hub, 'changing', dir.path))
  await live(agent)
  for (const nodes of ['1', '2', '3']) {
    agent.facts = { nodes }
    const { pulses } = agent
    await expect.poll(() => agent.pulses, { timeout: 5000 }).toBeGreaterThan(pulses + 1)
  }
  expect(told).toEqual(['1'])
  gate.resolve()
  await expect.poll(() => told, { timeout: 5000 }).toEqual(['1', '3'])
})

test('a call reaches the agent through another replica, and its answer comes back', async () => {
  await using dir = openTempDir('agent')
  await using one = await world.openHub()
  await using two = await world.openHub()
  await using agent = world.openAgent(one.stream.port, await world.identityOf(one, 'called', dir.path))
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
  await using hub = await world.openHub()
  await using agent = world.openAgent(hub.stream.port, await world.identityOf(hub, 'bundles', dir.path))
  await live(agent)
  const content = Buffer.alloc(3_000_000, 'abcdefg')
  const random = Buffer.from(systemRandom.hex(900_000))
  const add = async (bytes: Buffer, stored: Buffer, encoding: string, digest: string = sha256(bytes)) => {
    await world.db.query('insert into bundles (digest, encoding, size, bytes) values ($1, $2, $3, $4)', [
      digest,
      encoding,
      bytes.length,
      stored,
    ])
    return digest
  }
  const packed = await add(content, zstdCompressSync(content), 'zstd')
  const plain = await add(random, random, 'identity')
  const secret = await add(Buffer.from('secret'), Buffer.from('secret'), 'identity')
  await world.desire(agent.id, 'a', packed)
  await world.desire(agent.id, 'b', plain)
  const refused: string[] = []
  const options = { signal: AbortSignal.timeout(20_000), refused: (digest: string) => void refused.push(digest) }
  const got = await Array.fromAsync(agent.session.fetchBundles([packed, secret, plain], options))
  expect(got.map(({ digest, bytes }) => ({ digest, size: bytes.length }))).toEqual([
    { digest: packed, size: content.length },
    { digest: plain, size: random.length },
  ])
  expect(refused).toEqual([secret])
  const lie = await add(Buffer.from('x'), Buffer.from('not x'), 'identity', sha256('something else'))
  await world.desire(agent.id, 'c', lie)
  await expect(Array.fromAsync(agent.session.fetchBundles([lie], options))).rejects.toThrow(/another digest/)
})
