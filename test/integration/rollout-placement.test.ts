import { afterEach, beforeEach, expect, test } from 'vitest'
import { placementObjects } from '../../hub/app/placing.ts'
import { rolloutObjects } from '../../hub/app/rolling.ts'
import { createStandingStore } from '../../hub/placement/io/standing.ts'
import { createPlacementStore } from '../../hub/placement/io/store.ts'
import { sweepPlacementRevisions } from '../../hub/placement/io/sweep.ts'
import { createPlacementService, type PlacementService } from '../../hub/placement/service.ts'
import { createRolloutStore } from '../../hub/rollout/io/store.ts'
import { PLACEMENT_KEY, placementOf } from '../../hub/rollout/model.ts'
import type { ChainQuery } from '../../hub/rollout/ports.ts'
import { createRolloutService, type RolloutService } from '../../hub/rollout/service.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { silentLog } from '../../proto/base/log.ts'
import { systemRandom } from '../../proto/base/random.ts'
import { PLACEMENT } from '../../proto/model/fleet/kinds.ts'
import { PLATFORM_TENANT } from '../../proto/model/names.ts'
import { FLEET, openRolloutWorld, type RolloutWorld } from './rollout-world.ts'

// A Placement as the source of a Rollout: rows of a real Postgres, the hub's own services, agents that do what they are told.

let world: RolloutWorld
let placements: PlacementService
let rollouts: RolloutService

beforeEach(async () => {
  world = await openRolloutWorld()
  const { database, objects } = world
  const { db } = database
  placements = createPlacementService({
    ...{ store: createPlacementStore(db), standings: createStandingStore(db), objects: placementObjects({ objects }) },
    ...{ hint: async () => undefined, changed: () => undefined, told: () => undefined, clock: systemClock, log: silentLog },
  })
  rollouts = createRolloutService({
    store: createRolloutStore(db),
    objects: rolloutObjects(objects),
    tenantOf: async () => PLATFORM_TENANT,
    settle: async (all) => {
      const uids = all.flatMap(({ key }) => placementOf(key) ?? [])
      expect(uids).toHaveLength(all.length)
      await placements.again(uids)
      await settle()
    },
    inherited: () => undefined,
    looked: () => undefined,
    random: systemRandom,
    log: silentLog,
  })
  await db.query('insert into tenant_namespaces (namespace, tenant) values ($1, $2)', ['flux-system', PLATFORM_TENANT])
})
afterEach(() => world[Symbol.asyncDispose]())

const GROUP = 'kustomize.toolkit.fluxcd.io'
const WAVES = [
  { name: 'canary', max: 1 },
  { name: 'rest', rest: true, maxConcurrent: '100%' },
]
const ROLLOUT_SPEC = { source: { kind: 'Placement', name: 'web' }, waves: WAVES }
const settle = () => placements.settle(AbortSignal.timeout(30_000))
const query = (text: string, values: readonly unknown[] = []) => world.database.db.query(text, values)

const specOf = (path: string) => ({
  clusters: { all: true },
  objects: [
    {
      apiVersion: `${GROUP}/v1`,
      kind: 'Kustomization',
      metadata: { name: 'web', namespace: 'flux-system' },
      spec: { interval: '10m', path, prune: true, sourceRef: { kind: 'GitRepository', name: 'web' } },
    },
  ],
  onUnmatch: 'delete',
})
const at = { scope: 'fleet', group: PLACEMENT.group, kind: PLACEMENT.kind, namespace: 'flux-system', name: 'web' }

async function place(path: string): Promise<void> {
  const metadata = { name: 'web', namespace: 'flux-system' }
  await world.objects.create(PLACEMENT, { apiVersion: 'fleet.flotilla.dev/v1alpha1', kind: 'Placement', metadata, spec: specOf(path) })
  await settle()
}

/** The Placement says another path, and what follows from that is settled. */
async function change(path: string): Promise<void> {
  await world.objects.change(at, (old) => ({ ...old, spec: specOf(path) }))
  await settle()
  await rollouts.survey(FLEET)
}

