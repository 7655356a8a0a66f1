import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Manifest, refOf } from '../../proto/model/manifest.ts'
import { installAgent, openLoneAgent, plant, plantChart } from '../support/agent.ts'
import { packChart } from '../support/charts.ts'
import { openCluster, type TestCluster } from '../support/cluster.ts'
import { openTempDir, type TempDir } from '../support/temp-dir.ts'

// What wakes a release, and a Kustomization, before its interval is over: all intervals here are of ten minutes.

let cluster: TestCluster
let kubeconfig: string
let dir: TempDir
let dataDir: string
let namespace: string
const WITHIN = { timeout: 30_000, interval: 50 }

beforeAll(async () => {
  cluster = await openCluster({ name: 'helm-watch' })
  kubeconfig = await installAgent(cluster)
})
afterAll(() => cluster[Symbol.asyncDispose]())
beforeEach(async () => {
  namespace = await cluster.createNamespace('watch')
  dir = openTempDir('agent')
  dataDir = join(dir.path, 'data')
  return () => dir[Symbol.asyncDispose]()
})

const put = (...objects: readonly Manifest[]) =>
  cluster.kubectl(['apply', '-f', '-'], { input: objects.map((one) => JSON.stringify(one)).join('\n---\n') })
const read = async (...args: readonly string[]): Promise<Manifest> => JSON.parse(await cluster.kubectl(['get', ...args, '-o', 'json']))
const agent = () => openLoneAgent({ kubeconfig, dataDir })

/** A HelmRelease of the name in `flux-system` whose ConfigMap `app` says a text. */
async function aRelease(name: string, spec: object = {}, targetNamespace = name): Promise<void> {
  const release: Manifest = {
    apiVersion: 'helm.toolkit.fluxcd.io/v2',
    kind: 'HelmRelease',
    metadata: { name, namespace: 'flux-system' },
    spec: {
      interval: '10m',
      releaseName: 'app',
      targetNamespace,
      storageNamespace: targetNamespace,
      chart: { spec: { chart: 'app', version: '*', sourceRef: { kind: 'HelmRepository', name: 'charts' } } },
      values: { deployment: false },
      ...spec,
    },
  }
  const source = { group: 'source.toolkit.fluxcd.io', kind: 'HelmChart', namespace: 'flux-system', name: `flux-system-${name}` }
  const chart = await packChart('app', { 'Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\n' })
  await plantChart(dataDir, source, { release, chart, revision: '1.0.0' })
  await put(release)
}

const condition = async (name: string, type = 'Ready', kind = 'helmrelease') => {
  const { status } = await read(kind, name, '-n', 'flux-system')
  const { conditions = [] } = (status ?? {}) as { conditions?: readonly { type: string; status: string; message: string }[] }
  const found = conditions.find((one) => one.type === type)
  return found && `${found.status} ${found.message}`
}
const text = (of: string, name = 'app') =>
  read('configmap', name, '-n', of).then(
    ({ data }) => (data as { text: string }).text,
    () => undefined,
  )
const change = (of: string, data: object) =>
  cluster.kubectl(['patch', 'configmap', 'app', '-n', of, '--type=merge', '-p', JSON.stringify({ data })])
const events = async (name: string, reason: string): Promise<readonly { readonly count?: number }[]> => {
  const selector = `involvedObject.name=${name},reason=${reason}`
  return JSON.parse(await cluster.kubectl(['get', 'events', '-n', 'flux-system', '--field-selector', selector, '-o', 'json'])).items
}
const config = (kind: 'ConfigMap' | 'Secret', name: string, data: object, isWatched = true): Manifest => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace: 'flux-system', ...(isWatched ? { labels: { 'reconcile.fluxcd.io/watch': 'Enabled' } } : {}) },
  ...(kind === 'Secret' ? { stringData: data } : { data }),
})

test('drift of a release is put back when it happens, each time', async () => {
  await aRelease(namespace, { driftDetection: { mode: 'enabled' } })
  await using _agent = await agent()
  await expect.poll(() => condition(namespace, 'Drifted'), WITHIN).toMatch(/^False/)
  await change(namespace, { text: 'drift' })
  await expect.poll(() => text(namespace), WITHIN).toBe('hello')
  await change(namespace, { text: 'again' })
  await expect.poll(() => text(namespace), WITHIN).toBe('hello')
  await cluster.kubectl(['delete', 'configmap', 'app', '-n', namespace])
  await expect.poll(() => text(namespace), WITHIN).toBe('hello')
  const { managedFields = [] } = (await read('configmap', 'app', '-n', namespace, '--show-managed-fields')).metadata
  expect(managedFields.map(({ manager }) => manager)).toEqual(['helm-controller'])
})

test('drift that is only to be told of is told once per state, at once', async () => {
  await aRelease(namespace, { driftDetection: { mode: 'warn' } })
  await using _agent = await agent()
  await expect.poll(() => condition(namespace, 'Drifted'), WITHIN).toMatch(/^False/)
  await change(namespace, { text: 'drift' })
  await expect.poll(() => condition(namespace, 'Drifted'), WITHIN).toMatch(/^True .*app changed/s)
  await cluster.kubectl(['annotate', 'helmrelease', namespace, '-n', 'flux-system', 'reconcile.fluxcd.io/requestedAt=x'])
  const handled = async () =>
    ((await read('helmrelease', namespace, '-n', 'flux-system')).status as { lastHandledReconcileAt?: string }).lastHandledReconcileAt
  await expect.poll(handled, WITHIN).toBe('x')
  expect(await text(namespace)).toBe('drift')
  await change(namespace, { text: 'hello' })
  await expect.poll(() => condition(namespace, 'Drifted'), WITHIN).toMatch(/^False/)
  await cluster.kubectl(['delete', 'configmap', 'app', '-n', namespace])
  await expect.poll(() => condition(namespace, 'Drifted'), WITHIN).toMatch(/^True .*app removed/s)
  await expect.poll(async () => (await events(namespace, 'DriftDetected')).length, WITHIN).toBe(2)
  expect((await events(namespace, 'DriftDetected')).map(({ count = 1 }) => count)).toEqual([1, 1])
})

