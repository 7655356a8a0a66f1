import { expect, test } from 'vitest'
import type { SourceStatusFact } from '../../proto/model/facts.ts'
import { parseFluxObject } from '../../proto/model/flux/parse.ts'
import { isSource, type SourceObject } from '../../proto/model/flux/source/kinds.ts'
import { LAYER_DIGEST } from '../../proto/model/names.ts'
import { secretsOf } from '../mirror/credential.ts'
import type { SourceObjectStatus } from '../mirror/model.ts'
import { sourceStatus } from '../mirror/source-status.ts'
import { sourceWord } from './source-word.ts'

// What is said of kinds other than GitRepository, in the words that Flux has for it.

const HASH = 'b'.repeat(64)
const of = (kind: string, spec: object): SourceObject => {
  const apiVersion = 'source.toolkit.fluxcd.io/v1'
  const parsed = parseFluxObject({
    apiVersion,
    kind,
    metadata: { name: 'web', namespace: 'apps', generation: 1 },
    spec: { interval: '1m', ...spec },
  })
  if ('problems' in parsed || !isSource(parsed.object)) throw new Error(JSON.stringify(parsed))
  return parsed.object
}
const oci = (spec: object = {}) => of('OCIRepository', { url: 'oci://ghcr.io/a', ...spec })
const bucket = (spec: object = {}) => of('Bucket', { bucketName: 'apps', endpoint: 's3.example.com', ...spec })
const chart = (spec: object = {}) => of('HelmChart', { chart: 'web', sourceRef: { kind: 'HelmRepository', name: 'r' }, ...spec })
const fact = (revision: string, o: Partial<SourceStatusFact> = {}): SourceStatusFact => ({
  ...{ kind: 'source-status', source: { group: 'g', kind: 'k', namespace: 'apps', name: 'web' }, generation: 1, revision },
  ...{
    artifactDigest: 'sha256:tree',
    artifactBytes: 9,
    artifactAt: new Date('2026-11-21T10:00:00Z'),
    problem: undefined,
    handledAt: '',
    position: 1n,
  },
  ...o,
})
const said = (object: SourceObject, found: SourceStatusFact) => {
  const word = sourceWord({ object, unserved: [], fact: found })
  const status = word && sourceStatus<SourceObjectStatus>({}, word.outcome, { generation: 1, now: new Date('2026-11-21T11:00:00Z') })
  const conditions = status?.conditions?.map(({ message, reason, status: is, type }) => `${type}=${is} ${reason}: ${message}`)
  return { ...status, conditions }
}

test.each([
  [
    'an artifact of a registry',
    oci({ ignore: '*.md', layerSelector: { operation: 'copy' } }),
    fact(`1.0.0@sha256:${HASH}`, { metadata: { 'org.opencontainers.image.source': 'x', [LAYER_DIGEST]: 'sha256:tgz' } }),
    {
      conditions: [
        `Ready=True Succeeded: stored artifact for digest '1.0.0@sha256:${HASH}'`,
        expect.stringContaining('ArtifactInStorage=True Succeeded'),
      ],
      artifact: {
        path: `ocirepository/apps/web/sha256:${HASH}.tar.gz`,
        digest: 'sha256:tgz',
        metadata: { 'org.opencontainers.image.source': 'x' },
      },
      observedIgnore: '*.md',
      observedLayerSelector: { operation: 'copy' },
      url: expect.stringMatching(/ocirepository\/apps\/web\/latest\.tar\.gz$/),
    },
  ],
  [
    'an index',
    of('HelmRepository', { url: 'https://x.example' }),
    fact(`sha256:${HASH}`),
    {
      conditions: [`Ready=True Succeeded: stored artifact: revision 'sha256:${HASH}'`, expect.anything()],
      artifact: { path: `helmrepository/apps/web/index-${HASH}.yaml`, digest: `sha256:${HASH}` },
      url: expect.stringMatching(/index\.yaml$/),
    },
  ],
  [
    'a bucket',
    bucket({ ignore: '*.md' }),
    fact(`sha256:${HASH}`),
    {
      conditions: [`Ready=True Succeeded: stored artifact: revision 'sha256:${HASH}'`, expect.anything()],
      artifact: { path: `bucket/apps/web/${HASH}.tar.gz`, revision: `sha256:${HASH}`, digest: 'sha256:tree' },
      observedIgnore: '*.md',
      url: expect.stringMatching(/bucket\/apps\/web\/latest\.tar\.gz$/),
    },
  ],
  [
    'a chart',
    chart(),
    fact('1.2.0', { metadata: { chart: 'web', digest: 'sha256:tgz', source: 'sha256:index' } }),
    {
      conditions: ["Ready=True ChartPullSucceeded: pulled 'web' chart with version '1.2.0'", expect.anything()],
      artifact: { path: 'helmchart/apps/web/web-1.2.0.tgz', digest: 'sha256:tgz', revision: '1.2.0' },
      observedChartName: 'web',
      observedSourceArtifactRevision: 'sha256:index',
    },
  ],
  [
    'a chart that was packed',
    chart(),
    fact('1.2.0+3', { metadata: { chart: 'web', packaged: 'true', valuesFiles: '["a.yaml","b.yaml"]' } }),
    {
      conditions: [
        "Ready=True ChartPackageSucceeded: packaged 'web' chart with version '1.2.0+3' and merged values files [a.yaml b.yaml]",
        expect.anything(),
      ],
      observedValuesFiles: ['a.yaml', 'b.yaml'],
    },
  ],
  [
    'a chart that cannot be found',
    chart(),
    fact('', { problem: { reason: 'InvalidChartReference', message: 'x', stalled: true } }),
    {
      conditions: [
        'Stalled=True InvalidChartReference: x',
        'Ready=False InvalidChartReference: x',
        'FetchFailed=True InvalidChartReference: x',
      ],
    },
  ],
  [
    'a chart that cannot be packed',
    chart(),
    fact('', { problem: { reason: 'ChartPackageError', message: 'x', stalled: false } }),
    {
      conditions: [
        expect.stringContaining('Reconciling=True'),
        'Ready=False ChartPackageError: x',
        'BuildFailed=True ChartPackageError: x',
      ],
    },
  ],
])('%s', (_, object, found, expected) => {
  expect(said(object, found)).toMatchObject(expected)
})

