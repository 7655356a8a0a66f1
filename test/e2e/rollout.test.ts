import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RolloutStatus } from '../../proto/model/fleet/rollout-status.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { eventually } from '../support/eventually.ts'
import { aConfigMap, aGitRepository, aKustomization, yaml } from '../support/flux.ts'
import type { TestRepository } from '../support/git-repository.ts'
import { openWorld, type TestWorld } from '../support/world.ts'

// One repository on three real clusters, and a Rollout that moves its revisions from one to the next.

const CLUSTERS = ['dev', 'staging', 'production']
let world: TestWorld
let fleet: TestRepository

beforeAll(async () => {
  world = await openWorld(CLUSTERS)
  fleet = await world.repository('fleet')
  await fleet.commit({ 'app/app.yaml': app('one') })
  const objects = yaml(
    aGitRepository('fleet', world.url('fleet'), { interval: '2s' }),
    aKustomization('apps', 'fleet', './app', { wait: true, timeout: '5s', retryInterval: '3s' }),
  )
  for (const cluster of CLUSTERS) await world.kubectl(cluster, ['apply', '-f', '-'], objects)
  for (const cluster of CLUSTERS) await versionIs(cluster, 'one')
  await world.viaHub('fleet', ['apply', '-f', '-'], yaml(rollout))
  await eventually('the Rollout took the clusters as they are', async () => (await status()).conditions?.[0]?.reason === 'UpToDate')
})
afterAll(() => world[Symbol.asyncDispose]())

const rollout: Manifest = {
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

function app(version: string, podLabels: Readonly<Record<string, string>> = {}): string {
  return yaml(aConfigMap('app', { version }), {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'app', namespace: 'default' },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: 'app' } },
      template: {
        metadata: { labels: { app: 'app', ...podLabels }, annotations: { version } },
        spec: { containers: [{ name: 'app', image: 'example.com/app:1' }] },
      },
    },
  })
}

const versionOf = async (cluster: string) =>
  ((await world.get(cluster, 'configmap', 'app', 'default')) as { data?: { version?: string } } | undefined)?.data?.version
const versionIs = (cluster: string, version: string) =>
  eventually(`${cluster} has ${version}`, async () => (await versionOf(cluster)) === version)
const versions = async () => Promise.all(CLUSTERS.map(versionOf))
const status = async () =>
  (JSON.parse(await world.viaHub('fleet', ['get', 'rollout', 'fleet', '-n', 'flux-system', '-o', 'json'])) as { status?: RolloutStatus })
    .status ?? {}
const runIs = (state: string, of: string) =>
  eventually(
    `the run of ${of} is ${state}`,
    async () => {
      const { run } = await status()
      return run?.revision.endsWith(of) && run.state === state ? run : undefined
    },
    { timeoutMs: 60_000 },
  )

test('a good revision goes from cluster to cluster, and to production once it is approved', async () => {
  const commit = await fleet.commit({ 'app/app.yaml': app('two') }, { message: 'second version' })
  await versionIs('dev', 'two')
  await versionIs('staging', 'two')
  const pending = await runIs('pending', commit)
  expect(pending).toMatchObject({
    author: expect.stringContaining('Tess'),
    subject: 'second version',
    message: expect.stringContaining('approv'),
  })
  expect(await versions()).toEqual(['two', 'two', 'one'])
  expect((await world.flotilla(['why', 'production', 'kustomization/apps'])).stdout).toContain('its turn in wave production is to come')
  const approved = await world.flotilla(['rollout', 'approve', 'fleet', '--reason', 'looks good'])
  expect(approved).toMatchObject({ code: 0, stderr: expect.stringContaining('wave production') })
  await versionIs('production', 'two')
  await runIs('succeeded', commit)
  expect((await world.flotilla(['rollout', 'status', 'fleet', '--watch'])).stdout).toMatch(/production\s+complete\s+1\s+1/)
  expect(await world.viaHub('fleet', ['get', 'events', '-n', 'flux-system'])).toContain('rollout.run.succeeded')
})

test('a revision whose Deployment never becomes ready in the first cluster is taken back and never goes on', async () => {
  const commit = await fleet.commit({ 'app/app.yaml': app('three', { 'local.flotilla.dev/pod': 'never-ready' }) })
  await versionIs('dev', 'three')
  await runIs('rolled-back', commit)
  await versionIs('dev', 'two')
  expect(await versions()).toEqual(['two', 'two', 'two'])
  expect((await status()).badRevisions).toEqual([expect.stringContaining(commit)])
})

test('a cluster that is offline during a run catches up when it is back', async () => {
  await world.stop('agent-staging')
  const commit = await fleet.commit({ 'app/app.yaml': app('four') })
  await versionIs('dev', 'four')
  await eventually('staging is waited for', async () => (await status()).run?.waves?.[1]?.offline === 1)
  expect(await versions()).toEqual(['four', 'two', 'two'])
  await world.start('agent-staging')
  await versionIs('staging', 'four')
  await runIs('pending', commit)
  await world.flotilla(['rollout', 'approve', 'fleet'])
  await versionIs('production', 'four')
  await runIs('succeeded', commit)
})

test('a hub that is killed in the middle of a wave goes on where it was', async () => {
  await world.stop('agent-dev')
  const commit = await fleet.commit({ 'app/app.yaml': app('killed') })
  await eventually(
    'dev is waited for',
    async () => (await status()).run?.revision.endsWith(commit) && (await status()).run?.waves?.[0]?.offline === 1,
  )
  await world.kill('hub')
  await world.start('hub')
  await world.start('agent-dev')
  await versionIs('dev', 'killed')
  await versionIs('staging', 'killed')
  await runIs('pending', commit)
  expect(await versionOf('production')).not.toBe('killed')
  await world.flotilla(['rollout', 'skip', 'fleet'])
  await versionIs('production', 'killed')
})

test('a rollback by hand goes back everywhere and holds new revisions until it is resumed', async () => {
  const back = await world.flotilla(['rollout', 'rollback', 'fleet', '--reason', 'it is slow'])
  expect(back).toMatchObject({ code: 0, stderr: expect.stringContaining('goes back to') })
  for (const cluster of CLUSTERS) await versionIs(cluster, 'four')
  const commit = await fleet.commit({ 'app/app.yaml': app('five') })
  await eventually('the new revision is recorded', async () => (await status()).newest?.endsWith(commit))
  expect((await status()).hold).toMatchObject({ by: 'admin', reason: 'it is slow' })
  expect(await versions()).toEqual(['four', 'four', 'four'])
  await world.flotilla(['rollout', 'resume', 'fleet'])
  await versionIs('dev', 'five')
})
