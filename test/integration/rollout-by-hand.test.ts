import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Asked, RolloutService } from '../../hub/rollout/service.ts'
import { type Broken, FLEET, openRolloutWorld, type RolloutWorld, startFive, walkRun } from './rollout-world.ts'

// What people ask of a Rollout one after the other, and what becomes of it.

let world: RolloutWorld
let rollouts: RolloutService

beforeEach(async () => {
  world = await openRolloutWorld()
  rollouts = world.service()
})
afterEach(() => world[Symbol.asyncDispose]())

const ALL = [{ name: 'all', rest: true, maxConcurrent: '100%' }]
const ONE_FIRST = [{ name: 'one', max: 1 }, ...ALL]
const walk = (broken?: Broken) => walkRun(world, rollouts, broken)
const started = (spec: object) => startFive(world, rollouts, spec)
const ask = (asked: Asked) => rollouts.act({ namespace: 'flux-system', name: 'fleet' }, asked, { subject: 'ann', reason: 'so' })
const shown = async () => (await world.status()).run

async function comes(revision: string): Promise<void> {
  await world.moveTo(revision)
  await rollouts.survey(FLEET)
}
async function everywhere(...revisions: readonly string[]): Promise<void> {
  expect(new Set(Object.values(await world.released()))).toEqual(new Set(revisions))
}

test('a cluster that has the revision of a run before the run is taken back to what it had before that revision', async () => {
  await started({ waves: ONE_FIRST, onFailure: { action: 'stop' } })
  await comes('main@sha1:2')
  await walk({ revision: 'main@sha1:2', clusters: ['a'] })
  expect(await shown()).toMatchObject({ state: 'stopped' })
  await world.change({ waves: ONE_FIRST, onFailure: { action: 'rollback' } })
  await ask({ verb: 'promote' })
  await walk({ revision: 'main@sha1:2', clusters: ['a'] })
  expect(await shown()).toMatchObject({ state: 'rolled-back' })
  await everywhere('main@sha1:1')
})

test('a rollback that is asked for twice does not go forward to what the first one left', async () => {
  await started({ waves: ALL })
  for (const n of [2, 3]) {
    await comes(`main@sha1:${n}`)
    await walk()
  }
  await ask({ verb: 'rollback' })
  await walk()
  await everywhere('main@sha1:2')
  await expect(ask({ verb: 'rollback' })).rejects.toThrow('no such revision is known')
  await ask({ verb: 'resume' })
  await walk()
  await everywhere('main@sha1:3')
  expect(await ask({ verb: 'rollback' })).toContain('goes back to main@sha1:2')
})

test('the end of a hold does not take a revision through the waves that a person promoted meanwhile', async () => {
  await started({ waves: ALL })
  await comes('main@sha1:2')
  await walk()
  await ask({ verb: 'rollback' })
  await walk()
  await ask({ verb: 'promote' })
  await ask({ verb: 'resume' })
  await walk()
  expect(await shown()).toMatchObject({ number: 3, cause: 'promote', state: 'succeeded' })
})

test('a rollback by hand goes back where the Rollout was paused, and the hold takes the place of the pause', async () => {
  await started({ waves: ONE_FIRST })
  await comes('main@sha1:2')
  await world.follow()
  await ask({ verb: 'pause' })
  await ask({ verb: 'rollback', revision: 'sha1:1' })
  await walk()
  await everywhere('main@sha1:1')
  expect(await shown()).toMatchObject({ cause: 'rollback', state: 'succeeded' })
  expect(await world.status()).toMatchObject({ hold: { by: 'ann' } })
})

test('a revision that was taken back and that a person then promoted with success is bad no more: clusters go back to it', async () => {
  await started({ waves: ALL, onFailure: { action: 'rollback' } })
  await comes('main@sha1:2')
  await walk({ revision: 'main@sha1:2', clusters: ['a'] })
  await ask({ verb: 'promote' })
  await walk()
  await everywhere('main@sha1:2')
  await comes('main@sha1:3')
  await walk({ revision: 'main@sha1:3', clusters: ['a'] })
  await everywhere('main@sha1:2')
  expect(await world.status()).toMatchObject({ badRevisions: ['main@sha1:3'] })
})

test('a canary stays the canary after a rollback by hand, which has a wave of its own', async () => {
  await world.addClusters(['b', 'c'])
  await world.moveTo('main@sha1:1')
  await world.follow()
  await world.create({ waves: [{ name: 'canary', max: 1 }, ...ALL] })
  await rollouts.survey(FLEET)
  await comes('main@sha1:2')
  await walk()
  await world.addClusters(['a'])
  await rollouts.survey(FLEET)
  await walk()
  await ask({ verb: 'rollback', revision: 'sha1:1' })
  await walk()
  await ask({ verb: 'resume' })
  expect(await world.released()).toMatchObject({ a: 'main@sha1:1', b: 'main@sha1:2', c: 'main@sha1:1' })
})

test('what is asked of a suspended Rollout is kept, and the answer says until when', async () => {
  await started({ waves: ALL })
  await comes('main@sha1:2')
  await walk()
  await world.change({ waves: ALL, suspend: true })
  expect(await ask({ verb: 'rollback' })).toBe(
    'Rollout flux-system/fleet goes back to main@sha1:1, once it is suspended no longer and is held there until it is resumed',
  )
  await walk()
  await everywhere('main@sha1:2')
  await world.change({ waves: ALL })
  await rollouts.survey(FLEET)
  await walk()
  await everywhere('main@sha1:1')
})

test('no wave is approved or skipped while the run goes back', async () => {
  await started({ waves: ONE_FIRST, onFailure: { action: 'rollback' } })
  await comes('main@sha1:2')
  await world.follow({ revision: 'main@sha1:2', clusters: ['a'] })
  await rollouts.look(FLEET)
  expect(await shown()).toMatchObject({ state: 'rolling-back' })
  for (const verb of ['approve', 'skip'] as const) await expect(ask({ verb })).rejects.toThrow('its run goes back')
})

test('a closed window keeps no rollback by hand', async () => {
  await started({ waves: ALL })
  await comes('main@sha1:2')
  await walk()
  const always = { schedule: '* * * * *', duration: '2m', timeZone: 'UTC', mode: 'deny' }
  await world.change({ waves: ALL, windows: [always] })
  await comes('main@sha1:3')
  await walk()
  await everywhere('main@sha1:2')
  await ask({ verb: 'rollback', revision: 'sha1:1' })
  await walk()
  await everywhere('main@sha1:1')
})

test('with queue the newest revision that waited starts after an automatic rollback', async () => {
  await started({ waves: ALL, onNewRevision: 'queue', onFailure: { action: 'rollback' } })
  await comes('main@sha1:2')
  for (const n of [3, 4]) await comes(`main@sha1:${n}`)
  await walk({ revision: 'main@sha1:2', clusters: ['a'] })
  await walk()
  await everywhere('main@sha1:4')
  expect(await world.status()).toMatchObject({ badRevisions: ['main@sha1:2'], run: { number: 2, state: 'succeeded' } })
})