/** What each cluster is to have, by name. */
async function paths(): Promise<Readonly<Record<string, string>>> {
  const { rows } = await world.database.db.query<{ name: string; path: string | null }>(
    `select c.name, m.manifest #>> '{spec,path}' as path from clusters c
     left join placed d on d.cluster_id = c.id left join manifests m on m.digest = d.manifest order by c.name`,
  )
  return Object.fromEntries(rows.map(({ name, path }) => [name, path ?? '']))
}

/** Agents say that everything is in its place, and acknowledge it. */
async function say(state = 'placed', message = ''): Promise<void> {
  await query('update placed set state = $1, message = $2', [state, message])
  await query('update cluster_heads set acked = counter')
}

/** Clusters have what they are to have; those with the path that breaks fail at it. */
async function obey(broken = ''): Promise<void> {
  await say()
  await query(
    `insert into objects as o (scope, grp, kind, namespace, name, version, uid, generation, created_at, spec)
     select d.cluster_id, d.grp, d.kind, d.namespace, d.name, 'v1', 'u', 1, now(), m.manifest -> 'spec' from placed d join manifests m on m.digest = d.manifest
     on conflict (scope, grp, kind, namespace, name) do update set spec = o.spec || excluded.spec,
       generation = o.generation + (not o.spec @> excluded.spec)::int`,
  )
  await query(
    `update objects set status = jsonb_build_object('observedGeneration', generation, 'conditions', jsonb_build_array(jsonb_build_object(
       'type', 'Ready', 'observedGeneration', generation, 'status', case when spec ->> 'path' = $1 then 'False' else 'True' end,
       'reason', case when spec ->> 'path' = $1 then 'HealthCheckFailed' else 'ReconciliationSucceeded' end, 'message', 'so it is')))
     where kind = 'Kustomization'`,
    [broken],
  )
}

/** Three clusters at `./v1`, which the Rollout takes as they are. */
async function started(spec: object = ROLLOUT_SPEC): Promise<void> {
  await world.addClusters(['a', 'b', 'c'])
  await place('./v1')
  await obey()
  await world.create(spec)
  await rollouts.survey(FLEET)
}

test('a changed Placement walks through two waves, each when the one before has it in place and ready', async () => {
  await started()
  expect((await world.status()).conditions?.[0]).toMatchObject({ status: 'True', reason: 'UpToDate' })
  await change('./v2')
  expect(await paths()).toEqual({ a: './v2', b: './v1', c: './v1' })
  await rollouts.look(FLEET)
  expect(await paths()).toEqual({ a: './v2', b: './v1', c: './v1' })
  // The agent's word is not enough where the mirror still shows what was there before.
  await say()
  await rollouts.look(FLEET)
  expect((await world.status()).run).toMatchObject({ state: 'progressing', clusters: { released: 1, waiting: 2 } })
  expect((await world.status()).run?.message).toContain('has not come to the revision yet')
  await obey()
  await rollouts.look(FLEET)
  expect(await paths()).toEqual({ a: './v2', b: './v2', c: './v2' })
  await obey()
  await rollouts.look(FLEET)
  const { newest, run } = await world.status()
  expect(run).toMatchObject({ state: 'succeeded', number: 1, revision: newest, clusters: { total: 3, healthy: 3 } })
})

test('a Placement that fails in its canary is taken back by itself, marked bad, and reaches nobody else', async () => {
  await started({ ...ROLLOUT_SPEC, onFailure: { action: 'rollback' } })
  await change('./bad')
  expect(await paths()).toEqual({ a: './bad', b: './v1', c: './v1' })
  const bad = (await world.status()).newest
  await obey('./bad')
  await rollouts.look(FLEET)
  expect(await paths()).toEqual({ a: './v1', b: './v1', c: './v1' })
  expect((await world.status()).run).toMatchObject({ state: 'rolling-back' })
  await obey('./bad')
  await rollouts.look(FLEET)
  expect(await world.status()).toMatchObject({ run: { state: 'rolled-back' }, badRevisions: [bad] })
  await rollouts.survey(FLEET)
  expect(await paths()).toEqual({ a: './v1', b: './v1', c: './v1' })
  await change('./v3')
  expect(await paths()).toEqual({ a: './v3', b: './v1', c: './v1' })
})

