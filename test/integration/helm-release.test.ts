import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Agent } from '../../agent/app.ts'
import { openHelm } from '../../agent/helm/io/program.ts'
import { serviceAccount } from '../../agent/kube/subject.ts'
import { kubeconfigTarget } from '../../agent/kube/target.ts'
import { toolPath } from '../../deploy/tools/tools.mjs'
import { systemClock } from '../../proto/base/clock.ts'
import { HelmPool } from '../../proto/helm/pool.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import type { ObjectRef } from '../../proto/model/object-ref.ts'
import { installAgent, openLoneAgent, plantChart } from '../support/agent.ts'
import { type ChartFiles, packChart, writeChart } from '../support/charts.ts'
import { openCluster, type TestCluster } from '../support/cluster.ts'
import { openTempDir, type TempDir } from '../support/temp-dir.ts'

let cluster: TestCluster
let kubeconfig: string
let dir: TempDir
let dataDir: string
const WITHIN = { timeout: 40_000, interval: 100 }

beforeAll(async () => {
  cluster = await openCluster({ name: 'helm-release' })
  kubeconfig = await installAgent(cluster)
})
afterAll(() => cluster[Symbol.asyncDispose]())
beforeEach(() => {
  dir = openTempDir('agent')
  dataDir = join(dir.path, 'data')
  return () => dir[Symbol.asyncDispose]()
})

interface Wanted {
  readonly chart?: string
  readonly files?: ChartFiles
  readonly version?: string
  readonly spec?: object
  readonly values?: object
}

const chartFile = (name: string, version: string) => ({
  'Chart.yaml': `apiVersion: v2\nname: ${name}\nversion: ${version}\nappVersion: "9"\n`,
})
const put = (...objects: readonly Manifest[]) =>
  cluster.kubectl(['apply', '-f', '-'], { input: objects.map((one) => JSON.stringify(one)).join('\n---\n') })
const read = async (...args: readonly string[]): Promise<Manifest> => JSON.parse(await cluster.kubectl(['get', ...args, '-o', 'json']))

/** A HelmRelease `app` in `flux-system` that releases into a namespace, with its chart as the hub would have said. */
async function aRelease(namespace: string, wanted: Wanted = {}) {
  const { chart = 'app', version = '1.0.0', values = { deployment: false }, spec } = wanted
  const release: Manifest = {
    apiVersion: 'helm.toolkit.fluxcd.io/v2',
    kind: 'HelmRelease',
    metadata: { name: namespace, namespace: 'flux-system' },
    spec: {
      interval: '10m',
      releaseName: 'app',
      targetNamespace: namespace,
      storageNamespace: namespace,
      chart: { spec: { chart, version: '*', sourceRef: { kind: 'HelmRepository', name: 'charts' } } },
      values,
      ...spec,
    },
  }
  const source: ObjectRef = {
    group: 'source.toolkit.fluxcd.io',
    kind: 'HelmChart',
    namespace: 'flux-system',
    name: `flux-system-${namespace}`,
  }
  await plantChart(dataDir, source, {
    release,
    chart: await packChart(chart, { ...chartFile(chart, version), ...wanted.files }),
    revision: version,
  })
  await put(release)
  return release
}

const agent = (): Promise<Agent> => openLoneAgent({ kubeconfig, dataDir })
interface Status {
  readonly conditions?: readonly { type: string; status: string; reason: string; message: string }[]
  readonly history?: readonly { version: number; status: string; chartVersion: string; digest: string }[]
  readonly [member: string]: unknown
}
const statusOf = async (name: string): Promise<Status> => ((await read('helmrelease', name, '-n', 'flux-system')).status ?? {}) as Status
const condition = async (name: string, type = 'Ready') => {
  const found = (await statusOf(name)).conditions?.find((one) => one.type === type)
  return found && `${found.status} ${found.reason} ${found.message}`
}
const text = (namespace: string, name = 'app') =>
  read('configmap', name, '-n', namespace).then(
    ({ data }) => (data as { text: string }).text,
    () => undefined,
  )
