import { afterEach, beforeEach, expect, test } from 'vitest'
import type { RolloutService } from '../../hub/rollout/service.ts'
import { FLEET, openRolloutWorld, type RolloutWorld, startFive, THREE_WAVES, walkRun } from './rollout-world.ts'

let world: RolloutWorld
let rollouts: RolloutService
/** Rollouts that were told to look for clusters that another let go of. */
let inherited: string[]

beforeEach(async () => {
  world = await openRolloutWorld()
  inherited = []
  rollouts = world.service((store) => store, { inherited: (keys) => void inherited.push(...keys) })
})
afterEach(() => world[Symbol.asyncDispose]())

const AT = { namespace: 'flux-system', name: 'fleet' }
const walk = () => walkRun(world, rollouts)
const started = (spec: object = { waves: THREE_WAVES }) => startFive(world, rollouts, spec)

test('a second Rollout over the same source is refused the clusters of the first, which it names', async () => {
  await started({ waves: [{ name: 'all', rest: true }], clusters: { names: ['a', 'b'] } })
  await world.create({ waves: [{ name: 'all', rest: true }] }, 'second')
  await rollouts.survey('flux-system/second')
  const { problems } = await world.status('second')
  expect(problems?.map(({ cluster, message }) => [cluster, message])).toEqual([
    ['a', 'Rollout flux-system/fleet already moves GitRepository fleet there'],
    ['b', 'Rollout flux-system/fleet already moves GitRepository fleet there'],
  ])
  const { rows } = await world.database.db.query('select count(*)::int as n from governed group by rollout order by 1')
  expect(rows).toEqual([{ n: 2 }, { n: 3 }])
})

test('no run starts before every Source of the clusters resolved the revision, and the status says who has not', async () => {
  await started()
  const { db } = world.database
  await db.query(
    `insert into sources (key, kind, url, options, trusted, interval_ms, timeout_ms, revision, artifact, problem)
     select 'own-key', kind, url, options, trusted, interval_ms, timeout_ms, revision, artifact, '{"message": "authentication failed"}' from sources`,
  )
  await db.query("update source_objects so set source_key = 'own-key' from clusters c where c.id = so.cluster_id and c.name = 'x'")
  await world.moveTo('main@sha1:2')
  await rollouts.survey(FLEET)
  const message =
    'GitRepository fleet is at main@sha1:1 there and has not come to main@sha1:2 yet; no run starts before: authentication failed'
  expect(await world.status()).toMatchObject({ newest: 'main@sha1:1', problems: [{ cluster: 'x', message }] })
  expect(new Set(Object.values(await world.released()))).toEqual(new Set(['main@sha1:1']))
  await db.query(
    `update sources k set revision = s.revision, artifact = s.artifact, problem = null from sources s where k.key = 'own-key' and s.key <> k.key`,
  )
  await rollouts.survey(FLEET)
  const { newest, problems, run } = await world.status()
  expect([newest, problems, run?.state]).toEqual(['main@sha1:2', undefined, 'progressing'])
})

test("a tenant's Rollout has the clusters that the tenant may use, and lets go of one that it may not use any more for good", async () => {
  await world.addClusters(['a', 'b', 'c'])
  const { db } = world.database
  await db.query(
    `insert into tenant_access (cluster_id, tenant, namespaces, service_account, cluster_role, removed, position)
     select id, 'shop', '{flux-system}', 'sa', 'edit', false, 1 from clusters where name <> 'c'`,
  )
  await world.moveTo('main@sha1:1')
  await world.follow()
  rollouts = world.service((store) => store, { tenantOf: async () => 'shop', inherited: (keys) => void inherited.push(...keys) })
  await world.create({ waves: ONE })
  await world.create({ waves: ONE }, 'web')
  await rollouts.survey(FLEET)
  await rollouts.survey(WEB)
  const governed = async () =>
    (await db.query('select c.name from governed g join clusters c on c.id = g.cluster_id order by 1')).rows.map(
      (row) => (row as { name: string }).name,
    )
  expect(await governed()).toEqual(['a', 'b'])
  await db.query("update tenant_access t set removed = true from clusters c where c.id = t.cluster_id and c.name = 'b'")
  await rollouts.survey(FLEET)
  expect([await governed(), inherited]).toEqual([['a'], []])
})

test('a cluster that no wave takes is named, and nothing starts', async () => {
  await started({ waves: [{ name: 'staging', clusters: { matchLabels: { tier: 'staging' } } }] })
  await world.moveTo('main@sha1:2')
  await rollouts.survey(FLEET)
  await rollouts.look(FLEET)
  expect((await world.status()).problems).toEqual([{ message: 'no wave takes a, b, x and 1 more: add a wave with rest: true' }])
  expect(new Set(Object.values(await world.released()))).toEqual(new Set(['main@sha1:1']))
})

