import { afterEach, beforeEach, expect, test } from 'vitest'
import { createRolloutStore } from '../../hub/rollout/io/store.ts'
import type { Run } from '../../hub/rollout/model.ts'
import type { ChainQuery } from '../../hub/rollout/ports.ts'
import type { RolloutService } from '../../hub/rollout/service.ts'
import { type Broken, FLEET, openRolloutWorld, type RolloutWorld, startFive, THREE_WAVES, walkRun } from './rollout-world.ts'

let world: RolloutWorld
let rollouts: RolloutService

beforeEach(async () => {
  world = await openRolloutWorld()
  rollouts = world.service()
})
afterEach(() => world[Symbol.asyncDispose]())

const AT = { namespace: 'flux-system', name: 'fleet' }
const state = async () => (await world.status()).run?.state

const walk = (broken?: Broken) => walkRun(world, rollouts, broken)
const started = (spec: object = { waves: THREE_WAVES }) => startFive(world, rollouts, spec)

test('a new revision walks through three waves, the last one after a person approved it', async () => {
  await started()
  expect((await world.status()).conditions?.[0]).toMatchObject({ status: 'True', reason: 'UpToDate' })
  await world.moveTo('main@sha1:2')
  await rollouts.survey(FLEET)
  expect(await world.released()).toEqual({ a: 'main@sha1:2', b: 'main@sha1:1', s: 'main@sha1:1', x: 'main@sha1:1', y: 'main@sha1:1' })
  await walk()
  expect(await world.released()).toEqual({ a: 'main@sha1:2', b: 'main@sha1:1', s: 'main@sha1:2', x: 'main@sha1:1', y: 'main@sha1:1' })
  expect(await state()).toBe('pending')
  expect((await world.status()).run?.message).toContain('approv')
  await rollouts.act(AT, { verb: 'approve' }, { subject: 'ann', reason: 'looks good' })
  const after = Object.values(await world.released()).filter((revision) => revision === 'main@sha1:2')
  expect(after).toHaveLength(3)
  await walk()
  expect(new Set(Object.values(await world.released()))).toEqual(new Set(['main@sha1:2']))
  const { conditions, problems, run } = await world.status()
  expect(run).toMatchObject({ state: 'succeeded', number: 1, author: 'ann', subject: 'do it', clusters: { total: 5, healthy: 5 } })
  expect(run?.waves?.map(({ name, state: is, approvedBy }) => [name, is, approvedBy])).toEqual([
    ['canary', 'complete', undefined],
    ['staging', 'complete', undefined],
    ['production', 'complete', 'ann'],
  ])
  expect(problems).toBeUndefined()
  expect(conditions?.[0]).toMatchObject({ status: 'True', reason: 'Succeeded' })
  await world.moveTo('main@sha1:3')
  await rollouts.survey(FLEET)
  expect((await world.status()).history?.[0]).toMatchObject({ number: 1, state: 'succeeded', approvedBy: ['ann'] })
})

test('a bucket goes through the waves as a git repository does', async () => {
  const [old, next] = [`sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`]
  await world.addClusters(['a', 'b'])
  for (const change of ['sources set kind', 'source_objects set kind', 'consumers set source_kind'])
    await world.database.db.query(`update ${change} = 'Bucket'`)
  await world.moveTo(old)
  await world.create({
    source: { kind: 'Bucket', name: 'fleet' },
    waves: [
      { name: 'canary', max: 1 },
      { name: 'all', rest: true },
    ],
  })
  await rollouts.survey(FLEET)
  await world.moveTo(next)
  await rollouts.survey(FLEET)
  expect(await world.released()).toEqual({ a: next, b: old })
  await walk()
  expect(await world.released()).toEqual({ a: next, b: next })
  expect(await world.status()).toMatchObject({ run: { revision: next, state: 'succeeded' } })
})