const stored = async (namespace: string) =>
  JSON.parse(await cluster.kubectl(['get', 'secret', '-n', namespace, '-l', 'owner=helm', '-o', 'json'])).items.map(
    ({ metadata: { labels } }: Manifest) => `${labels?.version} ${labels?.status}`,
  ) as readonly string[]

interface Payload {
  readonly info: object
}
const unpacked = (text: string): Payload => JSON.parse(gunzipSync(Buffer.from(Buffer.from(text, 'base64').toString(), 'base64')).toString())
const packed = (payload: object) => Buffer.from(gzipSync(JSON.stringify(payload)).toString('base64')).toString('base64')

test('installs a chart under the platform identity, with status and storage as Flux writes them', async () => {
  const namespace = await cluster.createNamespace('helm')
  await aRelease(namespace, { values: { deployment: false, text: 'one' } })
  await using _agent = await agent()
  await expect
    .poll(() => condition(namespace), WITHIN)
    .toMatch(/^True InstallSucceeded Helm install succeeded for release .*\/app.v1 with chart app@1.0.0/)
  expect(await text(namespace)).toBe('one')
  expect(await stored(namespace)).toEqual(['1 deployed'])
  const status = await statusOf(namespace)
  expect(status).toMatchObject({
    observedGeneration: 1,
    helmChart: `flux-system/flux-system-${namespace}`,
    storageNamespace: namespace,
    lastAttemptedRevision: '1.0.0',
    lastAttemptedReleaseAction: 'install',
    history: [{ name: 'app', namespace, version: 1, status: 'deployed', chartName: 'app', chartVersion: '1.0.0', appVersion: '9' }],
    inventory: { entries: [{ id: `${namespace}_app__ConfigMap`, v: 'v1' }] },
  })
  const chart = await read('helmchart', `flux-system-${namespace}`, '-n', 'flux-system')
  expect(chart.spec).toMatchObject({ chart: 'app', version: '*', sourceRef: { kind: 'HelmRepository', name: 'charts' }, interval: '10m' })
})

const patch = (name: string, spec: object) =>
  cluster.kubectl(['patch', 'helmrelease', name, '-n', 'flux-system', '--type=merge', '-p', JSON.stringify({ spec })])
const annotate = (name: string, annotations: object) =>
  cluster.kubectl(['patch', 'helmrelease', name, '-n', 'flux-system', '--type=merge', '-p', JSON.stringify({ metadata: { annotations } })])

test('other values are an upgrade; a deleted HelmRelease takes its release and its HelmChart along', async () => {
  const namespace = await cluster.createNamespace('helm')
  await aRelease(namespace, { values: { deployment: false, text: 'one' } })
  await using _agent = await agent()
  await expect.poll(() => text(namespace), WITHIN).toBe('one')
  await expect.poll(() => condition(namespace), WITHIN).toMatch(/^True/)
  await patch(namespace, { values: { text: 'two' } })
  await expect
    .poll(() => condition(namespace), WITHIN)
    .toMatch(/^True UpgradeSucceeded Helm upgrade succeeded for release .*\/app.v2 with chart app@1.0.0/)
  expect(await text(namespace)).toBe('two')
  expect((await statusOf(namespace)).history?.map(({ version, status }) => `${version} ${status}`)).toEqual(['2 deployed', '1 superseded'])
  await cluster.kubectl(['delete', 'helmrelease', namespace, '-n', 'flux-system', '--timeout=30s'])
  expect(await text(namespace)).toBeUndefined()
  expect(await stored(namespace)).toEqual([])
  await expect(read('helmchart', `flux-system-${namespace}`, '-n', 'flux-system')).rejects.toThrow(/not found/)
})