test('what a placed object applied is to be healthy too, as its agent says of its present generation', async () => {
  await started()
  await query("update objects set status = $1 where scope = 'fleet' and kind = 'Cluster'", [
    JSON.stringify({ facts: { capabilities: ['placements', 'health'] } }),
  ])
  await change('./v2')
  await obey()
  const word = (generation: number, health: string, message = '') =>
    query(
      `insert into applied (cluster_id, grp, kind, namespace, name, uid, generation, bundle, health, message)
       select id, $1, 'Kustomization', 'flux-system', 'web', 'u', $2, 'sha256:b', $3, $4 from clusters where name = 'a'
       on conflict (cluster_id, grp, kind, namespace, name) do update set generation = excluded.generation, health = excluded.health, message = excluded.message`,
      [GROUP, generation, health, message],
    )
  const looked = async () => {
    await rollouts.look(FLEET)
    return world.status()
  }
  await word(1, 'Failed', 'Deployment/web/app is Failed: of an earlier generation')
  expect(await looked()).toMatchObject({ run: { state: 'progressing', message: expect.stringContaining('nothing was reported yet') } })
  await word(2, 'InProgress', 'Deployment/web/app is InProgress: Available: 0/1')
  expect(await looked()).toMatchObject({ run: { state: 'progressing', message: expect.stringContaining('Available: 0/1') } })
  await word(2, 'Failed', 'Deployment/web/app is Failed: Progress deadline exceeded')
  expect(await looked()).toMatchObject({
    run: { state: 'stopped' },
    problems: [
      {
        cluster: 'a',
        object: 'Kustomization/flux-system/web',
        reason: 'HealthCheckFailed',
        message: expect.stringContaining('Deployment/web/app'),
      },
    ],
  })
})

test('what an agent refuses fails the cluster, and its words are in the status', async () => {
  await started()
  await change('./v2')
  await say('refused', 'Kustomization/flux-system/web is somebody else’s')
  await rollouts.look(FLEET)
  const { problems, run } = await world.status()
  expect(run).toMatchObject({ state: 'stopped', clusters: { failed: 1 } })
  expect(problems).toMatchObject([
    { cluster: 'a', reason: 'PlacementRefused', message: 'Kustomization/flux-system/web is somebody else’s' },
  ])
})

test('what consumes a source is healthy at the revision that this source is to have there, not at an earlier one', async () => {
  await started()
  await query(
    `insert into sources (key, kind, url, options, trusted, interval_ms, timeout_ms, revision) values ('web', 'GitRepository', 'https://x/w', '{}', true, 60000, 60000, 'sha1:2')`,
  )
  await query(
    `insert into source_objects (cluster_id, kind, namespace, name, source_key, generation, suspended, interval_ms)
     select id, 'GitRepository', 'flux-system', 'web', 'web', 1, false, 60000 from clusters`,
  )
  await query(
    `insert into consumers (cluster_id, grp, kind, namespace, name, source_kind, source_namespace, source_name, options_digest, options, suspended)
     select id, $1, 'Kustomization', 'flux-system', 'web', 'GitRepository', 'flux-system', 'web', 'options', '{}', false from clusters`,
    [GROUP],
  )
  const applied = (revision: string) =>
    query(`update objects set status = status || jsonb_build_object('lastAppliedRevision', $1::text) where kind = 'Kustomization'`, [
      revision,
    ])
  await change('./v2')
  await obey()
  await applied('sha1:1')
  await rollouts.look(FLEET)
  expect(await paths()).toEqual({ a: './v2', b: './v1', c: './v1' })
  await applied('sha1:2')
  await rollouts.look(FLEET)
  expect(await paths()).toEqual({ a: './v2', b: './v2', c: './v2' })
})

test('a cluster that the Placement comes to choose during a run waits for its wave', async () => {
  await started()
  await change('./v2')
  await world.addClusters(['d'])
  await settle()
  expect(await paths()).toMatchObject({ a: './v2', d: '' })
  await rollouts.survey(FLEET)
  expect(await paths()).toMatchObject({ a: './v2', d: '' })
  expect((await world.status()).run?.waves?.[1]).toMatchObject({ name: 'rest', total: 3 })
  await obey()
  await rollouts.look(FLEET)
  expect(await paths()).toMatchObject({ b: './v2', d: './v2' })
})

