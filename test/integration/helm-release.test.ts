import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Agent } from '../../agent/app.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import type { ObjectRef } from '../../proto/model/object-ref.ts'
import { installAgent, openLoneAgent, plantChart } from '../support/agent.ts'
import { type ChartFiles, packChart } from '../support/charts.ts'
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
