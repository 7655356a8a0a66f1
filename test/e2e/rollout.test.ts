import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Manifest } from '../../proto/model/manifest.ts'
import { eventually } from '../support/eventually.ts'
import { aGitRepository, aKustomization, yaml } from '../support/flux.ts'
import type { TestRepository } from '../support/git-repository.ts'
import { type RolloutView, viewRollout } from '../support/rollout-view.ts'
import { type AppVersions, anApp, NEVER_READY, viewVersions } from '../support/versioned-app.ts'
import { openWorld, type TestWorld } from '../support/world.ts'

// One repository on three real clusters, and a Rollout that moves its revisions from one to the next.

const CLUSTERS = ['dev', 'staging', 'production']
let world: TestWorld
let fleet: TestRepository
let rollout: RolloutView
let versions: AppVersions

beforeAll(async () => {
  world = await openWorld(CLUSTERS)
  fleet = await world.repository('fleet')
  rollout = viewRollout(world, 'fleet')
  versions = viewVersions(world, CLUSTERS)
  await fleet.commit({ 'app/app.yaml': anApp('one') })
  const objects = yaml(
    aGitRepository('fleet', world.url('fleet'), { interval: '2s' }),
    aKustomization('apps', 'fleet', './app', { wait: true, timeout: '5s', retryInterval: '3s' }),
  )
  for (const cluster of CLUSTERS) await world.kubectl(cluster, ['apply', '-f', '-'], objects)
  for (const cluster of CLUSTERS) await versions.is(cluster, 'one')
  await world.viaHub('fleet', ['apply', '-f', '-'], yaml(ROLLOUT))
  await rollout.isUpToDate()
})
afterAll(() => world[Symbol.asyncDispose]())

const ROLLOUT: Manifest = {
  apiVersion: 'fleet.flotilla.dev/v1alpha1',
  kind: 'Rollout',
  metadata: { name: 'fleet', namespace: 'flux-system' },
  spec: {
    source: { kind: 'GitRepository', name: 'fleet' },
    waves: [
      { name: 'dev', clusters: { names: ['dev'] }, soak: '1s' },
      { name: 'staging', clusters: { names: ['staging'] } },
      { name: 'production', rest: true, approval: 'required' },
    ],
    onFailure: { action: 'rollback' },
  },
}

test('a good revision goes from cluster to cluster, and to production once it is approved', async () => {
  const commit = await fleet.commit({ 'app/app.yaml': anApp('two') }, { message: 'second version' })
  await versions.is('dev', 'two')
  await versions.is('staging', 'two')
  const pending = await rollout.runIs('pending', commit)
  expect(pending).toMatchObject({
    author: expect.stringContaining('Tess'),
    subject: 'second version',
    message: expect.stringContaining('approv'),
  })
  expect(await versions.all()).toEqual(['two', 'two', 'one'])
  expect((await world.flotilla(['why', 'production', 'kustomization/apps'])).stdout).toContain('its turn in wave production is to come')
  const approved = await world.flotilla(['rollout', 'approve', 'fleet', '--reason', 'looks good'])
  expect(approved).toMatchObject({ code: 0, stderr: expect.stringContaining('wave production') })
  await versions.is('production', 'two')
  await rollout.runIs('succeeded', commit)
  expect((await world.flotilla(['rollout', 'status', 'fleet', '--watch'])).stdout).toMatch(/production\s+complete\s+1\s+1/)
  expect(await world.viaHub('fleet', ['get', 'events', '-n', 'flux-system'])).toContain('rollout.run.succeeded')
})

test('a revision whose Deployment never becomes ready in the first cluster is taken back and never goes on', async () => {
  const commit = await fleet.commit({ 'app/app.yaml': anApp('three', { podLabels: NEVER_READY }) })
  await versions.is('dev', 'three')
  await rollout.runIs('rolled-back', commit)
  await versions.is('dev', 'two')
  expect(await versions.all()).toEqual(['two', 'two', 'two'])
  expect((await rollout.status()).badRevisions).toEqual([expect.stringContaining(commit)])
})

test('a cluster that is offline during a run catches up when it is back', async () => {
  await world.stop('agent-staging')
  const commit = await fleet.commit({ 'app/app.yaml': anApp('four') })
  await versions.is('dev', 'four')
  await eventually('staging is waited for', async () => (await rollout.status()).run?.waves?.[1]?.offline === 1)
  expect(await versions.all()).toEqual(['four', 'two', 'two'])
  await world.start('agent-staging')
  await versions.is('staging', 'four')
  await rollout.runIs('pending', commit)
  await world.flotilla(['rollout', 'approve', 'fleet'])
  await versions.is('production', 'four')
  await rollout.runIs('succeeded', commit)
})

test('a hub that is killed in the middle of a wave goes on where it was', async () => {
  await world.stop('agent-dev')
  const commit = await fleet.commit({ 'app/app.yaml': anApp('killed') })
  await eventually(
    'dev is waited for',
    async () => (await rollout.status()).run?.revision.endsWith(commit) && (await rollout.status()).run?.waves?.[0]?.offline === 1,
  )
  await world.kill('hub')
  await world.start('hub')
  await world.start('agent-dev')
  await versions.is('dev', 'killed')
  await versions.is('staging', 'killed')
  await rollout.runIs('pending', commit)
  expect(await versions.of('production')).not.toBe('killed')
  await world.flotilla(['rollout', 'skip', 'fleet'])
  await versions.is('production', 'killed')
})

test('a rollback by hand goes back everywhere and holds new revisions until it is resumed', async () => {
  const back = await world.flotilla(['rollout', 'rollback', 'fleet', '--reason', 'it is slow'])
  expect(back).toMatchObject({ code: 0, stderr: expect.stringContaining('goes back to') })
  for (const cluster of CLUSTERS) await versions.is(cluster, 'four')
  const commit = await fleet.commit({ 'app/app.yaml': anApp('five') })
  await eventually('the new revision is recorded', async () => (await rollout.status()).newest?.endsWith(commit))
  expect((await rollout.status()).hold).toMatchObject({ by: 'admin', reason: 'it is slow' })
  expect(await versions.all()).toEqual(['four', 'four', 'four'])
  await world.flotilla(['rollout', 'resume', 'fleet'])
  await versions.is('dev', 'five')
})