test('a Placement that is made after its Rollout comes to its first cluster alone; clusters that the Rollout leaves out follow at once', async () => {
  await world.addClusters(['a', 'b'], { tier: 'web' })
  await world.addClusters(['other'])
  await world.create({ ...ROLLOUT_SPEC, clusters: { matchLabels: { tier: 'web' } } })
  await rollouts.survey(FLEET)
  const [missing] = (await world.status()).conditions ?? []
  expect(missing).toMatchObject({ status: 'False', message: 'Placement flux-system/web does not exist' })
  await place('./v1')
  expect(await paths()).toEqual({ a: '', b: '', other: '' })
  const { rows } = await world.database.db.query<{ key: string }>('select $1 || uid as key from placements', [PLACEMENT_KEY])
  expect(await rollouts.ofSources(rows.map(({ key }) => key))).toEqual([FLEET])
  await rollouts.survey(FLEET)
  expect(await paths()).toEqual({ a: './v1', b: '', other: './v1' })
  expect((await world.status()).problems).toBeUndefined()
})

test('a Rollout that is deleted, and a person, let a Placement go on; a revision is known by a part of its name', async () => {
  await started()
  const first = (await world.status()).newest ?? ''
  await change('./v2')
  await obey()
  await rollouts.look(FLEET)
  await obey()
  await rollouts.look(FLEET)
  await rollouts.act({ namespace: 'flux-system', name: 'fleet' }, { verb: 'rollback', revision: first.slice(0, 20) }, { subject: 'ann' })
  expect(Object.values(await paths())).toContain('./v1')
  await world.remove()
  await rollouts.survey(FLEET)
  expect(await paths()).toEqual({ a: './v2', b: './v2', c: './v2' })
})

test('what is suspended holds nothing up, and the status names it', async () => {
  await started()
  await query(
    `update objects o set spec = o.spec || '{"suspend": true}' from clusters c where c.id = o.scope and c.name = 'a' and o.kind = 'Kustomization'`,
  )
  await query(
    `insert into observed (cluster_id, grp, kind, namespace, name, generation, ready, reason, message, suspended)
     select id, $1, 'Kustomization', 'flux-system', 'web', 1, 'True', '', '', name = 'a' from clusters`,
    [GROUP],
  )
  await change('./v2')
  await obey('./v2')
  await rollouts.look(FLEET)
  expect(await paths()).toEqual({ a: './v2', b: './v2', c: './v2' })
  expect((await world.status()).problems).toMatchObject([{ cluster: 'a', object: 'Kustomization/flux-system/web', reason: 'Suspended' }])
})

test('why a cluster has not what a Placement says is told link by link, with the Rollout over it', async () => {
  await started()
  const first = (await world.status()).newest ?? ''
  const of = async (name: string, object?: ChainQuery['object']) => {
    const { rows } = await world.database.db.query<{ id: string }>('select id from clusters where name = $1', [name])
    return (await rollouts.why({ clusterId: rows[0]?.id ?? '', namespaces: undefined, object })).filter(({ source }) =>
      source.startsWith('Placement/'),
    )
  }
  await change('./v2')
  const second = (await world.status()).newest ?? ''
  expect(await of('b', { kind: 'Kustomization', namespace: 'flux-system', name: 'web' })).toMatchObject([
    {
      source: 'Placement/flux-system/web',
      broken: 'released',
      sentence: expect.stringContaining(
        `b: Rollout ${FLEET} keeps ${second} back and gives it ${first}: its turn in wave rest is to come: wave canary waits for a`,
      ),
    },
  ])
  expect(await of('a')).toMatchObject([{ broken: 'sent' }])
  await say('refused', 'it is somebody else’s')
  expect(await of('a')).toMatchObject([
    { broken: 'applied', sentence: `a: Kustomization/flux-system/web has not applied ${second}: PlacementRefused: it is somebody else’s` },
  ])
  await obey('./v2')
  expect(await of('a')).toMatchObject([
    { broken: 'healthy', sentence: 'a: Kustomization/flux-system/web is not ready: HealthCheckFailed: so it is' },
  ])
  await obey()
  expect(await of('a', { kind: 'Placement', namespace: 'flux-system', name: 'web' })).toMatchObject([
    { sentence: `a has ${second}, and Kustomization/flux-system/web is ready` },
  ])
})

