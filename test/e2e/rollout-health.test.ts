import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Manifest } from '../../proto/model/manifest.ts'
import { eventually } from '../support/eventually.ts'
import { aConfigMap, aGitRepository, aKustomization, readyOf, yaml } from '../support/flux.ts'
import type { TestRepository } from '../support/git-repository.ts'
import { type RolloutView, viewRollout } from '../support/rollout-view.ts'
import { type AppVersions, anApp, NEVER_READY, viewVersions } from '../support/versioned-app.ts'
import { openWorld, type TestWorld } from '../support/world.ts'

// Kustomizations that do not `wait`: they are Ready as soon as they applied, and a Rollout waits for what they applied all the same.

const CLUSTERS = ['dev', 'production']
let world: TestWorld
let fleet: TestRepository
let rollout: RolloutView
let versions: AppVersions

beforeAll(async () => {
  world = await openWorld(CLUSTERS)
  fleet = await world.repository('fleet')
  rollout = viewRollout(world, 'fleet')
  versions = viewVersions(world, CLUSTERS)
  await fleet.commit({ 'fleet/apps.yaml': apps('1h'), 'app/app.yaml': anApp('one') })
  const objects = yaml(aGitRepository('fleet', world.url('fleet'), { interval: '2s' }), aKustomization('fleet', 'fleet', './fleet'))
  for (const cluster of CLUSTERS) await world.kubectl(cluster, ['apply', '-f', '-'], objects)
  for (const cluster of CLUSTERS) await versions.is(cluster, 'one')
  await world.viaHub('fleet', ['apply', '-f', '-'], yaml(ROLLOUT))
  await rollout.isUpToDate()
})
afterAll(() => world?.[Symbol.asyncDispose]())

const ROLLOUT: Manifest = {
  apiVersion: 'fleet.flotilla.dev/v1alpha1',
  kind: 'Rollout',
  metadata: { name: 'fleet', namespace: 'flux-system' },
  spec: {
    source: { kind: 'GitRepository', name: 'fleet' },
    waves: [
      { name: 'canary', clusters: { names: ['dev'] } },
      { name: 'rest', rest: true },
    ],
  },
}
const why = async () => (await world.flotilla(['why', 'dev', 'kustomization/apps'])).stdout
/** What the Kustomization `fleet` applies: a Kustomization that applies the app. */
const apps = (interval: string) => yaml(aKustomization('apps', 'fleet', './app', { interval }))

test('a good revision that also changes a Kustomization goes through the waves', async () => {
  const commit = await fleet.commit({ 'fleet/apps.yaml': apps('2h'), 'app/app.yaml': anApp('two') })
  await rollout.runIs('succeeded', commit)
  expect(await versions.all()).toEqual(['two', 'two'])
  await eventually('why says that all is well', async () => (await why()).includes('and Kustomization/flux-system/apps is ready'))
})

test('a Deployment that never becomes available in the canary keeps a revision from the next wave, though all is Ready there', async () => {
  const commit = await fleet.commit({ 'app/app.yaml': anApp('bad', { podLabels: NEVER_READY, deadlineSeconds: 15 }) })
  await versions.is('dev', 'bad')
  const late = await rollout.run(
    'the Deployment is waited for',
    commit,
    ({ message }) => message?.includes('Deployment/default/app') === true,
  )
  expect(late).toMatchObject({ state: 'progressing', message: expect.stringContaining('InProgress') })
  await eventually('the Kustomization is Ready in the cluster', async () => {
    const found = await world.get('dev', 'kustomization', 'apps', 'flux-system')
    return readyOf(found)?.status === 'True' && readyOf(found)?.message.includes(commit)
  })
  await eventually('why names the Deployment', async () => (await why()).includes('Deployment/default/app is InProgress'))
  const stopped = await rollout.runIs('stopped', commit)
  expect(stopped.clusters).toMatchObject({ failed: 1, waiting: 1 })
  expect((await rollout.status()).problems).toMatchObject([
    {
      cluster: 'dev',
      object: 'Kustomization/flux-system/apps',
      reason: 'HealthCheckFailed',
      message: 'Deployment/default/app is Failed: Progress deadline exceeded',
    },
  ])
  const { status } = (await world.get('dev', 'kustomization', 'apps', 'flux-system')) as { status?: { conditions?: { type: string }[] } }
  expect(status?.conditions?.map(({ type }) => type)).toEqual(['Ready'])
  expect(await versions.all()).toEqual(['bad', 'two'])
})

test('the fix goes out though the cluster is unhealthy', async () => {
  const commit = await fleet.commit({ 'app/app.yaml': anApp('three') })
  await rollout.runIs('succeeded', commit)
  expect(await versions.all()).toEqual(['three', 'three'])
})

// What was applied last stood in memory as what is there, and the revert seemed to need no work.
test('what a failed attempt left half done is undone by its revert', async () => {
  const namespace = (tier: string) => yaml({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'half', labels: { tier } } })
  const tierIn = async (cluster: string) => (await world.get(cluster, 'namespace', 'half'))?.metadata.labels?.tier
  await rollout.runIs('succeeded', await fleet.commit({ 'app/half.yaml': namespace('one') }))
  const broken = await fleet.commit({ 'app/half.yaml': namespace('two') + yaml(aConfigMap('Not_A_Name', {})) })
  await rollout.runIs('stopped', broken)
  expect([await tierIn('dev'), await tierIn('production')]).toEqual(['two', 'one'])
  await rollout.runIs('succeeded', await fleet.commit({ 'app/half.yaml': namespace('one') }))
  expect(await tierIn('dev')).toBe('one')
})
