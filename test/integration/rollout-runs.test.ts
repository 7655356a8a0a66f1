import { Registry } from 'prom-client'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openRolloutMetrics } from '../../hub/rollout/io/metrics.ts'
import { createRolloutStore } from '../../hub/rollout/io/store.ts'
import type { Asked, RolloutService } from '../../hub/rollout/service.ts'
import { countingDb } from '../support/counting-db.ts'
import { type Broken, FLEET, openRolloutWorld, type RolloutWorld, startFive, THREE_WAVES, walkRun } from './rollout-world.ts'

// One run after the other: what a new revision does to the one in progress, what people start, what is remembered.

let world: RolloutWorld
let rollouts: RolloutService

beforeEach(async () => {
  world = await openRolloutWorld()
  rollouts = world.service()
})
afterEach(() => world[Symbol.asyncDispose]())

const ALL = [{ name: 'all', rest: true, maxConcurrent: '100%' }]
const walk = (broken?: Broken) => walkRun(world, rollouts, broken)
const started = (spec: object = { waves: THREE_WAVES }) => startFive(world, rollouts, spec)
const ask = (asked: Asked) => rollouts.act({ namespace: 'flux-system', name: 'fleet' }, asked, { subject: 'ann', reason: 'so' })
const shown = async () => (await world.status()).run
const history = async () => (await world.status()).history?.map(({ number, revision, state }) => `${number} ${revision} ${state}`)

/** The revision comes to the source, and the Rollout hears of it. */
async function comes(revision: string): Promise<void> {
  await world.moveTo(revision)
  await rollouts.survey(FLEET)
}
/** Every cluster has one of these, and each of them is somewhere. */
async function everywhere(...revisions: readonly string[]): Promise<void> {
  expect(new Set(Object.values(await world.released()))).toEqual(new Set(revisions))
}

test('a newer revision ends the run where it stands and begins at the first wave; clusters keep what they have until their turn', async () => {
  await started()
  await comes('main@sha1:2')
  await walk()
  await comes('main@sha1:3')
  expect(await shown()).toMatchObject({
    number: 2,
    revision: 'main@sha1:3',
    waves: [{ state: 'progressing' }, { waiting: 1 }, { waiting: 3 }],
  })
  expect(await history()).toEqual(['1 main@sha1:2 superseded'])
  expect(await world.released()).toMatchObject({ a: 'main@sha1:3', s: 'main@sha1:2', x: 'main@sha1:1' })
})

test('with `queue` the newest revision waits until the run ends, and those in between are skipped', async () => {
  await started({ waves: ALL, onNewRevision: 'queue' })
  await comes('main@sha1:2')
  await comes('main@sha1:3')
  await comes('main@sha1:4')
  expect(await world.status()).toMatchObject({ newest: 'main@sha1:4', run: { number: 1, revision: 'main@sha1:2', state: 'progressing' } })
  await walk()
  expect(await shown()).toMatchObject({ number: 2, revision: 'main@sha1:4', state: 'succeeded' })
  expect(await history()).toEqual(['1 main@sha1:2 succeeded'])
})

test('so many ended runs are remembered as the limit says', async () => {
  await started({ waves: ALL, historyLimit: 2 })
  for (const number of [2, 3, 4, 5, 6]) {
    await comes(`main@sha1:${number}`)
    await walk()
  }
  expect((await shown())?.number).toBe(5)
  expect(await history()).toEqual(['4 main@sha1:5 succeeded', '3 main@sha1:4 succeeded'])
  expect((await world.database.db.query('select number from rollout_runs order by 1')).rows).toEqual([
    { number: 3 },
    { number: 4 },
    { number: 5 },
  ])
})

test('a Rollout that is suspended starts nothing, and releases nothing of what it started', async () => {
  await started({ waves: ALL, suspend: true })
  await comes('main@sha1:2')
  await everywhere('main@sha1:1')
  expect(await shown()).toBeUndefined()
  const one = [{ name: 'one', max: 1 }, ...ALL]
  await world.change({ waves: one })
  await rollouts.survey(FLEET)
  await world.change({ waves: one, suspend: true })
  await walk()
  expect(await world.released()).toMatchObject({ a: 'main@sha1:2', b: 'main@sha1:1', s: 'main@sha1:1', x: 'main@sha1:1', y: 'main@sha1:1' })
  expect((await shown())?.message).toContain('the Rollout is suspended')
  await world.change({ waves: one })
  await walk()
  await everywhere('main@sha1:2')
})

test('waves and policy are those of the start of the run, whatever is edited meanwhile', async () => {
  await started()
  await comes('main@sha1:2')
  await world.change({ waves: ALL })
  await walk()
  expect((await shown())?.waves?.map(({ name }) => name)).toEqual(['canary', 'staging', 'production'])
  expect((await shown())?.state).toBe('pending')
})

test('a person starts a run of the newest or of another revision, also of one that was taken back', async () => {
  await started({ waves: ALL, onFailure: { action: 'rollback' } })
  await comes('main@sha1:bad')
  await walk({ revision: 'main@sha1:bad', clusters: ['a'] })
  expect(await world.status()).toMatchObject({ badRevisions: ['main@sha1:bad'], run: { number: 1, state: 'rolled-back' } })
  expect(await ask({ verb: 'promote' })).toBe('a run of Rollout flux-system/fleet to main@sha1:bad starts')
  await walk()
  expect(await shown()).toMatchObject({ number: 2, cause: 'promote', startedBy: 'ann', state: 'succeeded' })
  await ask({ verb: 'promote', revision: 'sha1:1' })
  await walk()
  expect(await shown()).toMatchObject({ number: 3, revision: 'main@sha1:1', state: 'succeeded' })
  await everywhere('main@sha1:1')
  await rollouts.survey(FLEET)
  await everywhere('main@sha1:1')
})

