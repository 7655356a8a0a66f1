import { expect, test } from 'vitest'
import { CLUSTER, TENANT } from '../../../proto/model/fleet/kinds.ts'
import { HELM_RELEASE } from '../../../proto/model/flux/helm/kinds.ts'
import { KUSTOMIZATION } from '../../../proto/model/flux/kustomize/kinds.ts'
import { GIT_REPOSITORY, HELM_CHART } from '../../../proto/model/flux/source/kinds.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { columnsOf } from './objects.ts'

const REVISION = 'main@sha1:0123456789abcdef0123456789abcdef01234567'
const ready = (status: string, message: string) => [{ type: 'Ready', status, reason: 'x', message, lastTransitionTime: '' }]
const anObject = (kind: string, more: object): Manifest => ({
  apiVersion: 'x/v1',
  kind,
  metadata: { name: 'apps', namespace: 'shop' },
  ...more,
})
const apps = anObject('Kustomization', {
  spec: { suspend: true },
  status: { lastAppliedRevision: REVISION, conditions: ready('True', `Applied revision: ${REVISION}`) },
})

test('a Kustomization has the columns of flux, behind its cluster', () => {
  const { head, row } = columnsOf(KUSTOMIZATION, { cluster: 'staging' })
  expect(head).toEqual(['cluster', 'name', 'revision', 'suspended', 'ready', 'message'])
  expect(row(apps)).toEqual(['staging', 'apps', 'main@sha1:01234567', 'True', 'True', 'Applied revision: main@sha1:01234567'])
})

test('the cluster comes from the label in the view over all clusters', () => {
  const labelled = { ...apps, metadata: { ...apps.metadata, labels: { 'fleet.flotilla.dev/cluster': 'production' } } }
  expect(columnsOf(KUSTOMIZATION).row(labelled)[0]).toBe('production')
})

test('all namespaces add a column, several kinds a prefix', () => {
  const { head, row } = columnsOf(KUSTOMIZATION, { allNamespaces: true, cluster: 'staging', prefixed: true })
  expect(head.slice(0, 3)).toEqual(['cluster', 'namespace', 'name'])
  expect(row(apps).slice(0, 3)).toEqual(['staging', 'shop', 'kustomization/apps'])
})

test('a source shows the revision of its artifact; what nobody has looked at yet is Unknown', () => {
  const row = columnsOf(GIT_REPOSITORY, { cluster: 'staging' }).row
  expect(row(anObject('GitRepository', { status: { artifact: { revision: REVISION } } }))).toEqual([
    'staging',
    'apps',
    'main@sha1:01234567',
    'False',
    'Unknown',
    'waiting to be reconciled',
  ])
})

test('a chart shows which one it is, and of which repository', () => {
  const { head, row } = columnsOf(HELM_CHART, { cluster: 'staging' })
  const chart = anObject('HelmChart', { spec: { chart: 'web', version: '1.x', sourceRef: { kind: 'HelmRepository', name: 'charts' } } })
  expect(head.slice(1, 5)).toEqual(['name', 'chart', 'version', 'source'])
  expect(row(chart).slice(1, 5)).toEqual(['apps', 'web', '1.x', 'HelmRepository/charts'])
})

const aSnapshot = { chartName: 'web', chartVersion: '1.2.0', appVersion: '9', version: 2, status: 'deployed' }

test('a HelmRelease shows the version, the name and the app of the chart that is released', () => {
  const { head, row } = columnsOf(HELM_RELEASE, { cluster: 'staging' })
  const said = 'Helm upgrade succeeded for release shop/web.v2 with chart web@1.2.0'
  const status = { lastAttemptedRevision: '1.3.0', history: [aSnapshot], conditions: ready('True', said) }
  expect(head).toEqual(['cluster', 'name', 'revision', 'chart', 'app version', 'suspended', 'ready', 'message'])
  expect(row(anObject('HelmRelease', { status }))).toEqual(['staging', 'apps', '1.2.0', 'web', '9', 'False', 'True', said])
})

test('a HelmRelease that was never released shows the version that was tried; among other kinds only the version', () => {
  const tried = anObject('HelmRelease', { status: { lastAttemptedRevision: '1.3.0', conditions: ready('False', 'no') } })
  expect(columnsOf(HELM_RELEASE, { cluster: 'staging' }).row(tried).slice(2, 5)).toEqual(['1.3.0', '', ''])
  const mixed = columnsOf(HELM_RELEASE, { cluster: 'staging', prefixed: true })
  expect(mixed.head).toEqual(columnsOf(KUSTOMIZATION, { prefixed: true }).head)
  expect(mixed.row(tried).slice(1, 3)).toEqual(['helmrelease/apps', '1.3.0'])
})

test('a cluster shows whether its agent is there and how its objects are doing', () => {
  const cluster: Manifest = {
    apiVersion: 'x/v1',
    kind: 'Cluster',
    metadata: { name: 'staging', labels: { tier: 'edge' } },
    status: {
      connection: { connected: true },
      objects: { total: 12, failing: 1, ready: 11, suspended: 0 },
      facts: { kubernetesVersion: 'v1.35.0', agentVersion: '0.1.0' },
      conditions: ready('True', 'connected'),
    },
  }
  const { head, row } = columnsOf(CLUSTER)
  expect(Object.fromEntries(row(cluster).map((cell, at) => [head[at], cell]))).toEqual({
    name: 'staging',
    connected: 'True',
    ready: 'True',
    objects: '12',
    failing: '1',
    version: 'v1.35.0',
    agent: '0.1.0',
    labels: 'tier=edge',
    message: 'connected',
  })
  expect(row({ apiVersion: 'x/v1', kind: 'Cluster', metadata: { name: 'new' } }).slice(0, 5)).toEqual(['new', 'False', 'Unknown', '0', '0'])
})

test('a tenant shows its namespaces and on how many clusters it is set up', () => {
  const tenant: Manifest = {
    apiVersion: 'x/v1',
    kind: 'Tenant',
    metadata: { name: 'shop' },
    spec: { namespaces: ['shop', 'shop-jobs'], clusterRole: 'edit' },
    status: { ready: '2/3', conditions: ready('False', 'one is missing') },
  }
  expect(columnsOf(TENANT).row(tenant)).toEqual(['shop', 'shop,shop-jobs', 'edit', '2/3', 'False', 'one is missing'])
})
