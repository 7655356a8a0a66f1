import { afterEach, beforeEach, expect, test } from 'vitest'
import { createRolloutStore } from '../../hub/rollout/io/store.ts'
import type { RolloutService } from '../../hub/rollout/service.ts'
import { type Look, lookAt } from '../../hub/rollout/turn/look.ts'
import type { RolloutSpec } from '../../proto/model/fleet/rollout.ts'
import type { ClusterId } from '../../proto/model/ids.ts'
import { FLEET, openRolloutWorld, type RolloutWorld, startFive } from './rollout-world.ts'

// A look asks of the clusters that something was heard of. What is not told here is what a hub heard and was killed over.

let world: RolloutWorld
let rollouts: RolloutService

beforeEach(async () => {
  world = await openRolloutWorld()
  rollouts = world.service()
})
afterEach(() => world[Symbol.asyncDispose]())

const NEW = 'main@sha1:2'
const ALL = { waves: [{ name: 'all', rest: true, maxConcurrent: '100%' }] }
const LATE = { revision: NEW, reason: 'DependencyNotReady' }
const APPS = { group: 'kustomize.toolkit.fluxcd.io', kind: 'Kustomization', namespace: 'flux-system', name: 'apps' }

/** Something is heard of `apps` in the cluster, and those that it matters to are looked at. */
async function hear(name: string, by = rollouts): Promise<void> {
  const { rows } = await world.database.db.query<{ id: ClusterId }>('select id from clusters where name = $1', [name])
  await by.lookHeard(...(await by.ofNews([{ cluster: rows[0]?.id as ClusterId, object: APPS }])))
}

/** State of each target of the last run. */
async function targets(): Promise<Readonly<Record<string, string>>> {
  const { rows } = await world.database.db.query<{ name: string; state: string }>(
    'select t.name, t.state from rollout_targets t join rollouts r on r.run = t.run order by 1',
  )
  return Object.fromEntries(rows.map(({ name, state }) => [name, state]))
}

async function runState(): Promise<string | undefined> {
  const { rows } = await world.database.db.query<{ state: string }>('select n.state from rollouts r join rollout_runs n on n.id = r.run')
  return rows[0]?.state
}

/** All of the five have the new revision; `b` waits for something, the others are healthy. */
async function allButOne(): Promise<void> {
  await startFive(world, rollouts, ALL)
  await world.moveTo(NEW)
  await rollouts.survey(FLEET)
  await world.follow({ ...LATE, clusters: ['b'] })
  await rollouts.look(FLEET)
  expect(await targets()).toEqual({ a: 'healthy', b: 'released', s: 'healthy', x: 'healthy', y: 'healthy' })
}

test('a healthy cluster that nothing was heard of is healthy still; one that something was heard of is asked about', async () => {
  await allButOne()
  await world.follow({ ...LATE, clusters: ['a', 'b'] })
  await hear('b')
  expect(await targets()).toMatchObject({ a: 'healthy', b: 'released' })
  await hear('a')
  expect(await targets()).toMatchObject({ a: 'released', b: 'released', s: 'healthy' })
})

test('so is one that is neither healthy nor failed yet, until every cluster is asked about', async () => {
  await allButOne()
  await world.follow({ ...LATE, clusters: ['b', 's'] })
  await hear('s')
  expect(await targets()).toMatchObject({ b: 'released', s: 'released' })
  await world.follow({ revision: NEW, clusters: ['b', 's'] })
  await hear('x')
  expect(await targets()).toMatchObject({ b: 'released', s: 'released' })
  // Its time has come.
  await rollouts.resettle(FLEET)
  await rollouts.lookHeard(FLEET)
  expect(await targets()).toMatchObject({ b: 'failed', s: 'failed' })
})

test('of a cluster whose agent is gone it is asked although nothing else was heard', async () => {
  await allButOne()
  await world.connect('a', false)
  await hear('b')
  expect(await targets()).toMatchObject({ a: 'offline', b: 'released' })
})

