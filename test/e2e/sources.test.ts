import { afterAll, beforeAll, expect, test } from 'vitest'
import { sha256 } from '../../proto/base/hash.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { type ClusterView, viewCluster } from '../support/cluster-view.ts'
import { eventually } from '../support/eventually.ts'
import { aConfigMap, aKustomization, yaml } from '../support/flux.ts'
import { openForwardProxy } from '../support/forward-proxy.ts'
import { type HelmServer, openHelmServer } from '../support/helm-repository.ts'
import { openTestStorage, STORAGE_KEYS, type TestStorage } from '../support/object-storage.ts'
import { FLUX_CONTENT, HTPASSWD, openTestRegistry, type TestRegistry } from '../support/oci-registry.ts'
import { tarGz } from '../support/tar.ts'
import { openWorld, type TestWorld } from '../support/world.ts'

// Sources other than git, on a real cluster behind a real hub: a registry, a Helm repository, charts, a bucket.

let world: TestWorld
let view: ClusterView
let registry: TestRegistry
let helm: HelmServer
let storage: TestStorage

beforeAll(async () => {
  registry = await openTestRegistry({ htpasswd: HTPASSWD })
  helm = await openHelmServer()
  storage = await openTestStorage()
  world = await openWorld(['staging'])
  view = viewCluster(world, 'staging')
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await registry[Symbol.asyncDispose]()
  await helm[Symbol.asyncDispose]()
  await storage[Symbol.asyncDispose]()
})

const source = (kind: string, name: string, spec: object): Manifest => ({
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind,
  metadata: { name, namespace: 'flux-system' },
  spec,
})
const secret = (name: string, type: string, stringData: Readonly<Record<string, string>>): Manifest =>
  ({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'flux-system' }, type, stringData }) as Manifest
const layerOf = (value: string) => tarGz({ 'app/config.yaml': yaml(aConfigMap('from-oci', { v: value })) })
const pushed = async (tag: string, value: string) =>
  registry.push('fleet/apps', tag, {
    layers: [{ mediaType: FLUX_CONTENT, bytes: await layerOf(value) }],
    annotations: { 'org.opencontainers.image.revision': `main@sha1:${value}` },
  })
interface Told {
  readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string; readonly message: string }[]
  readonly artifact?: Readonly<Record<string, unknown>>
}
const statusOf = async (kind: string, name: string) =>
  ((await world.get('staging', kind, name, 'flux-system'))?.status ?? {}) as Told & Readonly<Record<string, unknown>>
const says = async (kind: string, name: string, type = 'Ready') => {
  const found = (await statusOf(kind, name)).conditions?.find((condition) => condition.type === type)
  return found && `${found.status} ${found.reason}: ${found.message}`
}

/** Waits until a condition, Ready where none is named, says it. */
const told = async (of: Parameters<typeof says>, wanted: string | RegExp) => {
  let last: string | undefined
  const look = async () => {
    last = await says(...of)
    return last !== undefined && (typeof wanted === 'string' ? last.includes(wanted) : wanted.test(last))
  }
  await eventually(`${of.join(' ')} says ${wanted}`, look).catch((error: unknown) => expect.fail(`${String(error)}; it says ${last}`))
}

test('a Kustomization is applied from an artifact of a registry that wants a login, and follows its tags', async () => {
  const digest = await pushed('1.0.0', 'one')
  const login = { auths: { [registry.host]: { username: 'bob', password: 'right' } } }
  await view.apply(secret('login', 'kubernetes.io/dockerconfigjson', { '.dockerconfigjson': JSON.stringify(login) }))
  const spec = { url: `oci://${registry.host}/fleet/apps`, insecure: true, interval: '1h', ref: { semver: '1.x' } }
  await view.apply(source('OCIRepository', 'apps', spec))
  await told(['ocirepository', 'apps'], 'OCIArtifactPullFailed')
  expect(await says('ocirepository', 'apps', 'FetchFailed')).toContain('HTTP 401')
  await view.apply(source('OCIRepository', 'apps', { ...spec, secretRef: { name: 'login' } }))
  await told(['ocirepository', 'apps'], `True Succeeded: stored artifact for digest '1.0.0@${digest}'`)
  expect(await statusOf('ocirepository', 'apps')).toMatchObject({
    artifact: {
      revision: `1.0.0@${digest}`,
      path: `ocirepository/flux-system/apps/${digest}.tar.gz`,
      metadata: { 'org.opencontainers.image.revision': 'main@sha1:one' },
    },
    url: 'http://source-controller.flux-system.svc.cluster.local./ocirepository/flux-system/apps/latest.tar.gz',
    observedGeneration: 2,
  })
  const apps = aKustomization('oci-apps', 'apps', './app', { sourceRef: { kind: 'OCIRepository', name: 'apps' } })
  await view.apply(apps)
  await told(['kustomization', 'oci-apps'], `True ReconciliationSucceeded: Applied revision: 1.0.0@${digest}`)
  const next = await pushed('1.1.0', 'two')
  expect(await world.flotilla(['reconcile', 'source', 'oci', 'apps', '--cluster', 'staging'])).toMatchObject({ code: 0 })
  await told(['kustomization', 'oci-apps'], `True ReconciliationSucceeded: Applied revision: 1.1.0@${next}`)
  expect((await world.get('staging', 'configmap', 'from-oci', 'default'))?.data).toEqual({ v: 'two' })
})