test('an upgrade that fails is rolled back, tried as often as allowed, and then given up until something changes', async () => {
  const namespace = await cluster.createNamespace('helm')
  await aRelease(namespace, { chart: 'hooks', values: { text: 'good' }, spec: { upgrade: { remediation: { retries: 1 } } } })
  await using _agent = await agent()
  await expect.poll(() => condition(namespace), WITHIN).toMatch(/^True InstallSucceeded/)
  await patch(namespace, { values: { before: 'fails', text: 'bad' } })
  await expect.poll(() => condition(namespace, 'Stalled'), WITHIN).toBe('True RetriesExceeded Failed to upgrade after 2 attempt(s)')
  expect(await condition(namespace, 'Remediated')).toMatch(
    /^True RollbackSucceeded Helm rollback to previous release .* with chart hooks@1.0.0 succeeded/,
  )
  expect(await condition(namespace)).toMatch(/^False/)
  expect(await text(namespace)).toBe('good')
  expect((await statusOf(namespace)).upgradeFailures).toBe(2)
  await patch(namespace, { values: { before: 'succeeds', text: 'better' } })
  await expect.poll(() => condition(namespace), WITHIN).toMatch(/^True UpgradeSucceeded/)
  expect(await text(namespace)).toBe('better')
  expect((await statusOf(namespace)).upgradeFailures).toBeUndefined()
})

test('an install that fails is given up after its retries; a request to reset tries it again', async () => {
  const namespace = await cluster.createNamespace('helm')
  await aRelease(namespace, { chart: 'hooks', values: { before: 'fails' } })
  await using _agent = await agent()
  await expect.poll(() => condition(namespace, 'Stalled'), WITHIN).toBe('True RetriesExceeded Failed to install after 1 attempt(s)')
  expect(await condition(namespace, 'Released')).toMatch(
    /^False InstallFailed Helm install failed for release .*\/app with chart hooks@1.0.0: /,
  )
  const before = await stored(namespace)
  await annotate(namespace, { 'reconcile.fluxcd.io/requestedAt': 'x', 'reconcile.fluxcd.io/resetAt': 'x' })
  await expect.poll(() => stored(namespace), WITHIN).not.toEqual(before)
  await expect.poll(async () => (await statusOf(namespace)).lastHandledReconcileAt, WITHIN).toBe('x')
  expect((await statusOf(namespace)).lastHandledResetAt).toBe('x')
})

test('runs tests, and remedies a release whose tests fail', async () => {
  const namespace = await cluster.createNamespace('helm')
  await aRelease(namespace, {
    chart: 'tests',
    values: {},
    spec: { test: { enable: true }, upgrade: { remediation: { remediateLastFailure: true } } },
  })
  await using _agent = await agent()
  await expect
    .poll(() => condition(namespace), WITHIN)
    .toMatch(/^True TestSucceeded Helm test succeeded for release .*: 2 test hooks completed successfully/)
  await patch(namespace, { values: { fail: true } })
  await expect.poll(() => condition(namespace, 'Stalled'), WITHIN).toBe('True RetriesExceeded Failed to upgrade after 1 attempt(s)')
  expect(await condition(namespace, 'TestSuccess')).toMatch(/^False TestFailed/)
  expect(await condition(namespace, 'Remediated')).toMatch(/^True RollbackSucceeded/)
})

test('a forced request upgrades what is in order', async () => {
  const namespace = await cluster.createNamespace('helm')
  await aRelease(namespace)
  await using _agent = await agent()
  await expect.poll(() => condition(namespace), WITHIN).toMatch(/^True InstallSucceeded/)
  await annotate(namespace, { 'reconcile.fluxcd.io/requestedAt': 'x', 'reconcile.fluxcd.io/forceAt': 'x' })
  await expect.poll(() => stored(namespace), WITHIN).toEqual(['1 superseded', '2 deployed'])
  await expect.poll(async () => (await statusOf(namespace)).lastHandledForceAt, WITHIN).toBe('x')
})

test('drift is put back, but for what may be ignored', async () => {
  const namespace = await cluster.createNamespace('helm')
  const ignore = [{ paths: ['/data/revision'], target: { kind: 'ConfigMap' } }]
  await aRelease(namespace, {
    values: { deployment: false, text: 'one' },
    spec: { interval: '2s', driftDetection: { mode: 'enabled', ignore } },
  })
  await using _agent = await agent()
  await expect.poll(() => condition(namespace), WITHIN).toMatch(/^True/)
  await cluster.kubectl(['patch', 'configmap', 'app', '-n', namespace, '--type=merge', '-p', '{"data":{"text":"drift","revision":"ours"}}'])
  await expect.poll(() => text(namespace), WITHIN).toBe('one')
  expect((await read('configmap', 'app', '-n', namespace)).data).toMatchObject({ revision: 'ours' })
  await cluster.kubectl(['delete', 'configmap', 'app', '-n', namespace])
  await expect.poll(() => text(namespace), WITHIN).toBe('one')
  expect(await stored(namespace)).toEqual(['1 deployed'])
  expect((await read('configmap', 'app', '-n', namespace)).metadata.annotations).toMatchObject({ 'meta.helm.sh/release-name': 'app' })
  await expect
    .poll(() => cluster.kubectl(['get', 'events', '-n', 'flux-system', '--field-selector', `involvedObject.name=${namespace}`]), WITHIN)
    .toMatch(/DriftCorrected/)
})