test('a revision that breaks the canary is taken back by itself, marked bad, and reaches nobody else', async () => {
  await started({ waves: THREE_WAVES, onFailure: { action: 'rollback' } })
  await world.moveTo('main@sha1:bad')
  await rollouts.survey(FLEET)
  const broken = { revision: 'main@sha1:bad', clusters: ['a'] }
  await world.follow(broken)
  await rollouts.look(FLEET)
  const problems = [{ cluster: 'a', object: 'Kustomization/flux-system/apps', reason: 'HealthCheckFailed', message: 'it broke' }]
  expect(await world.status()).toMatchObject({ problems, run: { state: 'rolling-back', message: expect.stringContaining('it broke') } })
  await walk(broken)
  expect(new Set(Object.values(await world.released()))).toEqual(new Set(['main@sha1:1']))
  const message = 'every cluster has what it had before main@sha1:bad; a: Kustomization/flux-system/apps: it broke'
  expect(await world.status()).toMatchObject({ problems, run: { state: 'rolled-back', message }, badRevisions: ['main@sha1:bad'] })
  await rollouts.survey(FLEET)
  expect(await state()).toBe('rolled-back')
  await world.moveTo('main@sha1:3')
  await rollouts.survey(FLEET)
  expect(await world.status()).toMatchObject({
    run: { number: 2, revision: 'main@sha1:3', state: 'progressing' },
    history: [{ number: 1, state: 'rolled-back', message }],
  })
})

test('a cluster that is offline is given its turn, blocks nobody else, and gets the revision when it is back', async () => {
  await started({ waves: [{ name: 'all', rest: true, maxConcurrent: '100%' }] })
  await world.connect('b', false)
  await world.moveTo('main@sha1:2')
  await rollouts.survey(FLEET)
  await walk()
  expect((await world.status()).run).toMatchObject({ state: 'succeeded', clusters: { healthy: 4, offline: 1 } })
  expect((await world.released()).b).toBe('main@sha1:2')
})

test('a hub that slept for longer than the deadline takes nothing back when it wakes', async () => {
  await started({ waves: [{ name: 'all', rest: true }], onFailure: { action: 'rollback', progressDeadline: '5m' } })
  await world.moveTo('main@sha1:2')
  await rollouts.survey(FLEET)
  await world.database.db.query('update cluster_heads set acked = counter')
  await rollouts.look(FLEET)
  // An hour passes with nobody awake: every time that was written is an hour older.
  await world.database.db.query(
    "update rollout_runs set looked_at = looked_at - interval '1 hour', started_at = started_at - interval '1 hour'",
  )
  await world.database.db.query("update rollout_pulse set seen_at = seen_at - interval '1 hour'")
  await world.database.db.query("update sessions set connected_at = connected_at - interval '2 hours'")
  await rollouts.look(FLEET)
  await rollouts.beat()
  await rollouts.look(FLEET)
  expect((await world.status()).run).toMatchObject({ state: 'progressing', clusters: { failed: 0, rolledBack: 0 } })
})

test.each([
  ['fails nobody', { waves: [{ name: 'all', rest: true }], onFailure: { progressDeadline: '10s' } }, undefined, 'progressing'],
  ['has nothing soaked', { waves: [{ name: 'all', rest: true, soak: '9s', maxConcurrent: '100%' }] }, 'healthy', 'soaking'],
])('a hub that slept for a moment now and then %s', async (_, spec, health, expected) => {
  await started(spec)
  await world.moveTo('main@sha1:2')
  await rollouts.survey(FLEET)
  if (health) await world.follow()
  else await world.database.db.query('update cluster_heads set acked = counter')
  await rollouts.beat()
  await rollouts.look(FLEET)
  expect(await state()).toBe(expected)
  await world.database.db.query("update sessions set connected_at = connected_at - interval '1 hour'")
  for (let nap = 0; nap < 2; nap++) {
    await world.database.db.query("update rollout_runs set looked_at = looked_at - interval '9 seconds'")
    await world.database.db.query("update rollout_pulse set seen_at = seen_at - interval '9 seconds'")
    await rollouts.beat()
    await rollouts.look(FLEET)
    expect(await state()).toBe(expected)
  }
  expect((await world.status()).run?.clusters?.failed).toBe(0)
})

