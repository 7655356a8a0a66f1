import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { aConfigMap, aKustomization, yaml } from '../support/flux.ts'
import type { TestRepository } from '../support/git-repository.ts'
import { openWorld, type TestWorld } from '../support/world.ts'

// The flotilla program against a whole fleet: real clusters, hub and agents.

const CLUSTERS = ['staging', 'production']
let world: TestWorld
let fleet: TestRepository
let first: string

beforeAll(async () => {
  world = await openWorld(CLUSTERS)
  fleet = await world.repository('fleet')
  first = await fleet.commit({
    'clusters/staging/app.yaml': yaml(aConfigMap('app', { value: 'one' })),
    'clusters/production/app.yaml': yaml(aConfigMap('app', { value: 'one' })),
    'extra/app.yaml': yaml(aConfigMap('extra', { value: 'one' })),
  })
  for (const cluster of CLUSTERS)
    await eventually(
      `${cluster} is connected`,
      async () => JSON.parse((await flotilla('cluster', 'describe', cluster, '-o', 'json')).stdout).status?.connection?.connected,
    )
})
afterAll(() => world?.[Symbol.asyncDispose]())

const flotilla = (...args: readonly string[]) => world.flotilla(args)
const rows = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => line.split(/\s{2,}/))
const bootstrap = (cluster: string, ...more: readonly string[]) =>
  flotilla(
    'bootstrap',
    'git',
    '--cluster',
    cluster,
    '--url',
    world.url('fleet'),
    '--path',
    `clusters/${cluster}`,
    '--timeout',
    '60s',
    ...more,
  )

test('cluster list shows which clusters are connected; labels choose among them', async () => {
  expect(await flotilla('cluster', 'label', 'staging', 'tier=edge')).toMatchObject({ code: 0 })
  const [head, ...clusters] = rows((await flotilla('cluster', 'list')).stdout)
  expect(head?.slice(0, 5)).toEqual(['NAME', 'CONNECTED', 'READY', 'OBJECTS', 'FAILING'])
  expect(clusters.map(([name, connected]) => `${name} ${connected}`).sort()).toEqual(['production True', 'staging True'])
  const chosen = JSON.parse((await flotilla('cluster', 'list', '-l', 'tier=edge', '-o', 'json')).stdout) as {
    items: { metadata: { name: string } }[]
  }
  expect(chosen.items.map(({ metadata }) => metadata.name)).toEqual(['staging'])
})

test('bootstrap makes the objects of Flux and waits until the cluster has applied the path', async () => {
  for (const cluster of CLUSTERS) {
    const { code, stderr } = await bootstrap(cluster)
    expect(stderr).toContain(`✔ applied revision main@sha1:${first}`)
    expect(code).toBe(0)
  }
  expect(await world.get('staging', 'gitrepository', 'flux-system', 'flux-system')).toMatchObject({
    spec: { interval: '1m0s', url: world.url('fleet'), ref: { branch: 'main' } },
  })
  expect(await world.get('staging', 'kustomization', 'flux-system', 'flux-system')).toMatchObject({
    spec: { interval: '10m0s', path: './clusters/staging', prune: true, sourceRef: { kind: 'GitRepository', name: 'flux-system' } },
  })
  expect(await world.get('production', 'configmap', 'app', 'default')).toMatchObject({ data: { value: 'one' } })
  expect((await bootstrap('staging')).stderr).toContain('✔ GitRepository flux-system unchanged')
})

test('get shows the columns of flux for every cluster at once, or for one', async () => {
  const [head, ...all] = rows((await flotilla('get', 'kustomizations')).stdout)
  expect(head).toEqual(['CLUSTER', 'NAME', 'REVISION', 'SUSPENDED', 'READY', 'MESSAGE'])
  const shown = `main@sha1:${first.slice(0, 8)}`
  expect(all.sort()).toEqual(
    CLUSTERS.toSorted().map((cluster) => [cluster, 'flux-system', shown, 'False', 'True', `Applied revision: ${shown}`]),
  )
  expect(rows((await flotilla('get', 'sources', 'git', '-A', '--cluster', 'staging')).stdout)[1]?.slice(0, 4)).toEqual([
    'staging',
    'flux-system',
    'flux-system',
    shown,
  ])
  expect((await flotilla('get', 'all')).stdout).toMatch(/gitrepository\/flux-system[\s\S]*kustomization\/flux-system/)
  expect(JSON.parse((await flotilla('get', 'ks', 'flux-system', '--cluster', 'staging', '-o', 'json')).stdout)).toMatchObject({
    kind: 'Kustomization',
    status: { lastAppliedRevision: `main@sha1:${first}` },
  })
})

test('a change to what several clusters have wants to know where', async () => {
  for (const verb of ['reconcile', 'suspend', 'resume', 'delete']) {
    const { code, stderr } = await flotilla(verb, 'kustomization', 'flux-system')
    expect(code).toBe(2)
    expect(stderr).toContain('is in 2 clusters: production, staging; say which with --cluster NAME')
  }
})