test('a fault of one kind takes the place of one of the other', () => {
  const at = { generation: 1, now: new Date('2026-11-21T11:00:00Z') }
  const failed = (fault: 'FetchFailed' | 'BuildFailed') => ({ kind: 'failed', fault, reason: 'x', message: 'y' }) as const
  const types = (status: { readonly conditions?: readonly { readonly type: string }[] }) => status.conditions?.map(({ type }) => type)
  const fetching = sourceStatus({}, failed('FetchFailed'), at)
  expect(types(fetching)).toContain('FetchFailed')
  expect(types(sourceStatus(fetching, failed('BuildFailed'), at))).toEqual(['Reconciling', 'Ready', 'BuildFailed'])
})

test('a place in a registry has no status, but for what is wrong with it', () => {
  const place = (spec: object = {}) => of('HelmRepository', { url: 'oci://x.example/charts', type: 'oci', ...spec })
  expect(sourceWord({ object: place(), unserved: [], fact: undefined })).toBeUndefined()
  expect(sourceWord({ object: place({ suspend: true }), unserved: [], fact: undefined })).toBeUndefined()
  expect(sourceWord({ object: place(), unserved: ['spec.provider: aws'], fact: undefined })).toMatchObject({ outcome: { kind: 'stalled' } })
})

test('of Secrets only the keys leave the cluster that the field defines', () => {
  const keys = ['.dockerconfigjson', 'accesskey', 'secretkey', 'username', 'password', 'identity', 'ca.crt', 'tls.key', 'other']
  const taken = (object: SourceObject) => secretsOf(object).map(({ name, takes }) => [name, keys.filter(takes)])
  const refs = { secretRef: { name: 's' }, certSecretRef: { name: 'c' } }
  expect(taken(oci(refs))).toEqual([
    ['s', ['.dockerconfigjson']],
    ['c', ['ca.crt', 'tls.key']],
  ])
  expect(taken(of('HelmRepository', { url: 'https://x', ...refs }))).toEqual([
    ['s', ['.dockerconfigjson', 'username', 'password']],
    ['c', ['ca.crt', 'tls.key']],
  ])
  expect(taken(of('GitRepository', { url: 'https://x', secretRef: { name: 's' } }))).toEqual([
    ['s', ['username', 'password', 'identity', 'ca.crt', 'tls.key']],
  ])
  expect(taken(bucket(refs))).toEqual([
    ['s', ['accesskey', 'secretkey']],
    ['c', ['ca.crt', 'tls.key']],
  ])
  expect(taken(chart())).toEqual([])
})
