import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Manifest } from '../../proto/model/manifest.ts'
import { type ClusterView, viewCluster } from '../support/cluster-view.ts'
import { eventually } from '../support/eventually.ts'
import { type HelmServer, openHelmServer } from '../support/helm-repository.ts'
import { openTestRegistry, type TestRegistry } from '../support/oci-registry.ts'
import { openWorld, type TestWorld } from '../support/world.ts'

// One chart on two clusters behind a real hub: fetched once, released in each with values of its own.

const CLUSTERS = ['east', 'west'] as const
let world: TestWorld
let views: readonly ClusterView[]
let helm: HelmServer
let registry: TestRegistry

beforeAll(async () => {
  helm = await openHelmServer()
  registry = await openTestRegistry()
  world = await openWorld(CLUSTERS)
  views = CLUSTERS.map((name) => viewCluster(world, name))
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await registry[Symbol.asyncDispose]()
  await helm[Symbol.asyncDispose]()
})

const CONFIG =
  'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  text: {{ .Values.text }}-{{ .Chart.Version }}\n'
const templates = { 'templates/config.yaml': CONFIG, 'values.yaml': 'text: none\n' }
const repository = (): Manifest => ({
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind: 'HelmRepository',
  metadata: { name: 'charts', namespace: 'flux-system' },
  spec: { url: helm.url, interval: '5s' },
})
const release = (spec: object): Manifest => ({
  apiVersion: 'helm.toolkit.fluxcd.io/v2',
  kind: 'HelmRelease',
  metadata: { name: 'app', namespace: 'flux-system' },
  spec: {
    interval: '10m',
    chart: { spec: { chart: 'app', version: '1.x', interval: '5s', sourceRef: { kind: 'HelmRepository', name: 'charts' } } },
    ...spec,
  },
})
interface Status {
  readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string; readonly message: string }[]
}
const says = async (cluster: string, name: string) => {
  const status = (await world.get(cluster, 'helmrelease', name, 'flux-system'))?.status as Status | undefined
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')
  return ready && `${ready.status} ${ready.reason} ${ready.message}`
}
const text = async (cluster: string, name = 'app') =>
  ((await world.get(cluster, 'configmap', name, 'flux-system')) as { data?: { text?: string } } | undefined)?.data?.text
const is = (what: string, look: () => Promise<unknown>, wanted: unknown) =>
  eventually(`${what} is ${wanted}`, async () => (await look()) === wanted).catch(async (error: unknown) =>
    expect.fail(`${String(error)}; ${await look()}; ${await Promise.all(CLUSTERS.map((cluster) => says(cluster, 'app')))}`),
  )

test('a chart is fetched once and released on each cluster with its own values; a new version follows', async () => {
  await helm.add('app', '1.0.0', templates)
  await Promise.all(
    views.map(async (view, at) => {
      await view.apply(repository())
      await view.apply(release({ values: { text: CLUSTERS[at] } }))
    }),
  )
  for (const cluster of CLUSTERS) await is(cluster, () => text(cluster), `${cluster}-1.0.0`)
  for (const cluster of CLUSTERS) expect(await says(cluster, 'app')).toMatch(/^True InstallSucceeded/)
  await helm.add('app', '1.1.0', templates)
  for (const cluster of CLUSTERS) await is(cluster, () => text(cluster), `${cluster}-1.1.0`)
  expect(helm.seen.filter(({ url }) => url.endsWith('app-1.0.0.tgz'))).toHaveLength(1)
  expect(helm.seen.filter(({ url }) => url.endsWith('app-1.1.0.tgz'))).toHaveLength(1)
})

test('without the hub, values are changed and a release is taken away', async () => {
  await world.kill('hub')
  await world.kubectl('east', [
    'patch',
    'helmrelease',
    'app',
    '-n',
    'flux-system',
    '--type=merge',
    '-p',
    '{"spec":{"values":{"text":"alone"}}}',
  ])
  await is('east', () => text('east'), 'alone-1.1.0')
  await world.kubectl('west', ['delete', 'helmrelease', 'app', '-n', 'flux-system', '--timeout=60s'])
  expect(await text('west')).toBeUndefined()
  await world.start('hub')
})
