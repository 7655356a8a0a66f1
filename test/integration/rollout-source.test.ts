import { afterEach, beforeEach, expect, test } from 'vitest'
import type { RolloutService } from '../../hub/rollout/service.ts'
import { FLEET, openRolloutWorld, type RolloutWorld, startFive, walkRun } from './rollout-world.ts'

// A Rollout whose spec comes to name another source.

let world: RolloutWorld
let rollouts: RolloutService

beforeEach(async () => {
  world = await openRolloutWorld()
  rollouts = world.service()
})
afterEach(() => world[Symbol.asyncDispose]())

const ALL = [{ name: 'all', rest: true, maxConcurrent: '100%' }]
const OTHER = { kind: 'GitRepository', name: 'other' }
const AT = { namespace: 'flux-system', name: 'fleet' }

/** Every cluster holds a second source, which nobody has fetched yet. */
async function addOther(): Promise<void> {
  const { db } = world.database
  await db.query(
    `insert into sources (key, kind, url, options, trusted, interval_ms, timeout_ms) values ('other', 'GitRepository', 'https://x/other', '{}', true, 60000, 60000)`,
  )
  await db.query(
    `insert into source_objects (cluster_id, kind, namespace, name, source_key, generation, suspended, interval_ms, requested_at)
     select cluster_id, kind, namespace, 'other', 'other', generation, suspended, interval_ms, requested_at from source_objects`,
  )
}

async function comes(revision: string): Promise<void> {
  await world.moveTo(revision)
  await rollouts.survey(FLEET)
}

const grants = async () =>
  (await world.database.db.query("select distinct revision from grants where source_name = 'other'")).rows.map(
    (row) => (row as { revision: string }).revision,
  )

test('a Rollout that comes to move another source gives its clusters nothing of the first one', async () => {
  await startFive(world, rollouts, { waves: ALL })
  await comes('main@sha1:2')
  await walkRun(world, rollouts)
  await addOther()
  await world.change({ waves: ALL, source: OTHER })
  await rollouts.survey(FLEET)
  expect(await grants()).toEqual([])
  expect((await world.status()).newest).toBeUndefined()
  const asked = rollouts.act(AT, { verb: 'rollback' }, { subject: 'ann' })
  await expect(asked).rejects.toThrow('no such revision is known yet')
  await expect(rollouts.act(AT, { verb: 'promote' }, { subject: 'ann' })).rejects.toThrow('no such revision is known yet')
  await world.database.db.query(
    "update sources set revision = 'main@sha1:o1', artifact = (select artifact from sources where key <> 'other') where key = 'other'",
  )
  await rollouts.survey(FLEET)
  expect((await world.status()).run).toMatchObject({ number: 2, revision: 'main@sha1:o1', state: 'progressing' })
  expect(await grants()).toEqual(['main@sha1:o1'])
})

test('a run in progress ends where its Rollout comes to move another source, also one that would be queued behind', async () => {
  const spec = { waves: [{ name: 'one', max: 1 }, ...ALL], onNewRevision: 'queue' }
  await startFive(world, rollouts, spec)
  await comes('main@sha1:2')
  await addOther()
  await world.change({ ...spec, source: OTHER })
  await rollouts.survey(FLEET)
  await world.follow()
  await rollouts.look(FLEET)
  expect((await world.status()).run).toMatchObject({
    number: 1,
    state: 'superseded',
    message: 'ended since GitRepository other is moved now',
  })
  expect(await grants()).toEqual([])
})

test('a run ends where its source has another URL in most clusters, and gives those nothing; what that has starts a run', async () => {
  await startFive(world, rollouts, { waves: [{ name: 'one', max: 1 }, ...ALL], onNewRevision: 'queue' })
  await comes('main@sha1:2')
  const { db } = world.database
  await db.query(
    `insert into sources (key, kind, url, options, trusted, interval_ms, timeout_ms)
     select 'own-key', kind, 'https://x/z', options, trusted, interval_ms, timeout_ms from sources`,
  )
  await db.query("update source_objects so set source_key = 'own-key' from clusters c where c.id = so.cluster_id and c.name <> 'a'")
  await rollouts.survey(FLEET)
  await walkRun(world, rollouts)
  expect(await world.released()).toMatchObject({ a: 'main@sha1:2', b: 'main@sha1:1', y: 'main@sha1:1' })
  const { problems, run } = await world.status()
  expect(run).toMatchObject({
    state: 'superseded',
    message: 'ended since GitRepository fleet has another URL or ref in most clusters now',
  })
  expect(problems).toMatchObject([{ cluster: 'a', message: expect.stringContaining('has another URL or ref there') }])
  await db.query(
    "update sources k set revision = s.revision, artifact = s.artifact from sources s where k.key = 'own-key' and s.key <> k.key",
  )
  await rollouts.survey(FLEET)
  expect((await world.status()).run).toMatchObject({ number: 2, revision: 'main@sha1:2', clusters: { total: 4, released: 1 } })
})