test('a cluster that joins during a run and that no wave takes is named', async () => {
  await started({ waves: [{ name: 'all', clusters: { names: ['a', 'b', 's', 'x', 'y'] }, maxConcurrent: '100%' }] })
  await world.moveTo('main@sha1:2')
  await rollouts.survey(FLEET)
  await world.addClusters(['z'])
  await rollouts.survey(FLEET)
  expect((await world.status()).problems).toEqual([{ message: 'no wave takes z: add a wave with rest: true' }])
})

test('a cluster that joins in the middle of a run waits for its wave; one that joins afterwards has what the others have', async () => {
  await started()
  await world.moveTo('main@sha1:2')
  await rollouts.survey(FLEET)
  await world.addClusters(['z'])
  await rollouts.survey(FLEET)
  await walk()
  expect((await world.released()).z).toBe('')
  expect((await world.status()).run?.waves?.[2]).toMatchObject({ total: 4, state: 'pending' })
  await rollouts.act(AT, { verb: 'skip' }, { subject: 'ann' })
  await walk()
  expect((await world.released()).z).toBe('main@sha1:2')
  await world.addClusters(['zz'])
  await world.change({ waves: THREE_WAVES, suspend: true })
  await world.moveTo('main@sha1:3')
  await rollouts.survey(FLEET)
  expect((await world.released()).zz).toBe('main@sha1:2')
})

test('a cluster that joins while a Rollout looks for its clusters is not given the newest revision', async () => {
  await started()
  await world.moveTo('main@sha1:2')
  await rollouts.survey(FLEET)
  const slow = world.service((store) => ({
    ...store,
    async candidates(...of) {
      const found = await store.candidates(...of)
      await world.addClusters(['z'])
      await rollouts.survey(FLEET)
      return found
    },
  }))
  await slow.survey(FLEET)
  expect((await world.released()).z).toBe('')
})

test('a cluster that is relabelled matters to the Rollouts that move what it holds, and to no other', async () => {
  await started({ waves: THREE_WAVES, clusters: { matchLabels: { tier: 'staging' } } })
  await world.create({ waves: THREE_WAVES, source: { kind: 'GitRepository', name: 'elsewhere' } }, 'elsewhere')
  await world.create({ waves: THREE_WAVES, source: { kind: 'Placement', name: 'podinfo' } }, 'placed')
  // That it is not chosen now is what may change.
  expect(await rollouts.ofClusters(['a'])).toEqual([FLEET])
  expect(await rollouts.ofClusters(['nobody'])).toEqual([])
  await world.database.db.query(
    `with made as (insert into placements (uid, namespace, name, generation, tenant, first_namespace, revision, on_unmatch)
        values ('p', 'flux-system', 'podinfo', 1, '', '', 'r', 'delete') returning uid)
     insert into placement_targets (placement, cluster_id) select made.uid, c.id from made, clusters c where c.name = 's'`,
  )
  expect([...(await rollouts.ofClusters(['s']))].sort()).toEqual([FLEET, 'flux-system/placed'])
})

test('a Rollout that is deleted lets its clusters follow the newest revision', async () => {
  await started()
  await world.moveTo('main@sha1:2')
  await rollouts.survey(FLEET)
  expect((await world.released()).y).toBe('main@sha1:1')
  await world.remove()
  await rollouts.survey(FLEET)
  expect(new Set(Object.values(await world.released()))).toEqual(new Set(['main@sha1:2']))
})

/** Two Rollouts over one source: one moves test, the other web, and the newest revision is held back in both. */
async function two(): Promise<void> {
  await world.addClusters(['t'], { tier: 'test' })
  await world.addClusters(['w'], { tier: 'web' })
  await world.moveTo('main@sha1:1')
  await world.follow()
  await world.create({ clusters: { matchLabels: { tier: 'test' } }, waves: ONE })
  await world.create({ clusters: { matchLabels: { tier: 'web' } }, waves: ONE }, 'web')
  // The first that was made holds whoever joins.
  await world.database.db.query("update objects set created_at = created_at - interval '1 hour' where kind = 'Rollout' and name = 'fleet'")
  await rollouts.survey(FLEET)
  await rollouts.survey(WEB)
  await world.change({ clusters: { matchLabels: { tier: 'test' } }, waves: ONE, suspend: true })
  await world.change({ clusters: { matchLabels: { tier: 'web' } }, waves: ONE, suspend: true }, 'web')
  await world.moveTo('main@sha1:2')
  await rollouts.survey(FLEET)
  await rollouts.survey(WEB)
}
const ONE = [{ name: 'all', rest: true, maxConcurrent: '100%' }]
const WEB = 'flux-system/web'