test('reconcile --with-source waits until the new commit is applied, and says so as flux does', async () => {
  const revision = await fleet.commit({ 'clusters/staging/app.yaml': yaml(aConfigMap('app', { value: 'two' })) })
  const { code, stderr } = await flotilla(
    'reconcile',
    'kustomization',
    'flux-system',
    '--with-source',
    '--cluster',
    'staging',
    '--timeout',
    '60s',
  )
  expect(stderr.trim().split('\n')).toEqual([
    '► annotating GitRepository flux-system in flux-system namespace',
    '✔ GitRepository annotated',
    '◎ waiting for GitRepository reconciliation',
    `✔ fetched revision main@sha1:${revision}`,
    '► annotating Kustomization flux-system in flux-system namespace',
    '✔ Kustomization annotated',
    '◎ waiting for Kustomization reconciliation',
    `✔ applied revision main@sha1:${revision}`,
  ])
  expect(code).toBe(0)
  expect(await world.get('staging', 'configmap', 'app', 'default')).toMatchObject({ data: { value: 'two' } })
})

test('suspend holds an object in every cluster, resume lets it go on', async () => {
  const suspended = await flotilla('suspend', 'kustomization', 'flux-system', '--all-clusters')
  expect(suspended.code).toBe(0)
  expect(suspended.stderr).toContain('staging: ✔ Kustomization suspended')
  expect(suspended.stderr).toContain('production: ✔ Kustomization suspended')
  expect(rows((await flotilla('get', 'ks')).stdout).map((row) => row[3])).toEqual(['SUSPENDED', 'True', 'True'])
  const refused = await flotilla('reconcile', 'ks', 'flux-system', '--cluster', 'staging')
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('is suspended in staging; flotilla resume starts it again') })
  const resumed = await flotilla('resume', 'kustomization', 'flux-system', '--all-clusters', '--timeout', '60s')
  expect(resumed.code).toBe(0)
  expect(resumed.stderr).toMatch(/staging: ✔ applied revision/)
})

test('tree shows what was applied, events what happened', async () => {
  const tree = await flotilla('tree', 'kustomization', 'flux-system', '--cluster', 'staging')
  expect(tree.stdout).toBe('Kustomization/flux-system/flux-system\n└── ConfigMap/default/app\n')
  const events = await eventually('events are known', async () => {
    const { stdout } = await flotilla('events', '--for', 'Kustomization/flux-system', '--cluster', 'staging')
    return stdout.includes('ConfigMap/default/app created') && rows(stdout)
  })
  expect(events[0]).toEqual(['LAST SEEN', 'CLUSTER', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE'])
  expect(events.slice(1).every((row) => row[1] === 'staging' && row[4] === 'Kustomization/flux-system')).toBe(true)
})

test('apply --cluster puts an object into one cluster, delete takes it out with what it applied', async () => {
  const input = yaml(aKustomization('extra', 'flux-system', './extra'))
  const applied = await world.flotilla(['apply', '-f', '-', '--cluster', 'production'], input)
  expect(applied).toMatchObject({ code: 0, stdout: 'kustomization.kustomize.toolkit.fluxcd.io/extra created\n' })
  await eventually('it is applied', () => world.get('production', 'configmap', 'extra', 'default'))
  expect(await world.get('staging', 'kustomization', 'extra', 'flux-system')).toBeUndefined()
  expect(await flotilla('delete', 'kustomization', 'extra')).toMatchObject({ code: 0 })
  await eventually('it is gone', async () => (await world.get('production', 'configmap', 'extra', 'default')) === undefined)
  const nowhere = await world.flotilla(['apply', '-f', '-'], input)
  expect(nowhere).toMatchObject({ code: 2, stderr: expect.stringContaining('lives in a cluster; say which with --cluster') })
})

test('an object that fails ends reconcile with its reason and exit code 1', async () => {
  await fleet.commit({ 'clusters/production/broken.yaml': 'kind: ConfigMap\n  name: [' })
  const failed = await flotilla('reconcile', 'ks', 'flux-system', '--with-source', '--cluster', 'production', '--timeout', '60s')
  expect(failed.code).toBe(1)
  expect(failed.stderr).toMatch(/✗ Kustomization flux-system is not ready: BuildFailed: .*broken\.yaml/)
})

test('a cluster whose agent is away can be read and not written: exit code 4', async () => {
  await world.stop('agent-production')
  expect(await flotilla('get', 'ks', '--cluster', 'production')).toMatchObject({ code: 0 })
  const { code, stderr } = await flotilla('suspend', 'ks', 'flux-system', '--cluster', 'production')
  expect(stderr).toMatch(/^► suspending .*\n✗ .*is not connected; try again when it is/)
  expect(code).toBe(4)
})