test('what is read back of a run is what was decided', async () => {
  await started({ waves: THREE_WAVES, onFailure: { maxFailures: 1 } })
  const decided: (Run | undefined)[] = []
  const service = world.service((store) => store, { looked: ({ run }) => void decided.push(run) })
  await world.moveTo('main@sha1:2')
  await world.connect('s', false)
  const steps = [() => service.survey(FLEET), () => service.look(FLEET), () => service.act(AT, { verb: 'skip' }, { subject: 'ann' })]
  for (const step of steps) {
    await step()
    expect((await createRolloutStore(world.database.db).peek(AT))?.run).toEqual(decided.at(-1))
    await world.follow({ revision: 'main@sha1:2', clusters: ['a'] })
  }
  expect(decided.at(-1)?.targets.values().next().value).toMatchObject({ state: 'failed', failedOnce: true, givenAt: expect.any(Date) })
})

test('two hubs on one database bring a run on once', async () => {
  await started({
    waves: [
      { name: 'one', max: 1 },
      { name: 'rest', rest: true, maxConcurrent: '100%' },
    ],
  })
  const other = world.service()
  await world.moveTo('main@sha1:2')
  await Promise.all([rollouts.survey(FLEET), other.survey(FLEET), rollouts.look(FLEET), other.look(FLEET)])
  for (let round = 0; round < 4; round++) {
    await world.follow()
    await Promise.all([rollouts.look(FLEET), other.look(FLEET), other.look(FLEET)])
  }
  const { db } = world.database
  expect((await db.query('select number, state from rollout_runs')).rows).toEqual([{ number: 1, state: 'succeeded' }])
  expect((await db.query("select reason from events where kind = 'Rollout' order by seq")).rows).toEqual([
    { reason: 'rollout.wave.started' },
    { reason: 'rollout.wave.completed' },
    { reason: 'rollout.wave.started' },
    { reason: 'rollout.wave.completed' },
    { reason: 'rollout.run.succeeded' },
  ])
})

test('a hub that is killed between its decision and the commit has changed nothing', async () => {
  await started()
  await world.moveTo('main@sha1:2')
  const dying = world.service((store) => ({
    ...store,
    decide: (all, work) =>
      store.decide(all, async (rows, rollout) => {
        await work(rows, rollout)
        throw new Error('killed')
      }),
  }))
  const rowsNow = async () =>
    (
      await world.database.db.query(
        'select (select jsonb_agg(r order by r.uid) from rollouts r) as r, (select count(*) from rollout_runs) as n, (select count(*) from grants) as g, (select count(*) from events) as e',
      )
    ).rows
  const before = await rowsNow()
  await expect(dying.survey(FLEET)).rejects.toThrow('killed')
  await expect(dying.look(FLEET)).rejects.toThrow('killed')
  expect(await rowsNow()).toEqual(before)
  await rollouts.survey(FLEET)
  expect((await world.released()).a).toBe('main@sha1:2')
})

test('a hub that is killed after the commit has its releases asked for by the next look that is due', async () => {
  await started()
  const dying = world.service((store) => ({
    ...store,
    history: () => Promise.reject(new Error('killed')),
    decide: async (all, work) => {
      const done = await store.decide(all, work)
      return done.map((one) => (typeof one === 'object' && one !== null && 'settle' in one ? { ...one, settle: [] } : one))
    },
  }))
  await world.moveTo('main@sha1:2')
  await expect(dying.survey(FLEET)).rejects.toThrow('killed')
  expect((await world.released()).a).toBe('main@sha1:1')
  await rollouts.resettle(FLEET)
  expect((await world.released()).a).toBe('main@sha1:2')
})

