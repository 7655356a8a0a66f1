import { expect, test } from 'vitest'
import { sha256 } from '../../proto/base/hash.ts'
import type { ClusterId } from '../../proto/model/ids.ts'
import { type Manifest, refOf } from '../../proto/model/manifest.ts'
import { EMPTY_REPORT, type MirroredReport } from '../../proto/model/report.ts'
import type { Received } from './model.ts'
import { project } from './project.ts'

const cluster = 'c-000000000000000000000001' as ClusterId
const kustomization = (name: string, spec: object = {}): Manifest => ({
  apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
  kind: 'Kustomization',
  metadata: { name, namespace: 'flux-system' },
  spec: { interval: '10m', prune: true, path: './x', sourceRef: { kind: 'GitRepository', name: 'fleet' }, ...spec },
})
const seen = (manifest: Manifest, resourceVersion = '1'): MirroredReport => ({
  ref: refOf(manifest),
  uid: 'u',
  generation: 1,
  resourceVersion,
  manifest,
  sealedCredential: undefined,
  credentialProblem: undefined,
})
const objects = (...manifests: Manifest[]): Received => ({
  clusterId: cluster,
  lane: 'objects',
  report: { ...EMPTY_REPORT, objects: manifests.map((one) => seen(one)) },
})
const options = { sourceOf: () => undefined, owners: new Map(), credentials: new Map() }

test('of several reports of an object the last one stands', () => {
  const { consumers } = project([objects(kustomization('a', { path: './old' })), objects(kustomization('a', { path: './new' }))], options)
  expect(consumers).toMatchObject([{ name: 'a', options: { path: 'new' } }])
})

test('an object that is deleted after it was reported is gone, and one that comes back is there', () => {
  const gone: Received = {
    clusterId: cluster,
    lane: 'objects',
    report: { ...EMPTY_REPORT, deletions: [{ ref: refOf(kustomization('a')), uid: 'u', resourceVersion: '2' }] },
  }
  expect(project([objects(kustomization('a')), gone], options)).toMatchObject({ mirrors: [], deletions: [{ clusterId: cluster }] })
  expect(project([gone, objects(kustomization('a'))], options)).toMatchObject({ mirrors: [{ clusterId: cluster }], deletions: [] })
})

test.each([
  ['OCIRepository', 1],
  ['Bucket', 1],
  ['ExternalArtifact', 0],
])('a Kustomization of the source kind %s is a consumer %d times', (kind, times) => {
  expect(project([objects(kustomization('a', { sourceRef: { kind, name: 'x' } }))], options).consumers).toHaveLength(times)
})

const chart = { spec: { chart: 'app', sourceRef: { kind: 'HelmRepository', name: 'repo', namespace: 'charts' } } }
test.each([
  ['a chart of its own', { chart }, { sourceKind: 'HelmChart', sourceNamespace: 'charts', sourceName: 'flux-system-web' }],
  [
    'a HelmChart',
    { chartRef: { kind: 'HelmChart', name: 'c' } },
    { sourceKind: 'HelmChart', sourceNamespace: 'flux-system', sourceName: 'c' },
  ],
  [
    'an artifact',
    { chartRef: { kind: 'OCIRepository', name: 'o', namespace: 'x' } },
    { sourceKind: 'OCIRepository', sourceNamespace: 'x', sourceName: 'o' },
  ],
])('a HelmRelease of %s asks for the chart as it is', (_, spec, source) => {
  const release = {
    ...kustomization('web'),
    apiVersion: 'helm.toolkit.fluxcd.io/v2',
    kind: 'HelmRelease',
    spec: { interval: '1m', ...spec },
  }
  expect(project([objects(release)], options).consumers).toMatchObject([
    { kind: 'HelmRelease', name: 'web', options: { chart: true }, optionsDigest: sha256('{"chart":true}'), ...source },
  ])
})

test('a spec that cannot be read is mirrored all the same', () => {
  const broken = kustomization('a', { sourceRef: 7 })
  expect(project([objects(broken)], options)).toMatchObject({
    consumers: [],
    mirrors: [{ clusterId: cluster }],
    observed: [{ ready: 'Unknown' }],
  })
})