test('invariant 1: no wave ends before every cluster of it was asked about', async () => {
  const waves = [
    { name: 'canary', max: 2, maxConcurrent: 1 },
    { name: 'rest', rest: true },
  ]
  await startFive(world, rollouts, { waves, onFailure: { action: 'stop' } })
  await world.moveTo(NEW)
  await rollouts.survey(FLEET)
  await world.follow()
  await rollouts.look(FLEET)
  expect(await targets()).toMatchObject({ a: 'healthy', b: 'released', x: 'waiting' })
  await world.follow({ revision: NEW, clusters: ['a'] })
  await hear('b')
  expect(await targets()).toMatchObject({ a: 'failed', b: 'healthy', x: 'waiting' })
  expect(await runState()).toBe('stopped')
  expect(await world.released()).toMatchObject({ s: 'main@sha1:1', x: 'main@sha1:1', y: 'main@sha1:1' })
})

test('invariant 9: no run succeeds before every cluster was asked about', async () => {
  await allButOne()
  await world.follow({ ...LATE, clusters: ['a'] })
  await hear('b')
  expect(await targets()).toMatchObject({ a: 'released', b: 'healthy' })
  expect(await runState()).toBe('progressing')
})

test('what another replica heard, it looks at itself; one that heard nothing so far asks of every cluster', async () => {
  await allButOne()
  await world.follow({ ...LATE, clusters: ['a', 'b', 's'] })
  const other = world.service()
  await hear('a', other)
  expect(await targets()).toMatchObject({ a: 'released', s: 'released' })
})

test('what was heard before a look that failed is asked about at the next one', async () => {
  await allButOne()
  let fails = false
  const failing = world.service((store) => ({
    ...store,
    decide: (all, work) => (fails ? Promise.reject(new Error('no connection')) : store.decide(all, work)),
  }))
  await failing.look(FLEET)
  await world.follow({ ...LATE, clusters: ['a', 'b'] })
  fails = true
  await expect(hear('a', failing)).rejects.toThrow('no connection')
  fails = false
  await hear('b', failing)
  expect(await targets()).toMatchObject({ a: 'released', b: 'released' })
})

test('of clusters on their way back it is asked at every look: who was never released the revision has what it had', async () => {
  await startFive(world, rollouts, { ...ALL, onFailure: { action: 'rollback' } })
  const building = world.service((store) => store, { settle: async () => undefined })
  await world.moveTo(NEW)
  await building.survey(FLEET)
  await world.database.db.query(
    `update objects set status = $1 where kind = 'Kustomization' and scope = (select id from clusters where name = 'a')`,
    [
      JSON.stringify({
        lastAttemptedRevision: NEW,
        conditions: [{ type: 'Ready', status: 'False', reason: 'BuildFailed', message: 'no such file', observedGeneration: 1 }],
      }),
    ],
  )
  await hear('a', building)
  expect(await runState()).toBe('rolling-back')
  await hear('a', building)
  expect(await targets()).toEqual({ a: 'rolled-back', b: 'rolled-back', s: 'rolled-back', x: 'rolled-back', y: 'rolled-back' })
  expect(await runState()).toBe('rolled-back')
})

test('of a cluster that was away it is asked when it is connected again, whatever was heard', async () => {
  await allButOne()
  await world.connect('a', false)
  await hear('b')
  await world.follow({ ...LATE, clusters: ['b'] })
  await world.connect('a', true)
  await hear('b')
  expect(await targets()).toMatchObject({ a: 'healthy', b: 'released' })
})

test('every cluster is asked about once in fifteen seconds, whatever is heard', async () => {
  await allButOne()
  const store = createRolloutStore(world.database.db)
  const [state] = (await world.database.db.query<{ uid: string }>('select uid from rollouts')).rows
  const at = { uid: state?.uid as string, namespace: 'flux-system', name: 'fleet' }
  const spec = { ...ALL, windows: [] } as unknown as RolloutSpec
  const source = { kind: 'GitRepository', namespace: 'flux-system', name: 'fleet' }
  const lookAfter = async (seconds: number): Promise<Look | undefined> => {
    const [look] = await store.decide([at], (rows) => {
      const heard = { clusters: new Set<string>(), askedAllAt: new Date(rows.now.getTime() - seconds * 1000) }
      return lookAt({ rows, spec, source, newId: () => 'r-1', heard })
    })
    return look
  }
  expect((await lookAfter(14))?.askedAll).toBe(false)
  expect((await lookAfter(15))?.askedAll).toBe(true)
})