test('a rollback by hand goes back everywhere and holds what is new until it is resumed', async () => {
  await started({ waves: [{ name: 'all', rest: true, maxConcurrent: '100%' }] })
  await world.moveTo('main@sha1:2')
  await rollouts.survey(FLEET)
  await walk()
  const said = await rollouts.act(AT, { verb: 'rollback' }, { subject: 'ann', reason: 'slow' })
  expect(said).toContain('goes back to main@sha1:1')
  await walk()
  expect(new Set(Object.values(await world.released()))).toEqual(new Set(['main@sha1:1']))
  await world.moveTo('main@sha1:3')
  await rollouts.survey(FLEET)
  expect(new Set(Object.values(await world.released()))).toEqual(new Set(['main@sha1:1']))
  expect(await world.status()).toMatchObject({
    newest: 'main@sha1:3',
    hold: { by: 'ann', reason: 'slow' },
    run: { number: 2, cause: 'rollback', startedBy: 'ann' },
  })
  await rollouts.act(AT, { verb: 'resume' }, { subject: 'ann' })
  await walk()
  expect(new Set(Object.values(await world.released()))).toEqual(new Set(['main@sha1:3']))
})

test('a pause and a closed window release nothing; what is asked for in vain is refused with the reason', async () => {
  const windows = [{ schedule: '0 0 1 1 *', duration: '1m' }]
  await started({ waves: [{ name: 'all', rest: true }], windows })
  await world.moveTo('main@sha1:2')
  await rollouts.survey(FLEET)
  expect(new Set(Object.values(await world.released()))).toEqual(new Set(['main@sha1:1']))
  expect((await world.status()).run).toMatchObject({ state: 'pending', message: expect.stringContaining('window') })
  await world.change({ waves: [{ name: 'all', rest: true }] })
  await rollouts.act(AT, { verb: 'pause' }, { subject: 'ann' })
  await rollouts.look(FLEET)
  expect(new Set(Object.values(await world.released()))).toEqual(new Set(['main@sha1:1']))
  await expect(rollouts.act(AT, { verb: 'approve' }, { subject: 'ann' })).rejects.toThrow('no wave waits for it')
  await expect(rollouts.act(AT, { verb: 'promote', revision: 'nothing-like-that' }, { subject: 'ann' })).rejects.toThrow(
    'no single revision',
  )
  await rollouts.act(AT, { verb: 'resume' }, { subject: 'ann' })
  expect(Object.values(await world.released())).toContain('main@sha1:2')
})

test('a wave waits for what its clusters applied: a child that nothing was reported of, or that is not ready', async () => {
  await started({
    waves: [
      { name: 'one', max: 1 },
      { name: 'rest', rest: true },
    ],
  })
  await world.moveTo('main@sha1:2')
  await rollouts.survey(FLEET)
  await world.follow()
  const { db } = world.database
  const child = 'flux-system_child_kustomize.toolkit.fluxcd.io_Kustomization'
  await db.query(
    `update objects o set status = status || jsonb_build_object('inventory', jsonb_build_object('entries', jsonb_build_array(jsonb_build_object('id', $1::text, 'v', 'v1'))))
     from clusters c where c.id = o.scope and c.name = 'a'`,
    [child],
  )
  await rollouts.look(FLEET)
  expect((await world.status()).run?.message).toContain('nothing was reported of it yet')
  const status = (ready: string) =>
    JSON.stringify({
      observedGeneration: 2,
      conditions: [{ type: 'Ready', status: ready, reason: 'x', message: 'soon', observedGeneration: 2 }],
    })
  await db.query(
    `insert into objects (scope, grp, kind, namespace, name, version, uid, generation, created_at, spec, status)
     select c.id, 'kustomize.toolkit.fluxcd.io', 'Kustomization', 'flux-system', 'child', 'v1', 'u', 2, now(), '{}', $1 from clusters c where c.name = 'a'`,
    [status('Unknown')],
  )
  await rollouts.look(FLEET)
  expect((await world.released()).b).toBe('main@sha1:1')
  await db.query("update objects set status = $1 where name = 'child'", [status('True')])
  await rollouts.look(FLEET)
  expect((await world.released()).b).toBe('main@sha1:2')
})