test('heals a release that was left in the middle of an upgrade, and says so', async () => {
  const namespace = await cluster.createNamespace('helm')
  await aRelease(namespace, { values: { deployment: false, text: 'one' } })
  {
    await using _agent = await agent()
    await expect.poll(() => condition(namespace), WITHIN).toMatch(/^True/)
  }
  // As helm leaves it when it is killed.
  const at = ['secret', 'sh.helm.release.v1.app.v1', '-n', namespace]
  const { data } = (await read(...at)) as Manifest & { data: { release: string } }
  const release = unpacked(data.release)
  const pending = { ...release, info: { ...release.info, status: 'pending-upgrade' } }
  const body = { metadata: { labels: { status: 'pending-upgrade' } }, data: { release: packed(pending) } }
  await cluster.kubectl(['patch', ...at, '--type=merge', '-p', JSON.stringify(body)])
  await patch(namespace, { values: { text: 'two' } })
  await using _agent = await agent()
  await expect.poll(() => text(namespace), WITHIN).toBe('two')
  await expect.poll(() => condition(namespace), WITHIN).toMatch(/^True UpgradeSucceeded/)
  await expect.poll(() => stored(namespace), WITHIN).toEqual(['1 superseded', '2 deployed'])
  await expect
    .poll(() => cluster.kubectl(['get', 'events', '-n', 'flux-system', '--field-selector', `involvedObject.name=${namespace}`]), WITHIN)
    .toMatch(/Unlocked Helm release .*\/app.v1 with chart app@1.0.0 in pending-upgrade state/)
})

test('values of Secrets make the release and show up nowhere else', async () => {
  const namespace = await cluster.createNamespace('helm')
  const secret = 'correct-horse-battery'
  const values = Buffer.from(`password: ${secret}\n`).toString('base64')
  await put(
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: `${namespace}-values`, namespace: 'flux-system' },
      data: { 'values.yaml': values },
    },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `${namespace}-text`, namespace: 'flux-system' }, data: { text: '5' } },
  )
  const valuesFrom = [
    { kind: 'Secret', name: `${namespace}-values` },
    { kind: 'ConfigMap', name: `${namespace}-text`, valuesKey: 'text', targetPath: 'text', literal: true },
    { kind: 'ConfigMap', name: 'nobody', optional: true },
  ]
  await aRelease(namespace, { values: { deployment: false, text: 'inline' }, spec: { valuesFrom } })
  await using _agent = await agent()
  await expect.poll(() => condition(namespace), WITHIN).toMatch(/^True/)
  expect(await text(namespace)).toBe('5')
  const made = (await read('secret', 'app', '-n', namespace)) as Manifest & { data: { password: string } }
  expect(Buffer.from(made.data.password, 'base64').toString()).toBe(secret)
  const told = [
    await cluster.kubectl(['get', 'helmrelease', namespace, '-n', 'flux-system', '-o', 'yaml']),
    await cluster.kubectl(['get', 'events', '-A', '-o', 'yaml']),
  ]
  expect(told.join('\n')).not.toContain(secret)
})

