import { afterAll, beforeAll, expect, test } from 'vitest'
import type { HelmReleaseStatus } from '../../proto/model/flux/helm/helm-release.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { eventually } from '../support/eventually.ts'
import { aConfigMap, readyOf, yaml } from '../support/flux.ts'
import { type HelmServer, openHelmServer } from '../support/helm-repository.ts'
import { openWorld, type TestWorld } from '../support/world.ts'

// One chart in two clusters: fetched once, released with the values of each, by whatever happens to hub and agents.

const CLUSTERS = ['east', 'west']
const NAMESPACE = 'flux-system'
let world: TestWorld
let charts: HelmServer

const CONFIG = `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
data:
  text: {{ .Values.text | quote }}
  chart: {{ .Chart.Version | quote }}
`
/** Helm finds out in the cluster: no API server takes such a port. */
const BROKEN = `apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}
spec:
  ports: [{ port: 99999999 }]
`
/** An upgrade to this is waited for until its time is up. */
const SLOW = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}-slow
spec:
  replicas: 1
  selector: { matchLabels: { app: slow } }
  template:
    metadata: { labels: { app: slow, local.flotilla.dev/pod: never-ready } }
    spec: { containers: [{ name: slow, image: example.com/slow:1 }] }
`

beforeAll(async () => {
  charts = await openHelmServer()
  await charts.add('app', '1.0.0', { 'templates/config.yaml': CONFIG })
  world = await openWorld(CLUSTERS)
  for (const cluster of CLUSTERS)
    await world.kubectl(cluster, ['apply', '-f', '-'], yaml(aConfigMap('app-values', { 'values.yaml': `text: ${cluster}\n` }, NAMESPACE)))
})
afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
  await charts[Symbol.asyncDispose]()
})

const repository = (): Manifest => ({
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind: 'HelmRepository',
  metadata: { name: 'charts', namespace: NAMESPACE },
  spec: { interval: '10m', url: charts.url },
})
const release = (spec: object = {}): Manifest => ({
  apiVersion: 'helm.toolkit.fluxcd.io/v2',
  kind: 'HelmRelease',
  metadata: { name: 'app', namespace: NAMESPACE },
  spec: {
    interval: '10m',
    timeout: '20s',
    targetNamespace: 'default',
    releaseName: 'app',
    chart: { spec: { chart: 'app', version: '1.x', sourceRef: { kind: 'HelmRepository', name: 'charts' } } },
    valuesFrom: [{ kind: 'ConfigMap', name: 'app-values' }],
    upgrade: { remediation: { retries: 1, remediateLastFailure: true } },
    driftDetection: { mode: 'enabled' },
    ...spec,
  },
})
const everywhere = (...objects: readonly Manifest[]) =>
  Promise.all(CLUSTERS.map((cluster) => world.kubectl(cluster, ['apply', '-f', '-'], yaml(...objects))))

const found = async (cluster: string) => {
  const object = await world.get(cluster, 'helmrelease', 'app', NAMESPACE)
  return { object, ready: readyOf(object), status: (object?.status ?? {}) as HelmReleaseStatus }
}
const released = (cluster: string, chart: string) => async () => {
  const { object, ready, status } = await found(cluster)
  const isNow = ready?.status === 'True' && ready.observedGeneration === object?.metadata.generation
  return isNow && status.history?.[0]?.chartVersion === chart && status
}
const releasedEverywhere = (chart: string) =>
  Promise.all(
    CLUSTERS.map((cluster) => eventually(`app ${chart} is released in ${cluster}`, released(cluster, chart), { timeoutMs: 90_000 })),
  )
const dataIn = async (cluster: string) =>
  ((await world.get(cluster, 'configmap', 'app', 'default')) as { data?: Record<string, string> } | undefined)?.data
const storedIn = async (cluster: string) =>
  (
    JSON.parse(
      await world.kubectl(cluster, ['get', 'secrets', '-A', '-l', 'owner=helm', '--sort-by=.metadata.creationTimestamp', '-o', 'json']),
    ) as { items: readonly Manifest[] }
  ).items.map(({ metadata: { labels } }) => `${labels?.version} ${labels?.status}`)

/** Has the hub look at the repository, and at the chart in it, now, or when the agent is connected again. */
async function look(cluster = 'west'): Promise<void> {
  const at = `reconcile.fluxcd.io/requestedAt=${new Date().toISOString()}`
  for (const object of ['helmrepository/charts', `helmchart/${NAMESPACE}-app`])
    await eventually(`${object} is asked for`, () => world.viaHub(cluster, ['annotate', object, '-n', NAMESPACE, '--overwrite', at]))
}
const downloads = (file: string) => charts.seen.filter(({ url }) => url.endsWith(file)).length

test('a chart is fetched once and released in every cluster with its own values', async () => {
  await everywhere(repository(), release())
  await releasedEverywhere('1.0.0')
  for (const cluster of CLUSTERS) {
    expect(await dataIn(cluster)).toEqual({ text: cluster, chart: '1.0.0' })
    expect(await storedIn(cluster)).toEqual(['1 deployed'])
    const { ready } = await found(cluster)
    expect(ready).toMatchObject({
      reason: 'InstallSucceeded',
      message: 'Helm install succeeded for release default/app.v1 with chart app@1.0.0',
    })
  }
  expect(downloads('app-1.0.0.tgz')).toBe(1)
  const { stdout } = await world.flotilla(['get', 'helmreleases', '-A'])
  for (const cluster of CLUSTERS) expect(stdout).toMatch(new RegExp(`^${cluster} .*1\\.0\\.0.*True`, 'm'))
})

test('a new version in the range upgrades every cluster', async () => {
  await charts.add('app', '1.1.0', { 'templates/config.yaml': CONFIG })
  await look()
  await releasedEverywhere('1.1.0')
  for (const cluster of CLUSTERS) {
    expect(await dataIn(cluster)).toEqual({ text: cluster, chart: '1.1.0' })
    expect(await storedIn(cluster)).toEqual(['1 superseded', '2 deployed'])
  }
  expect(downloads('app-1.1.0.tgz')).toBe(1)
})

test('other values upgrade the cluster that has them, and no other', async () => {
  const values = { 'values.yaml': 'text: east of Eden\n' }
  await world.kubectl('east', ['apply', '-f', '-'], yaml(aConfigMap('app-values', values, NAMESPACE)))
  const { code, stdout } = await world.flotilla(['diff', 'helmrelease', 'app'])
  expect(stdout).toMatch(/^east: .* would be upgraded: release config values changed\n(?:.*\n)*? +data\.text: east → east of Eden\n/)
  expect(stdout).toMatch(/^west: .* is in order$/m)
  expect(code).toBe(1)
  await world.flotilla(['reconcile', 'helmrelease', 'app', '--cluster', 'east'])
  await eventually('east has its new values', async () => (await dataIn('east'))?.text === 'east of Eden', { timeoutMs: 60_000 })
  expect(await dataIn('west')).toMatchObject({ text: 'west' })
  expect(await storedIn('west')).toEqual(['1 superseded', '2 deployed'])
})

test('an object that somebody deletes is put back', async () => {
  await world.kubectl('west', ['delete', 'configmap', 'app', '-n', 'default'])
  await world.flotilla(['reconcile', 'helmrelease', 'app', '--cluster', 'west'])
  await eventually('west has it again', async () => (await dataIn('west'))?.text === 'west', { timeoutMs: 60_000 })
  expect(await storedIn('west')).toEqual(['1 superseded', '2 deployed'])
})

test('an upgrade that fails is rolled back, says why, and the next version mends it', async () => {
  await charts.add('app', '1.2.0', { 'templates/config.yaml': CONFIG, 'templates/service.yaml': BROKEN })
  await look()
  for (const cluster of CLUSTERS) {
    const status = await eventually(
      `the upgrade of ${cluster} is rolled back for good`,
      async () => {
        const { ready, status: now } = await found(cluster)
        const isStalled = now.conditions?.some(({ reason, type }) => type === 'Stalled' && reason === 'RetriesExceeded')
        return ready?.status === 'False' && isStalled && now
      },
      { timeoutMs: 90_000 },
    )
    expect(status.conditions?.find(({ type }) => type === 'Remediated')).toMatchObject({ status: 'True', reason: 'RollbackSucceeded' })
    expect(await dataIn(cluster)).toMatchObject({ chart: '1.1.0' })
  }
  const { stdout } = await world.flotilla(['diff', 'helmrelease', 'app', '--cluster', 'west', '--cluster', 'east'])
  expect(stdout).toMatch(/^west: .*\n +◎ not now: Failed to upgrade after \d attempt\(s\)\n.* chart app@1\.1\.0 → app@1\.2\.0\n/m)
  expect(stdout).toMatch(/^ +✗ Service\/default\/\S+ would be refused: /m)
  await charts.add('app', '1.2.1', { 'templates/config.yaml': CONFIG })
  await look()
  await releasedEverywhere('1.2.1')
})

test('without the hub a cluster goes on with the chart that it has', async () => {
  await world.kill('hub')
  const values = { 'values.yaml': 'text: alone\n' }
  await world.kubectl('west', ['apply', '-f', '-'], yaml(aConfigMap('app-values', values, NAMESPACE)))
  const at = `reconcile.fluxcd.io/requestedAt=${new Date().toISOString()}`
  await world.kubectl('west', ['annotate', 'helmrelease', 'app', '-n', NAMESPACE, '--overwrite', at])
  await eventually('west has its new values', async () => (await dataIn('west'))?.text === 'alone', { timeoutMs: 60_000 })
  await world.start('hub')
  const wanted = (await found('west')).status.history?.[0]?.configDigest
  await eventually('the hub has heard of it', async () => {
    const text = await world.viaHub('west', ['get', 'helmrelease', 'app', '-n', NAMESPACE, '-o', 'json']).catch(() => '{}')
    return ((JSON.parse(text) as Manifest).status as HelmReleaseStatus | undefined)?.history?.[0]?.configDigest === wanted
  })
})

test('an agent that is killed in the middle of an upgrade heals the release when it is back', async () => {
  await charts.add('app', '1.3.0', { 'templates/config.yaml': CONFIG, 'templates/slow.yaml': SLOW })
  await look()
  await eventually(
    'the upgrade of east is on its way',
    async () => (await storedIn('east')).some((one) => one.includes('pending-upgrade')),
    {
      timeoutMs: 60_000,
    },
  )
  await world.kill('agent-east')
  await charts.add('app', '1.3.1', { 'templates/config.yaml': CONFIG })
  await world.start('agent-east')
  await look()
  await releasedEverywhere('1.3.1')
})

test('a HelmRelease that is deleted takes its release with it', async () => {
  for (const cluster of CLUSTERS) {
    await world.kubectl(cluster, ['delete', 'helmrelease', 'app', '-n', NAMESPACE, '--timeout=90s'])
    expect(await storedIn(cluster)).toEqual([])
    expect(await dataIn(cluster)).toBeUndefined()
    expect(await world.get(cluster, 'helmchart', `${NAMESPACE}-app`, NAMESPACE)).toBeUndefined()
  }
})
