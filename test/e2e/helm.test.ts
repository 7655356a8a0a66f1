import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Manifest } from '../../proto/model/manifest.ts'
import { type ClusterView, viewCluster } from '../support/cluster-view.ts'
import { eventually } from '../support/eventually.ts'
import { yaml } from '../support/flux.ts'
import { type HelmServer, openHelmServer } from '../support/helm-repository.ts'
import { HELM_CONTENT, openTestRegistry, type TestRegistry } from '../support/oci-registry.ts'
import { viewRollout } from '../support/rollout-view.ts'
import { chartArchive } from '../support/tar.ts'
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

const ROLLOUT: Manifest = {
  apiVersion: 'fleet.flotilla.dev/v1alpha1',
  kind: 'Rollout',
  metadata: { name: 'oci', namespace: 'flux-system' },
  spec: {
    source: { kind: 'OCIRepository', name: 'oci' },
    waves: [
      { name: 'east', clusters: { names: ['east'] } },
      { name: 'west', rest: true },
    ],
    onFailure: { action: 'rollback' },
  },
}

test('a Rollout takes a chart of a registry from cluster to cluster, and back where its release fails', async () => {
  const push = async (text: string) => {
    const bytes = await chartArchive('oci', '1.0.0', {
      ...templates,
      'templates/config.yaml': CONFIG.replace('{{ .Values.text }}', text),
    })
    return registry.push('charts/oci', '1.0.0', { layers: [{ mediaType: HELM_CONTENT, bytes }] })
  }
  const first = await push('one')
  const repository: Manifest = {
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'OCIRepository',
    metadata: { name: 'oci', namespace: 'flux-system' },
    spec: {
      url: `oci://${registry.host}/charts/oci`,
      insecure: true,
      interval: '2s',
      ref: { tag: '1.0.0' },
      layerSelector: { mediaType: HELM_CONTENT, operation: 'copy' },
    },
  }
  const { chart: _, ...spec } = release({}).spec as Record<string, unknown>
  const consumer = {
    ...release({}),
    metadata: { name: 'oci', namespace: 'flux-system' },
    spec: { ...spec, chartRef: { kind: 'OCIRepository', name: 'oci' } },
  }
  for (const view of views) {
    await view.apply(repository)
    await view.apply(consumer)
  }
  const version = (digest: string) => `1.0.0+${digest.slice('sha256:'.length).slice(0, 12)}`
  for (const cluster of CLUSTERS) await is(cluster, () => text(cluster, 'oci'), `one-${version(first)}`)
  const rollout = viewRollout(world, 'oci')
  await world.viaHub('fleet', ['apply', '-f', '-'], yaml(ROLLOUT))
  await rollout.isUpToDate()
  const second = await push('two')
  for (const cluster of CLUSTERS) await is(cluster, () => text(cluster, 'oci'), `two-${version(second)}`)
  await rollout.runIs('succeeded', second)
  const third = await push('{{ fail "no good" }}')
  await rollout.run('the bad chart is taken back', third, ({ state }) => state === 'rolled-back')
  await is('west', () => text('west', 'oci'), `two-${version(second)}`)
  await eventually('east is ready again', async () => (await says('east', 'oci'))?.startsWith('True'))
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
