import { afterAll, beforeAll, expect, test } from 'vitest'
import { bundleOf, live, openStreamWorld, type StreamWorld } from '../support/stream-world.ts'
import { openTempDir } from '../support/temp-dir.ts'

let world: StreamWorld
beforeAll(async () => {
  world = await openStreamWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

test('the newest of two sessions wins, also across replicas; a late close of the older changes nothing', async () => {
  await using dir = openTempDir('agent')
  await using one = await world.openHub()
  await using two = await world.openHub()
  const identity = await world.identityOf(one, 'racing', dir.path)
  await using older = world.openAgent(one.stream.port, identity, { agentVersion: 'older' })
  await live(older)
  await using newer = world.openAgent(two.stream.port, identity, { agentVersion: 'newer' })
  await live(newer)
  await expect.poll(() => one.stream.has(older.id) && older.session.state() === 'live').toBe(false)
  const row = async () =>
    (
      await world.db.query<{ epoch: bigint; closed_at: Date | null }>('select epoch, closed_at from sessions where cluster_id = $1', [
        older.id,
      ])
    ).rows[0]
  expect((await row())?.closed_at).toBeNull()
  expect((await row())?.epoch).toBeGreaterThanOrEqual(2n)
})

test('a session survives the restart of its hub, which tells it to go first', async () => {
  await using dir = openTempDir('agent')
  const first = await world.openHub()
  const port = first.stream.port
  await using agent = world.openAgent(port, await world.identityOf(first, 'restart', dir.path))
  await live(agent)
  await first[Symbol.asyncDispose]()
  expect(first.connected.at(-1)).toMatch(/drained|went away|broke/)
  expect((await world.db.query('select 1 from sessions where cluster_id = $1 and closed_at is null', [agent.id])).rowCount).toBe(0)
  await using second = await world.openHub({ port })
  await world.desire(agent.id, 'a', 'sha256:1')
  await live(agent)
  await expect.poll(() => bundleOf(agent, 'a')).toBe('sha256:1')
  expect(second.stream.size()).toBe(1)
  expect(agent.welcomes.map(({ full }) => full)).toEqual([true, false])
})

test('revoking ends the open session at once, on whichever replica, and keeps the agent out', async () => {
  await using dir = openTempDir('agent')
  await using one = await world.openHub()
  await using two = await world.openHub()
  await using agent = world.openAgent(one.stream.port, await world.identityOf(one, 'revoked', dir.path))
  await live(agent)
  await two.clusters.revoke('revoked', 'admin')
  await expect.poll(() => one.stream.has(agent.id)).toBe(false)
  await expect.poll(() => agent.session.state()).not.toBe('live')
  await using other = world.openAgent(two.stream.port, agent.identity)
  await expect.poll(() => other.session.state()).toBe('offline')
  expect(other.welcomes).toEqual([])
})

test('nobody opens a session or fetches without a certificate, or with one of another authority', async () => {
  await using dir = openTempDir('agent')
  await using hub = await world.openHub()
  const identity = await world.identityOf(hub, 'strangers', dir.path)
  const { openAuthority } = await import('../../hub/clusters/io/authority.ts')
  const { createTestKey } = await import('../support/certs.ts')
  const stranger = await openAuthority((make) => make(), new Date())
  const key = createTestKey()
  const life = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 60_000) }
  const forged = stranger.issue({ publicKey: key.publicKey, serial: '4abc' }, identity.current().clusterId, life)
  const { openClient } = await import('../../agent/session/io/rpc.ts')
  const address = { address: `127.0.0.1:${hub.stream.port}`, ca: world.ca }
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
  await using hub = await world.openHub({ lifeMs: 4000, heartbeatMs: 200 })
  const identity = await world.identityOf(hub, 'short', dir.path)
  const first = identity.current().certificate
  await using agent = world.openAgent(hub.stream.port, identity)
  await live(agent)
  await expect.poll(() => agent.welcomes.length, { timeout: 15_000 }).toBeGreaterThanOrEqual(2)
  expect(identity.current().certificate).not.toBe(first)
  await live(agent)
}, 30_000)

test('a certificate that expired while the agent was off is renewed when it comes back', async () => {
  await using dir = openTempDir('agent')
  await using hub = await world.openHub({ lifeMs: 1000 })
  const before = await world.identityOf(hub, 'away', dir.path)
  const expired = before.current()
  await expect.poll(() => Date.now() > expired.notAfter.getTime() + 100, { timeout: 5000 }).toBe(true)
  await using later = await world.openHub()
  const identity = await world.identityOf(later, 'away', dir.path)
  expect(identity.current().certificate).toBe(expired.certificate)
  await using agent = world.openAgent(later.stream.port, identity)
  await live(agent)
  expect(identity.current().clusterId).toBe(expired.clusterId)
}, 30_000)