test('a Helm repository and its chart say what they have, as Flux says it', async () => {
  await helm.add('web', '1.2.0', { 'prod.yaml': 'replicas: 3\n' })
  await view.apply(source('HelmRepository', 'charts', { url: helm.url, interval: '1h' }))
  await view.apply(
    source('HelmChart', 'web', { chart: 'web', version: '1.x', interval: '1h', sourceRef: { kind: 'HelmRepository', name: 'charts' } }),
  )
  await told(['helmrepository', 'charts'], /^True Succeeded: stored artifact: revision 'sha256:[0-9a-f]{64}'$/)
  await told(['helmchart', 'web'], "True ChartPullSucceeded: pulled 'web' chart with version '1.2.0'")
  expect(await statusOf('helmchart', 'web')).toMatchObject({
    artifact: { revision: '1.2.0', path: 'helmchart/flux-system/web/web-1.2.0.tgz', digest: expect.stringMatching(/^sha256:/) },
    observedChartName: 'web',
    observedSourceArtifactRevision: expect.stringMatching(/^sha256:/),
  })
  await view.apply(
    source('HelmChart', 'web', { chart: 'web', version: '>=2', interval: '1h', sourceRef: { kind: 'HelmRepository', name: 'charts' } }),
  )
  await told(['helmchart', 'web'], "no 'web' chart with version matching '>=2' found")
  await helm.add('web', '2.0.0')
  expect(await world.flotilla(['reconcile', 'source', 'helm', 'charts', '--cluster', 'staging'])).toMatchObject({ code: 0 })
  await told(['helmchart', 'web'], "True ChartPullSucceeded: pulled 'web' chart with version '2.0.0'")
  const values = { valuesFiles: ['values.yaml', 'none.yaml'] }
  await view.apply(
    source('HelmChart', 'web', { chart: 'web', interval: '1h', sourceRef: { kind: 'HelmRepository', name: 'charts' }, ...values }),
  )
  await told(['helmchart', 'web', 'BuildFailed'], 'True ValuesFilesError')
})

test('charts of a suspended Helm repository see nothing newer than what it had, until it is resumed', async () => {
  const sourceRef = { kind: 'HelmRepository', name: 'charts' }
  const kept = (version: string) => source('HelmChart', 'kept', { chart: 'web', version, interval: '1h', sourceRef })
  const flotilla = async (...words: readonly string[]) =>
    expect(await world.flotilla([...words, '--cluster', 'staging'])).toMatchObject({ code: 0 })
  await view.apply(kept('2.x'))
  await told(['helmchart', 'kept'], "True ChartPullSucceeded: pulled 'web' chart with version '2.0.0'")
  await flotilla('suspend', 'source', 'helm', 'charts')
  await helm.add('web', '2.1.0')
  await flotilla('reconcile', 'source', 'chart', 'kept')
  expect(await says('helmchart', 'kept')).toBe("True ChartPullSucceeded: pulled 'web' chart with version '2.0.0'")
  await view.apply(kept('1.x'))
  await told(['helmchart', 'kept'], "True ChartPullSucceeded: pulled 'web' chart with version '1.2.0'")
  await view.apply(kept('2.1.0'))
  await told(['helmchart', 'kept', 'Stalled'], 'True InvalidChartReference: invalid chart reference: ')
  await flotilla('resume', 'source', 'helm', 'charts')
  await told(['helmchart', 'kept'], "True ChartPullSucceeded: pulled 'web' chart with version '2.1.0'")
})

