import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { aConfigMap, aGitRepository, aKustomization, readyOf, yaml } from '../support/flux.ts'
import type { TestRepository } from '../support/git-repository.ts'
import { openWorld, type TestWorld } from '../support/world.ts'

// The README's first promise: a commit in one repository reaches several clusters, and what happened comes back.

const CLUSTERS = ['staging', 'production']
let world: TestWorld
let fleet: TestRepository

beforeAll(async () => {
  world = await openWorld(CLUSTERS)
  fleet = await world.repository('fleet')
})
afterAll(() => world[Symbol.asyncDispose]())

const applied = (cluster: string, name: string) => async () => {
  const object = await world.get(cluster, 'kustomization', name, 'flux-system')
  const ready = readyOf(object)
  return ready?.status === 'True' ? object : undefined
}
const valueIn = async (cluster: string, name: string) =>
  ((await world.get(cluster, 'configmap', name, 'default')) as { data?: Record<string, string> } | undefined)?.data?.value

async function reconcile(): Promise<void> {
  const at = new Date().toISOString()
  for (const cluster of CLUSTERS)
    await world.viaHub(cluster, [
      'annotate',
      'gitrepository',
      'fleet',
      '-n',
      'flux-system',
      '--overwrite',
      `reconcile.fluxcd.io/requestedAt=${at}`,
    ])
}

test('clusters join and are shown as connected', async () => {
  for (const cluster of CLUSTERS)
    await eventually(
      `${cluster} is connected`,
      async () => (await world.viaHub('fleet', ['get', 'cluster', cluster, '-o', 'jsonpath={.status.connection.connected}'])) === 'true',
    )
})

test('a repository reaches every cluster, and its status is as Flux would write it', async () => {
  const revision = await fleet.commit({
    'apps/one.yaml': yaml(aConfigMap('one', { value: 'first' })),
    'infra/two.yaml': yaml(aConfigMap('two', { value: 'first' })),
  })
  const objects = yaml(
    aGitRepository('fleet', world.url('fleet')),
    aKustomization('apps', 'fleet', './apps'),
    aKustomization('infra', 'fleet', './infra'),
  )
  for (const cluster of CLUSTERS) await world.kubectl(cluster, ['apply', '-f', '-'], objects)
  for (const cluster of CLUSTERS) {
    const object = await eventually(`apps is ready in ${cluster}`, applied(cluster, 'apps'))
    expect(object.status).toMatchObject({
      lastAppliedRevision: `main@sha1:${revision}`,
      observedGeneration: 1,
      inventory: { entries: [{ id: 'default_one__ConfigMap', v: 'v1' }] },
    })
    expect(readyOf(object)?.message).toBe(`Applied revision: main@sha1:${revision}`)
    const source = await world.get(cluster, 'gitrepository', 'fleet', 'flux-system')
    expect(source?.status).toMatchObject({ artifact: { revision: `main@sha1:${revision}` } })
    expect(await valueIn(cluster, 'one')).toBe('first')
  }
})

test('what happened comes back: the hub serves the status of every cluster', async () => {
  const revision = await eventually('the hub knows the revision', async () => {
    const text = await world.viaHub('staging', [
      'get',
      'kustomization',
      'apps',
      '-n',
      'flux-system',
      '-o',
      'jsonpath={.status.lastAppliedRevision}',
    ])
    return text.startsWith('main@sha1:') && text
  })
  const inCluster = (await world.get('staging', 'kustomization', 'apps', 'flux-system'))?.status
  expect(inCluster).toMatchObject({ lastAppliedRevision: revision })
  const table = await world.viaHub('fleet', ['get', '--raw', '/clusters/-/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations'])
  expect((JSON.parse(table) as { items: unknown[] }).items).toHaveLength(4)
})

test('a commit to one directory changes that object everywhere and moves the revision of the others', async () => {
  const revision = await fleet.commit({ 'apps/one.yaml': yaml(aConfigMap('one', { value: 'second' })) })
  await reconcile()
  for (const cluster of CLUSTERS) {
    await eventually(`the change is in ${cluster}`, async () => (await valueIn(cluster, 'one')) === 'second')
    for (const name of ['apps', 'infra'])
      await eventually(`${name} reports the revision in ${cluster}`, async () => {
        const object = await world.get(cluster, 'kustomization', name, 'flux-system')
        return (object?.status as { lastAppliedRevision?: string })?.lastAppliedRevision === `main@sha1:${revision}`
      })
  }
})

test('what somebody changes by hand is put back within a second or so', async () => {
  await world.kubectl('staging', ['patch', 'configmap', 'one', '-n', 'default', '--type=merge', '-p', '{"data":{"value":"by hand"}}'])
  await eventually('the change is undone', async () => (await valueIn('staging', 'one')) === 'second', { timeoutMs: 5000 })
  await world.kubectl('staging', ['delete', 'configmap', 'one', '-n', 'default'])
  await eventually('the object is back', async () => (await valueIn('staging', 'one')) === 'second', { timeoutMs: 5000 })
})

test('what leaves the repository leaves the clusters', async () => {
  await fleet.commit({ 'infra/two.yaml': undefined, 'infra/three.yaml': yaml(aConfigMap('three', { value: 'new' })) })
  await reconcile()
  for (const cluster of CLUSTERS) {
    await eventually(`the new object is in ${cluster}`, async () => (await valueIn(cluster, 'three')) === 'new')
    await eventually(
      `the old one is gone from ${cluster}`,
      async () => (await world.get(cluster, 'configmap', 'two', 'default')) === undefined,
    )
  }
})

test('a broken commit stops its own kustomization with file and line; the last good state stays and others go on', async () => {
  await fleet.commit({
    'apps/broken.yaml': 'kind: ConfigMap\n  name: [',
    'infra/three.yaml': yaml(aConfigMap('three', { value: 'newer' })),
  })
  await reconcile()
  const ready = await eventually('apps says that it cannot be built', async () => {
    const found = readyOf(await world.get('staging', 'kustomization', 'apps', 'flux-system'))
    return found?.status === 'False' && found
  })
  expect(ready.reason).toBe('BuildFailed')
  expect(ready.message).toContain('broken.yaml')
  await eventually('infra goes on', async () => (await valueIn('staging', 'three')) === 'newer')
  expect(await valueIn('staging', 'one')).toBe('second')
  await fleet.commit({ 'apps/broken.yaml': undefined })
  await reconcile()
  await eventually('apps is ready again', applied('staging', 'apps'))
})

test('a Kustomization that is deleted takes its objects along', async () => {
  await world.viaHub('production', ['delete', 'kustomization', 'infra', '-n', 'flux-system', '--wait=false'])
  await eventually('its object is gone', async () => (await world.get('production', 'configmap', 'three', 'default')) === undefined)
  await eventually('it is gone itself', async () => (await world.get('production', 'kustomization', 'infra', 'flux-system')) === undefined)
  await eventually(
    'the hub knows',
    async () =>
      (await world.viaHub('production', ['get', 'kustomizations', '-n', 'flux-system', '-o', 'name'])).trim() ===
      'kustomization.kustomize.toolkit.fluxcd.io/apps',
  )
})