test('a rollback by hand goes back to the last revision that went well, not to one that was taken back, and is stopped by no failure', async () => {
  await started({ waves: ALL, onFailure: { action: 'rollback' } })
  await comes('main@sha1:2')
  await walk()
  await comes('main@sha1:bad')
  await walk({ revision: 'main@sha1:bad', clusters: ['a'] })
  await comes('main@sha1:3')
  await walk()
  expect(await ask({ verb: 'rollback' })).toContain('goes back to main@sha1:2')
  await walk({ revision: 'main@sha1:2', clusters: ['a'] })
  await everywhere('main@sha1:2')
  expect(await world.status()).toMatchObject({ hold: { by: 'ann' }, run: { cause: 'rollback', clusters: { failed: 1, healthy: 4 } } })
})

test('a run that stopped keeps everyone where they are, and the next revision mends it', async () => {
  await started({ waves: [{ name: 'one', max: 1 }, ...ALL] })
  await comes('main@sha1:2')
  await walk({ revision: 'main@sha1:2', clusters: ['a'] })
  expect(await shown()).toMatchObject({ state: 'stopped', clusters: { failed: 1, waiting: 4 } })
  expect((await world.released()).a).toBe('main@sha1:2')
  await comes('main@sha1:3')
  await walk()
  await everywhere('main@sha1:3')
})

test('with `continue` every wave gets it, and the status says at the end who failed', async () => {
  await started({ waves: [{ name: 'one', max: 1 }, ...ALL], onFailure: { action: 'continue' } })
  await comes('main@sha1:2')
  await walk({ revision: 'main@sha1:2', clusters: ['a', 'y'] })
  await everywhere('main@sha1:2')
  const { problems, run } = await world.status()
  expect(run?.message).toBe('went through every wave; 2 of 5 clusters failed; a: Kustomization/flux-system/apps: it broke; and 1 more')
  expect(problems?.map(({ cluster }) => cluster)).toEqual(['a', 'y'])
})

test('a source that is suspended counts as offline on the way back too: nobody waits for it', async () => {
  await started({ waves: ALL, onFailure: { action: 'rollback' } })
  await comes('main@sha1:2')
  const broken = { revision: 'main@sha1:2', clusters: ['a'] }
  await world.follow(broken)
  await world.database.db.query("update source_objects so set suspended = true from clusters c where c.id = so.cluster_id and c.name = 'b'")
  await rollouts.survey(FLEET)
  await walk(broken)
  expect(await shown()).toMatchObject({ state: 'rolled-back', clusters: { offline: 1, rolledBack: 4 } })
})

test('runs and clusters are counted by state, and what happens in runs by event', async () => {
  const registry = new Registry()
  rollouts = world.service((store) => store, { looked: openRolloutMetrics(registry, world.database.db) })
  await started({ waves: [{ name: 'one', max: 1 }, ...ALL] })
  await comes('main@sha1:2')
  const counted = async () => (await registry.metrics()).split('\n')
  expect(await counted()).toEqual(
    expect.arrayContaining([
      ...['flotilla_rollout_runs{state="progressing"} 1', 'flotilla_rollout_clusters{state="released"} 1'],
      ...['flotilla_rollout_clusters{state="waiting"} 4', 'flotilla_rollout_events_total{event="rollout.wave.started"} 1'],
    ]),
  )
  await walk({ revision: 'main@sha1:2', clusters: ['b', 's'] })
  expect(await counted()).toEqual(
    expect.arrayContaining([
      ...['flotilla_rollout_runs{state="stopped"} 1', 'flotilla_rollout_wave_duration_seconds_count 1'],
      ...[
        'flotilla_rollout_events_total{event="rollout.cluster.failed"} 2',
        'flotilla_rollout_events_total{event="rollout.run.stopped"} 1',
      ],
    ]),
  )
})

test('the last wave of a run is measured also where the next run starts at once', async () => {
  const registry = new Registry()
  rollouts = world.service((store) => store, { looked: openRolloutMetrics(registry, world.database.db) })
  await started({ waves: ALL, onNewRevision: 'queue' })
  await comes('main@sha1:2')
  await comes('main@sha1:3')
  await walk()
  expect((await registry.metrics()).split('\n')).toContain('flotilla_rollout_wave_duration_seconds_count 2')
})

test('a decision costs the same number of statements for five clusters and for two hundred', async () => {
  const counting = countingDb(world.database.db)
  rollouts = world.service(() => createRolloutStore(counting))
  await started({ waves: ALL, onFailure: { action: 'rollback', maxFailures: '1%' } })
  const costs = async (revision: string) => {
    await world.moveTo(revision)
    const before = counting.counted.statements
    await rollouts.survey(FLEET)
    await world.follow({ revision, clusters: ['a', 'b', 's', 'x'] })
    await rollouts.look(FLEET)
    const spent = counting.counted.statements - before
    await walk({ revision, clusters: ['a', 'b', 's', 'x'] })
    expect((await shown())?.state).toBe('rolled-back')
    return spent
  }
  // The first run has no waves of an earlier one to keep.
  await costs('main@sha1:2')
  const few = await costs('main@sha1:3')
  await world.addClusters(Array.from({ length: 195 }, (_, at) => `z-${at}`))
  await rollouts.survey(FLEET)
  await walk()
  expect(await costs('main@sha1:4')).toBe(few)
  expect(Object.values(await world.released()).filter((revision) => revision === 'main@sha1:1')).toHaveLength(200)
})