test('explain names the Rollout that keeps the newest objects from a cluster', async () => {
  const explained = async () => {
    const { items } = await placements.explain((await world.objects.get(at))?.manifest as never, { sees: () => true, after: '', limit: 9 })
    return Object.fromEntries(items.map(({ cluster, reasons }) => [cluster, reasons.join('; ')]))
  }
  await started()
  await change('./v2')
  await obey()
  const held = `Rollout ${FLEET} has not given it the newest objects yet`
  expect(await explained()).toEqual({
    a: 'all parts of the selector hold; 1 object is there',
    b: `all parts of the selector hold; 1 object is there; ${held}`,
    c: `all parts of the selector hold; 1 object is there; ${held}`,
  })
  await world.addClusters(['new'])
  await settle()
  expect((await explained()).new).toBe(held)
})

test('why tells of an object that a Placement would give and cannot, or may not yet', async () => {
  const object = { kind: 'Kustomization', namespace: 'flux-system', name: 'web' }
  const of = async (name: string) => {
    const { rows } = await world.database.db.query<{ id: string }>('select id from clusters where name = $1', [name])
    return (await rollouts.why({ clusterId: rows[0]?.id ?? '', namespaces: undefined, object })).map(({ sentence }) => sentence)
  }
  await world.addClusters(['a', 'b'])
  await place(`./\${cluster.labels.ring}`)
  expect(await of('a')).toEqual([expect.stringContaining('has no value: the cluster has no label ring')])
  await world.create(ROLLOUT_SPEC)
  await rollouts.survey(FLEET)
  await change('./v1')
  expect(await paths()).toEqual({ a: './v1', b: '' })
  expect(await of('b')).toEqual([expect.stringContaining('its turn in wave rest is to come')])
})

test('a cluster that a Placement comes to choose is handed on to the second Rollout over it where that one chooses the cluster', async () => {
  await world.addClusters(['a'], { tier: 'test' })
  await place('./v1')
  await obey()
  const over = (tier: string) => ({ ...ROLLOUT_SPEC, clusters: { matchLabels: { tier } } })
  await world.create(over('test'))
  await world.create(over('web'), 'second')
  await query("update objects set created_at = created_at - interval '1 hour' where kind = 'Rollout' and name = 'fleet'")
  await rollouts.survey(FLEET)
  await world.addClusters(['w'], { tier: 'web' })
  await settle()
  await rollouts.survey(FLEET)
  expect(await paths()).toEqual({ a: './v1', w: '' })
  await rollouts.survey('flux-system/second')
  expect(await paths()).toEqual({ a: './v1', w: './v1' })
  expect((await world.status('second')).run).toMatchObject({ number: 1 })
})

test('revisions of a Placement that nothing stands on or tells of go, and one can go back to what stays', async () => {
  await started()
  const known = async () => {
    const { rows } = await world.database.db.query<{ revision: string }>('select revision from placement_revisions order by seen_at')
    return rows.map(({ revision }) => revision)
  }
  const [first = ''] = await known()
  await change('./v2')
  await obey()
  await rollouts.look(FLEET)
  await obey()
  await rollouts.look(FLEET)
  // Nobody was given what the Rollout did not start a run for.
  await world.change({ ...ROLLOUT_SPEC, suspend: true })
  await change('./passed-over')
  await change('./v4')
  const [, second, passed, newest] = await known()
  expect(await sweepPlacementRevisions(world.database.db, { retentionMs: -1000 })).toBe(0)
  expect(await sweepPlacementRevisions(world.database.db, { retentionMs: 60_000, revisions: 0 })).toBe(0)
  expect(await sweepPlacementRevisions(world.database.db, { retentionMs: -1000, revisions: 0 })).toBe(1)
  expect(await known()).toEqual([first, second, newest])
  expect(passed).toMatch(/^sha256:/)
  await world.change(ROLLOUT_SPEC)
  await rollouts.act({ namespace: 'flux-system', name: 'fleet' }, { verb: 'rollback', revision: first }, { subject: 'ann' })
  expect(Object.values(await paths())).toContain('./v1')
})