test('a suspended consumer holds nothing up, and the status names it', async () => {
  const waves = [
    { name: 'one', max: 1 },
    { name: 'rest', rest: true },
  ]
  await started({ waves })
  await world.database.db.query("update consumers k set suspended = true from clusters c where c.id = k.cluster_id and c.name = 'a'")
  await world.moveTo('main@sha1:2')
  await rollouts.survey(FLEET)
  await world.follow({ revision: 'main@sha1:2', clusters: ['a'] })
  await rollouts.look(FLEET)
  expect((await world.released()).b).toBe('main@sha1:2')
  expect((await world.status()).problems).toMatchObject([{ cluster: 'a', object: 'Kustomization/flux-system/apps', reason: 'Suspended' }])
})

test('what may pass by itself fails a cluster with the second attempt, not with the first', async () => {
  await started({
    waves: [
      { name: 'one', max: 1 },
      { name: 'rest', rest: true },
    ],
  })
  await world.moveTo('main@sha1:2')
  await rollouts.survey(FLEET)
  const broken = { revision: 'main@sha1:2', clusters: ['a'], reason: 'ReconciliationFailed' }
  const attempt = (id: string) =>
    world.database.db.query(
      `insert into events (id, cluster_id, grp, kind, namespace, name, severity, reason, message, revision, at)
       select $1, c.id, 'kustomize.toolkit.fluxcd.io', 'Kustomization', 'flux-system', 'apps', 'error', 'ReconciliationFailed', 'it broke', 'main@sha1:2', now()
       from clusters c where c.name = 'a'`,
      [id],
    )
  await attempt('one')
  await walk(broken)
  expect((await world.status()).run).toMatchObject({ state: 'progressing', clusters: { failed: 0, released: 1 } })
  await attempt('two')
  await walk(broken)
  const { problems, run } = await world.status()
  expect(run).toMatchObject({ state: 'stopped', clusters: { failed: 1 } })
  expect(problems).toEqual([
    { cluster: 'a', object: 'Kustomization/flux-system/apps', reason: 'ReconciliationFailed', message: 'it broke' },
  ])
})

test('why a cluster has not the newest revision is told link by link', async () => {
  await started()
  await world.moveTo('main@sha1:2')
  await rollouts.survey(FLEET)
  await walk()
  const of = async (name: string, object?: ChainQuery['object']) => {
    const { rows } = await world.database.db.query<{ id: string }>('select id from clusters where name = $1', [name])
    return rollouts.why({ clusterId: rows[0]?.id ?? '', namespaces: undefined, object })
  }
  expect(await of('a')).toMatchObject([
    { source: 'GitRepository/flux-system/fleet', sentence: 'a has main@sha1:2, and Kustomization/flux-system/apps is ready' },
  ])
  expect(await of('a', { kind: 'GitRepository', namespace: 'flux-system', name: 'fleet' })).toEqual(await of('a'))
  const [held] = await of('x')
  expect(held).toMatchObject({ broken: 'released' })
  expect(held?.sentence).toContain(
    'Rollout flux-system/fleet keeps main@sha1:2 back and gives it main@sha1:1: its turn in wave production is to come',
  )
  expect(await rollouts.why({ clusterId: 'c-none', namespaces: undefined })).toEqual([])
  await world.database.db.query('delete from source_objects')
  const missing = 'x: nothing was found at GitRepository/flux-system/fleet yet: there is no such object in the cluster'
  expect((await of('x')).map(({ sentence }) => sentence)).toEqual([missing])
  expect(await of('x', { kind: 'Kustomization', namespace: 'flux-system', name: 'apps' })).toEqual(await of('x'))
})
