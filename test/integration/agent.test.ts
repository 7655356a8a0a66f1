import { readdirSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Agent } from '../../agent/app.ts'
import { type Manifest, refOf } from '../../proto/model/manifest.ts'
import { installAgent, openLoneAgent, type Planted, plant } from '../support/agent.ts'
import { openCluster, type TestCluster } from '../support/cluster.ts'
import { openTempDir, type TempDir } from '../support/temp-dir.ts'

let cluster: TestCluster
let kubeconfig: string
let dir: TempDir
let dataDir: string
const WITHIN = { timeout: 20_000, interval: 50 }

beforeAll(async () => {
  cluster = await openCluster({ name: 'agent' })
  kubeconfig = await installAgent(cluster)
})
afterAll(() => cluster[Symbol.asyncDispose]())
beforeEach(() => {
  dir = openTempDir('agent')
  dataDir = join(dir.path, 'data')
  return () => dir[Symbol.asyncDispose]()
})

const repository: Manifest = {
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind: 'GitRepository',
  metadata: { name: 'fleet', namespace: 'flux-system' },
  spec: { url: 'https://example.com/fleet', interval: '1m' },
}
const kustomization = (name: string, spec: object = {}, namespace = 'flux-system'): Manifest => ({
  apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
  kind: 'Kustomization',
  metadata: { name, namespace },
  spec: { interval: '10m', path: name, prune: true, sourceRef: { kind: 'GitRepository', name: 'fleet' }, ...spec },
})
const configMap = (namespace: string, name: string, value: string) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n  namespace: ${namespace}\ndata:\n  key: ${value}\n`
const put = (...objects: readonly Manifest[]) =>
  cluster.kubectl(['apply', '-f', '-'], { input: objects.map((one) => JSON.stringify(one)).join('\n---\n') })
const read = async (...args: readonly string[]): Promise<Manifest> => JSON.parse(await cluster.kubectl(['get', ...args, '-o', 'json']))
const value = (namespace: string, name: string) =>
  read('configmap', name, '-n', namespace).then(
    ({ data }) => (data as { key: string }).key,
    () => undefined,
  )
const ready = async (name: string, namespace = 'flux-system') => {
  const { status } = await read('kustomization', name, '-n', namespace)
  const found = (status as { conditions?: readonly { type: string; status: string; reason: string; message: string }[] })?.conditions?.find(
    ({ type }) => type === 'Ready',
  )
  return found && `${found.status} ${found.reason} ${found.message}`
}
const planted = (consumers: readonly Planted[], revision = 'main@sha1:1') => plant(dataDir, refOf(repository), { revision, consumers })
const agent = (): Promise<Agent> => openLoneAgent({ kubeconfig, dataDir })

test('applies what it holds under the platform identity, with status and inventory as Flux writes them', async () => {
  const namespace = await cluster.createNamespace('agent')
  const apps = kustomization(`apps-${namespace}`)
  await put(repository, apps)
  await planted([{ kustomization: apps, build: configMap(namespace, 'one', 'v1') }])
  await using _agent = await agent()
  await expect.poll(() => value(namespace, 'one'), WITHIN).toBe('v1')
  await expect.poll(() => ready(apps.metadata.name), WITHIN).toBe('True ReconciliationSucceeded Applied revision: main@sha1:1')
  const { status, metadata } = await read('kustomization', apps.metadata.name, '-n', 'flux-system')
  expect(status).toMatchObject({
    lastAppliedRevision: 'main@sha1:1',
    lastAttemptedRevision: 'main@sha1:1',
    observedGeneration: 1,
    inventory: { entries: [{ id: `${namespace}_one__ConfigMap`, v: 'v1' }] },
  })
  expect(metadata.finalizers).toEqual(['finalizers.fluxcd.io'])
})

test('undoes drift within a second, and puts back what was deleted', async () => {
  const namespace = await cluster.createNamespace('agent')
  const apps = kustomization(`apps-${namespace}`)
  await put(repository, apps)
  await planted([{ kustomization: apps, build: configMap(namespace, 'one', 'v1') }])
  await using _agent = await agent()
  await expect.poll(() => ready(apps.metadata.name), WITHIN).toMatch(/^True/)
  await cluster.kubectl(['patch', 'configmap', 'one', '-n', namespace, '--type=merge', '-p', '{"data":{"key":"drift"}}'])
  await expect.poll(() => value(namespace, 'one'), WITHIN).toBe('v1')
  await cluster.kubectl(['delete', 'configmap', 'one', '-n', namespace])
  await expect.poll(() => value(namespace, 'one'), WITHIN).toBe('v1')
})

test('waits for dependencies, and for health, which it reports when it fails', async () => {
  const namespace = await cluster.createNamespace('agent')
  const infra = kustomization(`infra-${namespace}`, { wait: true, timeout: '3s', retryInterval: '1h' })
  const apps = kustomization(`apps-${namespace}`, { dependsOn: [{ name: infra.metadata.name }] })
  const claim = `apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: data\n  namespace: ${namespace}\nspec:\n  storageClassName: none\n  accessModes: [ReadWriteOnce]\n  resources:\n    requests:\n      storage: 1Gi\n`
  await put(repository, infra, apps)
  await planted([
    { kustomization: infra, build: claim },
    { kustomization: apps, build: configMap(namespace, 'app', 'v1') },
  ])
  await using _agent = await agent()
  await expect
    .poll(() => ready(apps.metadata.name), WITHIN)
    .toBe(`False DependencyNotReady dependency 'flux-system/${infra.metadata.name}' is not ready`)
  await expect
    .poll(() => ready(infra.metadata.name), WITHIN)
    .toMatch(/^False HealthCheckFailed health check failed after .*timeout waiting for: \[PersistentVolumeClaim\//)
  expect(await value(namespace, 'app')).toBeUndefined()
  await cluster.kubectl([
    'patch',
    'kustomization',
    infra.metadata.name,
    '-n',
    'flux-system',
    '--type=merge',
    '-p',
    '{"spec":{"wait":false}}',
  ])
  await expect.poll(() => ready(apps.metadata.name), WITHIN).toMatch(/^True/)
  expect(await value(namespace, 'app')).toBe('v1')
})

test('prunes what left the build, and everything with the Kustomization', async () => {
  const namespace = await cluster.createNamespace('agent')
  const apps = kustomization(`apps-${namespace}`)
  await put(repository, apps)
  await planted([{ kustomization: apps, build: `${configMap(namespace, 'one', 'v1')}---\n${configMap(namespace, 'two', 'v1')}` }])
  {
    await using _agent = await agent()
    await expect.poll(() => value(namespace, 'two'), WITHIN).toBe('v1')
    await expect.poll(() => ready(apps.metadata.name), WITHIN).toMatch(/^True/)
  }
  await planted([{ kustomization: apps, build: configMap(namespace, 'one', 'v2') }], 'main@sha1:2')
  await using _again = await agent()
  await expect.poll(() => value(namespace, 'two'), WITHIN).toBeUndefined()
  await expect.poll(() => ready(apps.metadata.name), WITHIN).toBe('True ReconciliationSucceeded Applied revision: main@sha1:2')
  await cluster.kubectl(['delete', 'kustomization', apps.metadata.name, '-n', 'flux-system', '--timeout=20s'])
  expect(await value(namespace, 'one')).toBeUndefined()
})

test('lets a Kustomization go whose ServiceAccount is gone, and says so', async () => {
  const namespace = await cluster.createNamespace('agent')
  const apps = kustomization(`apps-${namespace}`, { serviceAccountName: 'deployer' })
  await cluster.kubectl(['create', 'serviceaccount', 'deployer', '-n', 'flux-system'])
  await cluster.kubectl([
    'create',
    'rolebinding',
    'deployer',
    '--clusterrole=admin',
    '--serviceaccount=flux-system:deployer',
    '-n',
    namespace,
  ])
  await put(repository, apps)
  await planted([{ kustomization: apps, build: configMap(namespace, 'one', 'v1') }])
  await using _agent = await agent()
  await expect.poll(() => ready(apps.metadata.name), WITHIN).toMatch(/^True/)
  await cluster.kubectl(['delete', 'serviceaccount', 'deployer', '-n', 'flux-system'])
  await cluster.kubectl(['delete', 'kustomization', apps.metadata.name, '-n', 'flux-system', '--timeout=20s'])
  expect(await value(namespace, 'one')).toBe('v1')
})

test('applies with no more rights than the ServiceAccount has, in Kubernetes own words', async () => {
  const namespace = await cluster.createNamespace('agent')
  const apps = kustomization(`apps-${namespace}`, { serviceAccountName: `weak-${namespace}` })
  await cluster.kubectl(['create', 'serviceaccount', `weak-${namespace}`, '-n', 'flux-system'])
  await put(repository, apps)
  await planted([{ kustomization: apps, build: configMap(namespace, 'one', 'v1') }])
  await using _agent = await agent()
  const words = `User "system:serviceaccount:flux-system:weak-${namespace}" cannot patch resource "configmaps"`
  await expect.poll(() => ready(apps.metadata.name), WITHIN).toMatch(/^False ReconciliationFailed/)
  expect(await ready(apps.metadata.name)).toContain(words)
})

test('after a restart without the hub it asks for nothing that watches tell, and still corrects drift', async () => {
  const namespace = await cluster.createNamespace('agent')
  const apps = kustomization(`apps-${namespace}`)
  await put(repository, apps)
  await planted([{ kustomization: apps, build: configMap(namespace, 'one', 'v1') }])
  {
    await using _agent = await agent()
    await expect.poll(() => ready(apps.metadata.name), WITHIN).toMatch(/^True/)
  }
  await cluster.kubectl(['patch', 'configmap', 'one', '-n', namespace, '--type=merge', '-p', '{"data":{"key":"drift"}}'])
  await using again = await agent()
  await expect.poll(() => value(namespace, 'one'), WITHIN).toBe('v1')
  const { resourceVersion } = (await read('kustomization', apps.metadata.name, '-n', 'flux-system')).metadata
  expect(again.requests().get('apply')).toBe(1)
  expect((await read('kustomization', apps.metadata.name, '-n', 'flux-system')).metadata.resourceVersion).toBe(resourceVersion)
})

test('a bundle on disk that is cut short is refused and not applied', async () => {
  const namespace = await cluster.createNamespace('agent')
  const apps = kustomization(`apps-${namespace}`)
  await put(repository, apps)
  await planted([{ kustomization: apps, build: configMap(namespace, 'one', 'v1') }])
  const bundles = join(dataDir, 'bundles')
  for (const file of readdirSync(bundles)) truncateSync(join(bundles, file), 30)
  await using _agent = await agent()
  await expect.poll(() => readdirSync(bundles), WITHIN).toEqual([])
  expect(await value(namespace, 'one')).toBeUndefined()
  expect(await ready(apps.metadata.name)).toBeUndefined()
})

test('of two agents one acts, and the other takes over when it goes or dies', async () => {
  const namespace = await cluster.createNamespace('agent')
  const apps = kustomization(`apps-${namespace}`)
  await put(repository, apps)
  await planted([{ kustomization: apps, build: configMap(namespace, 'one', 'v1') }])
  const first = await agent()
  await expect.poll(() => first.state(), WITHIN).toBe('acting')
  const lease = { durationMs: 3_000, renewMs: 500 }
  await using second = await openLoneAgent({ kubeconfig, dataDir: join(dir.path, 'second'), lease })
  await expect.poll(() => value(namespace, 'one'), WITHIN).toBe('v1')
  expect(second.state()).toBe('waiting')
  expect([...second.requests().keys()].toSorted()).toEqual(['discover', 'get'])
  await first[Symbol.asyncDispose]()
  await expect.poll(() => second.state(), { timeout: 5_000 }).toBe('acting')
  await cluster.kubectl([
    'patch',
    'lease',
    'flotilla-agent',
    '-n',
    'flotilla-system',
    '--type=merge',
    '-p',
    '{"spec":{"holderIdentity":"somebody"}}',
  ])
  await expect.poll(() => second.state(), { timeout: 5_000 }).toBe('waiting')
  await expect.poll(() => second.state(), { timeout: 10_000 }).toBe('acting')
})

/** A CustomResourceDefinition of a group, and an object of its kind. */
const custom = (group: string, kind: string) => {
  const name = kind.toLowerCase()
  const names = { plural: `${name}s`, singular: name, kind }
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }
  const spec = { group, names, scope: 'Cluster', versions: [{ name: 'v1', served: true, storage: true, schema }] }
  return [
    { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `${name}s.${group}` }, spec },
    { apiVersion: `${group}/v1`, kind, metadata: { name }, spec: {} },
  ]
}

test('healthCheckExprs for a group judge all of its kinds, and readyExpr lets on what is not Ready', async () => {
  const namespace = await cluster.createNamespace('agent')
  const group = `${namespace}.example.com`
  const judged = { apiVersion: `${group}/v1`, current: "'well' in metadata.labels" }
  const infra = kustomization(`infra-${namespace}`, { wait: true, timeout: '3s', retryInterval: '1s', healthCheckExprs: [judged] })
  const dependsOn = [{ name: infra.metadata.name, readyExpr: "'go' in dep.metadata.labels" }]
  const apps = kustomization(`apps-${namespace}`, { dependsOn })
  const broken = kustomization(`broken-${namespace}`, { healthCheckExprs: [{ ...judged, kind: 'Foo', current: 'metadata.' }] })
  await put(repository, infra, apps, broken)
  const build = [...custom(group, 'Foo'), ...custom(group, 'Bar')].map((one) => JSON.stringify(one)).join('\n---\n')
  await planted([
    { kustomization: infra, build },
    { kustomization: apps, build: configMap(namespace, 'one', 'v1') },
    { kustomization: broken, build: configMap(namespace, 'broken', 'v1') },
  ])
  await using _agent = await agent()
  await expect
    .poll(() => ready(broken.metadata.name), WITHIN)
    .toMatch(/^False InvalidCELExpression .*healthchecks\[0\]: failed to parse the expression Current/)
  await cluster.kubectl(['wait', '--for=create', `foos.${group}/foo`, '--timeout=20s'])
  // As a controller would: what kubectl sets is undone.
  const heal = (object: string) => cluster.kubectl(['label', object, 'well=yes', '--field-manager=healer'])
  await heal(`foos.${group}/foo`)
  await expect
    .poll(() => ready(infra.metadata.name), WITHIN)
    .toMatch(/^False HealthCheckFailed .*timeout waiting for: \[Bar\/bar status: 'InProgress'\]/)
  expect(await ready(apps.metadata.name)).toMatch(
    /^False DependencyNotReady dependency '.*' is not ready according to readyExpr eval|^False DependencyNotReady failed to evaluate/,
  )
  await cluster.kubectl(['label', 'kustomization', infra.metadata.name, '-n', 'flux-system', 'go=yes'])
  await expect.poll(() => value(namespace, 'one'), WITHIN).toBe('v1')
  await heal(`bars.${group}/bar`)
  await expect.poll(() => ready(infra.metadata.name), WITHIN).toBe('True ReconciliationSucceeded Applied revision: main@sha1:1')
  expect(await value(namespace, 'broken')).toBeUndefined()
})