test('a cluster that joins is handed on to the Rollout that chooses it, and never follows the newest revision meanwhile', async () => {
  await two()
  await world.addClusters(['joined'], { tier: 'web' })
  await rollouts.survey(FLEET)
  expect(await world.released()).toEqual({ t: 'main@sha1:1', w: 'main@sha1:1', joined: '' })
  expect(inherited).toEqual([WEB])
  await rollouts.survey(WEB)
  expect(await world.released()).toEqual({ t: 'main@sha1:1', w: 'main@sha1:1', joined: 'main@sha1:1' })
  await world.addClusters(['nobodys'])
  await rollouts.survey(FLEET)
  expect(await world.released()).toMatchObject({ joined: 'main@sha1:1', nobodys: 'main@sha1:2' })
})

test('a cluster that is relabelled goes from one Rollout to the other with what it has, whichever looks first', async () => {
  await two()
  await world.relabel('w', { tier: 'test' })
  await rollouts.survey(FLEET)
  expect((await world.status()).problems).toMatchObject([
    { cluster: 'w', message: `Rollout ${WEB} already moves GitRepository fleet there` },
  ])
  await rollouts.survey(WEB)
  expect(inherited).toEqual([FLEET])
  await rollouts.survey(FLEET)
  expect(await world.released()).toEqual({ t: 'main@sha1:1', w: 'main@sha1:1' })
  expect((await world.status()).problems).toBeUndefined()
  await world.change({ clusters: { matchLabels: { tier: 'test' } }, waves: ONE })
  await rollouts.survey(FLEET)
  expect(await world.released()).toEqual({ t: 'main@sha1:2', w: 'main@sha1:2' })
})

test('a Rollout that is deleted leaves its clusters to the one that was refused them', async () => {
  await started({ waves: ONE, suspend: true })
  await world.create({ waves: ONE, suspend: true }, 'web')
  await rollouts.survey(WEB)
  await world.moveTo('main@sha1:2')
  await world.remove()
  await rollouts.survey(FLEET)
  expect(inherited).toEqual([WEB])
  await rollouts.survey(WEB)
  expect(new Set(Object.values(await world.released()))).toEqual(new Set(['main@sha1:1']))
})

test('a cluster that is relabelled into the choice during a run waits for its wave; one that is relabelled out of it follows the newest', async () => {
  await started({ clusters: { matchExpressions: [{ key: 'parked', operator: 'DoesNotExist' }] }, waves: THREE_WAVES })
  await world.relabel('y', { parked: 'yes' })
  await rollouts.survey(FLEET)
  await world.moveTo('main@sha1:2')
  await rollouts.survey(FLEET)
  expect(await world.released()).toMatchObject({ a: 'main@sha1:2', x: 'main@sha1:1', y: 'main@sha1:2' })
  expect((await world.status()).run?.clusters?.total).toBe(4)
  await world.relabel('x', { parked: 'yes' })
  await world.relabel('y', {})
  await world.relabel('b', { tier: 'staging' })
  await rollouts.survey(FLEET)
  await walk()
  const { run } = await world.status()
  expect(run?.waves).toMatchObject([{ total: 1 }, { total: 1, healthy: 1 }, { total: 2, waiting: 2, state: 'pending' }])
  expect(await world.released()).toMatchObject({ b: 'main@sha1:1', s: 'main@sha1:2', x: 'main@sha1:2', y: 'main@sha1:2' })
})

test('a cluster whose source had another URL for a while has what the others have once it is like theirs again', async () => {
  await started({ waves: ONE })
  const { db } = world.database
  await db.query(
    `insert into sources (key, kind, url, options, trusted, interval_ms, timeout_ms, revision, artifact)
     select 'own-key', kind, 'https://x/z', options, trusted, interval_ms, timeout_ms, revision, artifact from sources`,
  )
  const move = (key: string) =>
    db.query("update source_objects so set source_key = $1 from clusters c where c.id = so.cluster_id and c.name = 'x'", [key])
  await world.moveTo('main@sha1:2')
  await rollouts.survey(FLEET)
  await walk()
  await move('own-key')
  await world.moveTo('main@sha1:3')
  await rollouts.survey(FLEET)
  await walk()
  expect(await world.released()).toMatchObject({ a: 'main@sha1:3', x: 'main@sha1:2' })
  await move('sha256:source')
  await rollouts.survey(FLEET)
  await walk()
  expect(await world.released()).toMatchObject({ a: 'main@sha1:3', x: 'main@sha1:3' })
})