test('a release that watches tell of is not looked at for drift at its interval, but on request', async () => {
  await aRelease(namespace, { interval: '1s', driftDetection: { mode: 'enabled' } })
  await using one = await agent()
  const looks = () => one.requests().get('dry-run') ?? 0
  const passes = () => one.requests().get('list') ?? 0
  await expect.poll(() => condition(namespace, 'Drifted'), WITHIN).toMatch(/^False/)
  // The watch begins with the first look, the second one is the last.
  await expect.poll(looks, WITHIN).toBe(2)
  const before = passes()
  await expect.poll(() => passes() - before, WITHIN).toBeGreaterThan(3)
  expect(looks()).toBe(2)
  await cluster.kubectl(['annotate', 'helmrelease', namespace, '-n', 'flux-system', 'reconcile.fluxcd.io/requestedAt=x'])
  await expect.poll(looks, WITHIN).toBe(3)
  await change(namespace, { text: 'drift' })
  await expect.poll(() => text(namespace), WITHIN).toBe('hello')
})

test('a release whose drift nobody looks for is not watched for it', async () => {
  const other = await cluster.createNamespace('watch')
  await aRelease(namespace)
  await aRelease(other, { driftDetection: { mode: 'enabled' } })
  await using one = await agent()
  await expect.poll(() => condition(namespace), WITHIN).toMatch(/^True/)
  await expect.poll(() => condition(other, 'Drifted'), WITHIN).toMatch(/^False/)
  const looks = () => one.requests().get('dry-run') ?? 0
  const before = looks()
  await change(namespace, { text: 'drift' })
  await change(other, { text: 'drift' })
  await expect.poll(() => text(other), WITHIN).toBe('hello')
  expect(await text(namespace)).toBe('drift')
  // Of the release that is put back.
  expect(looks() - before).toBe(1)
})

test('values from a ConfigMap or Secret that asks to be watched are taken up at once, those of others are not', async () => {
  const names = { watched: `${namespace}-text`, secret: `${namespace}-secret`, quiet: `${namespace}-quiet` }
  await put(
    config('ConfigMap', names.watched, { text: 'one' }),
    config('Secret', names.secret, { 'values.yaml': 'password: first' }),
    config('ConfigMap', names.quiet, { 'values.yaml': 'replicas: 1' }, false),
  )
  const valuesFrom = [
    { kind: 'Secret', name: names.secret },
    { kind: 'ConfigMap', name: names.quiet },
    { kind: 'ConfigMap', name: names.watched, valuesKey: 'text', targetPath: 'text' },
    { kind: 'ConfigMap', name: `${namespace}-later`, optional: true },
  ]
  await aRelease(namespace, { valuesFrom })
  await using _agent = await agent()
  await expect.poll(() => condition(namespace), WITHIN).toMatch(/^True .*v1/)
  expect(await text(namespace)).toBe('one')
  await put(config('ConfigMap', names.watched, { text: 'two' }))
  await expect.poll(() => text(namespace), WITHIN).toBe('two')
  const password = async () => ((await read('secret', 'app', '-n', namespace)) as Manifest & { data: { password: string } }).data.password
  await put(config('Secret', names.secret, { 'values.yaml': 'password: second' }))
  await expect.poll(async () => Buffer.from(await password(), 'base64').toString(), WITHIN).toBe('second')
  await expect.poll(() => condition(namespace), WITHIN).toMatch(/^True .*v3/)
  await put(config('ConfigMap', names.quiet, { 'values.yaml': 'deployment: true' }, false))
  await put(config('ConfigMap', `${namespace}-later`, { 'values.yaml': 'revision: x' }))
  await expect.poll(() => condition(namespace), WITHIN).toMatch(/^True .*v4/)
})

test('variables of a Kustomization from a ConfigMap that asks to be watched are taken up at once', async () => {
  const name = `vars-${namespace}`
  const repository: Manifest = {
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'GitRepository',
    metadata: { name: 'fleet', namespace: 'flux-system' },
    spec: { url: 'https://example.com/fleet', interval: '10m' },
  }
  const kustomization: Manifest = {
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    metadata: { name, namespace: 'flux-system' },
    spec: {
      ...{ interval: '10m', path: name, prune: true, sourceRef: { kind: 'GitRepository', name: 'fleet' } },
      postBuild: { substituteFrom: [{ kind: 'ConfigMap', name }] },
    },
  }
  const build = `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app\n  namespace: ${namespace}\ndata:\n  text: \${text}\n`
  await put(repository, config('ConfigMap', name, { text: 'one' }), kustomization)
  await plant(dataDir, refOf(repository), { revision: 'main@sha1:1', consumers: [{ kustomization, build }] })
  await using _agent = await agent()
  await expect.poll(() => text(namespace), WITHIN).toBe('one')
  await expect.poll(() => condition(name, 'Ready', 'kustomization'), WITHIN).toMatch(/^True/)
  await put(config('ConfigMap', name, { text: 'two' }))
  await expect.poll(() => text(namespace), WITHIN).toBe('two')
})
