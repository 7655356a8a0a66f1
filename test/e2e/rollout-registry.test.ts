import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Manifest } from '../../proto/model/manifest.ts'
import { type ClusterView, viewCluster } from '../support/cluster-view.ts'
import { eventually } from '../support/eventually.ts'
import { yaml } from '../support/flux.ts'
import { HELM_CONTENT, openTestRegistry, type TestRegistry } from '../support/oci-registry.ts'
import { viewRollout } from '../support/rollout-view.ts'
import { chartArchive } from '../support/tar.ts'
import { openWorld, type TestWorld } from '../support/world.ts'

// A chart of a registry moves in waves, and comes back where its release fails.

const CLUSTERS = ['east', 'west'] as const
let world: TestWorld
let views: readonly ClusterView[]
let registry: TestRegistry

beforeAll(async () => {
  registry = await openTestRegistry()
  world = await openWorld(CLUSTERS)
  views = CLUSTERS.map((name) => viewCluster(world, name))
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await registry[Symbol.asyncDispose]()
})

const CONFIG =
  'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  text: {{ .Values.text }}-{{ .Chart.Version }}\n'
const templates = { 'templates/config.yaml': CONFIG, 'values.yaml': 'text: none\n' }
interface Status {
  readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string; readonly message: string }[]
}
const says = async (cluster: string) => {
  const status = (await world.get(cluster, 'helmrelease', 'oci', 'flux-system'))?.status as Status | undefined
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')
  return ready && `${ready.status} ${ready.reason} ${ready.message}`
}
const text = async (cluster: string) =>
  ((await world.get(cluster, 'configmap', 'oci', 'flux-system')) as { data?: { text?: string } } | undefined)?.data?.text
const is = (what: string, look: () => Promise<unknown>, wanted: unknown) =>
  eventually(`${what} is ${wanted}`, async () => (await look()) === wanted).catch(async (error: unknown) =>
    expect.fail(`${String(error)}; ${await look()}; ${await Promise.all(CLUSTERS.map((cluster) => says(cluster)))}`),
  )

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
  const consumer: Manifest = {
    apiVersion: 'helm.toolkit.fluxcd.io/v2',
    kind: 'HelmRelease',
    metadata: { name: 'oci', namespace: 'flux-system' },
    spec: { interval: '10m', chartRef: { kind: 'OCIRepository', name: 'oci' } },
  }
  for (const view of views) {
    await view.apply(repository)
    await view.apply(consumer)
  }
  const version = (digest: string) => `1.0.0+${digest.slice('sha256:'.length).slice(0, 12)}`
  for (const cluster of CLUSTERS) await is(cluster, () => text(cluster), `one-${version(first)}`)
  const rollout = viewRollout(world, 'oci')
  await world.viaHub('fleet', ['apply', '-f', '-'], yaml(ROLLOUT))
  await rollout.isUpToDate()
  const second = await push('two')
  for (const cluster of CLUSTERS) await is(cluster, () => text(cluster), `two-${version(second)}`)
  await rollout.runIs('succeeded', second)
  const third = await push('{{ fail "no good" }}')
  await rollout.run('the bad chart is taken back', third, ({ state }) => state === 'rolled-back')
  await is('west', () => text('west'), `two-${version(second)}`)
  await eventually('east is ready again', async () => (await says('east'))?.startsWith('True'))
})