test('a layer that is kept as it is comes through the proxy of its repository, and is unpacked for a Kustomization', async () => {
  await using proxy = await openForwardProxy({ login: { username: 'mando', password: 'right' } })
  const login = (password: string) => secret('proxy', 'Opaque', { address: proxy.url, username: 'mando', password })
  const digest = await pushed('3.0.0', 'three')
  await view.apply(login('canary-7f3a91'))
  const spec = {
    ...{ url: `oci://${registry.host}/fleet/apps`, insecure: true, interval: '1h', ref: { tag: '3.0.0' } },
    ...{ secretRef: { name: 'login' }, proxySecretRef: { name: 'proxy' }, layerSelector: { operation: 'copy' } },
  }
  await view.apply(source('OCIRepository', 'proxied', spec))
  await told(['ocirepository', 'proxied'], `False OCIArtifactPullFailed: the proxy ${proxy.url} refuses access (HTTP 407)`)
  expect(JSON.stringify(await statusOf('ocirepository', 'proxied'))).not.toContain('canary')
  expect(proxy.passed).toEqual([])
  await view.apply(login('right'))
  await told(['ocirepository', 'proxied'], `True Succeeded: stored artifact for digest '3.0.0@${digest}'`)
  expect(proxy.passed).toContain(`HEAD http://${registry.host}/v2/fleet/apps/manifests/3.0.0`)
  const layer = sha256(await layerOf('three'))
  expect(await statusOf('ocirepository', 'proxied')).toMatchObject({
    artifact: { digest: layer },
    observedLayerSelector: { operation: 'copy' },
  })
  await view.apply(aKustomization('proxied', 'proxied', './app', { sourceRef: { kind: 'OCIRepository', name: 'proxied' } }))
  await told(['kustomization', 'proxied'], `True ReconciliationSucceeded: Applied revision: 3.0.0@${digest}`)
})

test('a Kustomization and a release come from a bucket that wants keys, and follow its objects', async () => {
  await storage.create('fleet')
  const put = (value: string) =>
    storage.put('fleet', {
      'app/config.yaml': yaml(aConfigMap('from-bucket', { v: value })),
      'charts/web/Chart.yaml': `apiVersion: v2\nname: web\nversion: 1.0.${value}\n`,
      'charts/web/templates/config.yaml': yaml(aConfigMap('from-chart', { v: value })),
    })
  await put('1')
  const spec = { endpoint: storage.host, bucketName: 'fleet', insecure: true, interval: '1h', provider: 'generic' }
  await view.apply(source('Bucket', 'fleet', spec))
  await told(['bucket', 'fleet', 'FetchFailed'], "True BucketOperationFailed: indexation of objects from bucket 'fleet' failed")
  const { accessKey: accesskey, secretKey: secretkey } = STORAGE_KEYS
  await view.apply(secret('keys', 'Opaque', { accesskey, secretkey }), source('Bucket', 'fleet', { ...spec, secretRef: { name: 'keys' } }))
  await told(['bucket', 'fleet'], /^True Succeeded: stored artifact: revision 'sha256:[0-9a-f]{64}'$/)
  const first = (await statusOf('bucket', 'fleet')).artifact?.revision
  const ref = { kind: 'Bucket', name: 'fleet' }
  await view.apply(aKustomization('bucket-apps', 'fleet', './app', { sourceRef: ref }), {
    apiVersion: 'helm.toolkit.fluxcd.io/v2',
    kind: 'HelmRelease',
    metadata: { name: 'bucket-web', namespace: 'flux-system' },
    spec: { interval: '1h', targetNamespace: 'default', chart: { spec: { chart: './charts/web', sourceRef: ref } } },
  })
  await told(['kustomization', 'bucket-apps'], `True ReconciliationSucceeded: Applied revision: ${first}`)
  await told(['helmrelease', 'bucket-web'], 'True InstallSucceeded')
  await put('2')
  expect(await world.flotilla(['reconcile', 'source', 'bucket', 'fleet', '--cluster', 'staging'])).toMatchObject({ code: 0 })
  await eventually('both are at what the bucket has now', async () => {
    const maps = await Promise.all(['from-bucket', 'from-chart'].map((name) => world.get('staging', 'configmap', name, 'default')))
    return maps.every((map) => (map as { data?: { v?: string } } | undefined)?.data?.v === '2')
  })
  expect((await statusOf('helmchart', 'flux-system-bucket-web')).artifact).toMatchObject({ revision: '1.0.2' })
  expect(await world.flotilla(['suspend', 'source', 'bucket', 'fleet', '--cluster', 'staging'])).toMatchObject({ code: 0 })
  expect((await world.flotilla(['get', 'sources', 'bucket', '--cluster', 'staging'])).stdout).toMatch(/fleet\s+sha256:\w+\s+True/)
})

test('the lists of sources show what they have', async () => {
  const shown = async (word: string) => (await world.flotilla(['get', 'sources', word, '--cluster', 'staging'])).stdout
  expect(await shown('oci')).toMatch(/apps.*1\.1\.0@sha256/)
  expect(await shown('helm')).toContain('charts')
  expect(await shown('chart')).toMatch(/web.*HelmRepository\/charts/)
})