test('says what it waits for, and what of its values is missing', async () => {
  const namespace = await cluster.createNamespace('helm')
  await aRelease(namespace, { spec: { valuesFrom: [{ kind: 'ConfigMap', name: 'nobody' }] } })
  const later = await aRelease(await cluster.createNamespace('helm'), { spec: { dependsOn: [{ name: namespace }] } })
  await using _agent = await agent()
  await expect
    .poll(() => condition(namespace), WITHIN)
    .toBe("False ValuesError could not resolve chart values: ConfigMap 'nobody': not found")
  await expect
    .poll(() => condition(later.metadata.name), WITHIN)
    .toBe(`False DependencyNotReady dependency 'flux-system/${namespace}' is not ready`)
  await put({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'nobody', namespace: 'flux-system' },
    data: { 'values.yaml': 'text: found' },
  })
  await annotate(namespace, { 'reconcile.fluxcd.io/requestedAt': 'again' })
  await expect.poll(() => text(namespace), WITHIN).toBe('found')
  await expect.poll(() => condition(later.metadata.name), WITHIN).toMatch(/^True/)
})

test('takes over a release that somebody made by hand, and brings it to the wanted values', async () => {
  const namespace = await cluster.createNamespace('helm')
  await using pool = new HelmPool({ program: toolPath('flotilla-helm'), tempDir: dir.path })
  await cluster.kubectl(['create', 'serviceaccount', 'somebody', '-n', namespace])
  await cluster.kubectl([
    'create',
    'rolebinding',
    'somebody',
    '-n',
    namespace,
    '--clusterrole=admin',
    `--serviceaccount=${namespace}:somebody`,
  ])
  const somebody = openHelm({ target: await kubeconfigTarget(cluster.kubeconfig, systemClock), pool })(
    serviceAccount(namespace, 'somebody'),
  )
  const made = await somebody.run(
    {
      action: 'install',
      release: { name: 'app', namespace, storageNamespace: namespace },
      chart: { path: await writeChart(dir.path, 'app', chartFile('app', '1.0.0')) },
      values: { deployment: false, text: 'by hand' },
      options: { timeoutMs: 10_000, wait: 'watcher', serverSideApply: 'enabled', crds: 'Create' },
    },
    { signal: AbortSignal.timeout(60_000), deadlineMs: 60_000 },
  )
  expect(made.kind).toBe('done')
  await aRelease(namespace, { values: { deployment: false, text: 'wanted' } })
  await using _agent = await agent()
  await expect.poll(() => condition(namespace), WITHIN).toMatch(/^True UpgradeSucceeded/)
  expect(await text(namespace)).toBe('wanted')
  expect((await statusOf(namespace)).history?.map(({ version, status }) => `${version} ${status}`)).toEqual(['2 deployed'])
  // What has a digest that Flux would make of it needs no upgrade when it is given back and taken over again.
  expect(await stored(namespace)).toEqual(['1 superseded', '2 deployed'])
})

test('an agent that is stopped in the middle of an upgrade goes on with it when it comes back', async () => {
  const namespace = await cluster.createNamespace('helm')
  await aRelease(namespace, { chart: 'hooks', values: { text: 'one' } })
  {
    await using _agent = await agent()
    await expect.poll(() => condition(namespace), WITHIN).toMatch(/^True InstallSucceeded/)
    await patch(namespace, { values: { before: 'never ends', text: 'two' } })
    await expect.poll(() => stored(namespace), WITHIN).toContainEqual('2 pending-upgrade')
  }
  await patch(namespace, { values: { before: 'succeeds' } })
  await using _again = await agent()
  await expect.poll(() => condition(namespace), WITHIN).toMatch(/^True UpgradeSucceeded/)
  expect(await text(namespace)).toBe('two')
  expect((await stored(namespace)).at(-1)).toBe('3 deployed')
})

test('other names of the release and the namespace take the old release away first', async () => {
  const [namespace, other] = [await cluster.createNamespace('helm'), await cluster.createNamespace('helm')]
  await aRelease(namespace)
  await using _agent = await agent()
  await expect.poll(() => condition(namespace), WITHIN).toMatch(/^True InstallSucceeded/)
  await patch(namespace, { targetNamespace: other, storageNamespace: other })
  await expect.poll(() => text(other), WITHIN).toBe('hello')
  expect(await text(namespace)).toBeUndefined()
  expect(await stored(namespace)).toEqual([])
  await expect.poll(() => condition(namespace), WITHIN).toMatch(new RegExp(`^True InstallSucceeded .* release ${other}/app.v1 `))
})

test('with RetryOnFailure a failed release is left as it is and tried again', async () => {
  const namespace = await cluster.createNamespace('helm')
  const spec = { upgrade: { strategy: { name: 'RetryOnFailure', retryInterval: '1s' } } }
  await aRelease(namespace, { chart: 'hooks', values: { text: 'good' }, spec })
  await using _agent = await agent()
  await expect.poll(() => condition(namespace), WITHIN).toMatch(/^True InstallSucceeded/)
  await patch(namespace, { values: { before: 'fails', text: 'bad' } })
  await expect.poll(async () => (await statusOf(namespace)).upgradeFailures, WITHIN).toBeGreaterThan(1)
  expect(await condition(namespace, 'Stalled')).toBeUndefined()
  expect(await condition(namespace, 'Remediated')).toBeUndefined()
  expect(await condition(namespace)).toMatch(/^(False UpgradeFailed|Unknown Progressing)/)
  await patch(namespace, { values: { before: 'succeeds', text: 'better' } })
  await expect.poll(() => condition(namespace), WITHIN).toMatch(/^True UpgradeSucceeded/)
})

test('drift that is only to be told of is told of, and left', async () => {
  const namespace = await cluster.createNamespace('helm')
  await aRelease(namespace, { spec: { interval: '2s', driftDetection: { mode: 'warn' } } })
  await using _agent = await agent()
  await expect.poll(() => condition(namespace, 'Drifted'), WITHIN).toBe('False NoDriftDetected No drift detected')
  await cluster.kubectl(['patch', 'configmap', 'app', '-n', namespace, '--type=merge', '-p', '{"data":{"text":"drift"}}'])
  await expect
    .poll(() => condition(namespace, 'Drifted'), WITHIN)
    .toMatch(
      /^True DriftDetected Cluster state of release .*\/app.v1 has drifted from the desired state:\nConfigMap\/.*\/app changed \(0 additions, 1 changes, 0 removals\)/,
    )
  expect(await text(namespace)).toBe('drift')
})

test('a suspended HelmRelease is left alone, also when it is deleted', async () => {
  const namespace = await cluster.createNamespace('helm')
  await aRelease(namespace)
  await using _agent = await agent()
  await expect.poll(() => condition(namespace), WITHIN).toMatch(/^True/)
  await patch(namespace, { suspend: true, values: { text: 'later' } })
  await cluster.kubectl(['delete', 'helmrelease', namespace, '-n', 'flux-system', '--timeout=30s'])
  expect(await text(namespace)).toBe('hello')
  expect(await stored(namespace)).toEqual(['1 deployed'])
})

test('values that the schema of the chart does not admit, and what is not served, are one clear condition each', async () => {
  const [namespace, other] = [await cluster.createNamespace('helm'), await cluster.createNamespace('helm')]
  await aRelease(namespace, { values: { text: 5 } })
  await aRelease(other, { spec: { kubeConfig: { secretRef: { name: 'elsewhere' } } } })
  await using _agent = await agent()
  await expect
    .poll(() => condition(namespace), WITHIN)
    .toMatch(/^False InstallFailed Helm install failed .* at '\/text': got number, want string/s)
  expect(await stored(namespace)).toEqual([])
  await expect
    .poll(() => condition(other, 'Stalled'), WITHIN)
    .toMatch(/^True FeatureGateDisabled Flotilla does not serve spec.kubeConfig yet/)
})

test('a HelmRelease whose ServiceAccount is gone does not hang when it is deleted', async () => {
  const namespace = await cluster.createNamespace('helm')
  await aRelease(namespace)
  {
    await using _agent = await agent()
    await expect.poll(() => condition(namespace), WITHIN).toMatch(/^True/)
  }
  await patch(namespace, { serviceAccountName: 'nobody' })
  await cluster.kubectl(['delete', 'helmrelease', namespace, '-n', 'flux-system', '--wait=false'])
  await using _agent = await agent()
  await cluster.kubectl(['wait', '--for=delete', `helmrelease/${namespace}`, '-n', 'flux-system', '--timeout=30s'])
  expect(await text(namespace)).toBe('hello')
})
