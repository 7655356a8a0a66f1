import { expect, test } from 'vitest'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { type Patron, serve } from './serve.ts'

const repository = (url: string): Manifest => ({
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind: 'GitRepository',
  metadata: { name: 'app', namespace: 'shop' },
  spec: { url, interval: '1m' },
})
const patron = (hosts?: readonly string[]): Patron => ({ credentialId: undefined, trusted: false, tenant: { tenant: 'shop', hosts } })
const keyOf = (given: Patron) => {
  const served = serve(repository('https://git.example.com/app'), given)
  return served && 'key' in served ? served.key : expect.fail('it was not served')
}

test('a host that is not on the list of the tenant is refused, and the sentence names host, tenant and field', () => {
  for (const url of ['https://evil.example/app', 'ssh://git@evil.example/app', 'http://evil.example:8080/git.example.com'])
    expect(serve(repository(url), patron(['git.example.com']))).toEqual({
      problem: {
        reason: 'AccessDenied',
        message:
          'tenant shop may not fetch from there: evil.example is not among the hosts that spec.sources.hosts of the tenant names (git.example.com); an administrator can add it there',
        stalled: true,
      },
    })
})

test('a host that is on the list is fetched from, and the list goes with the source', () => {
  expect(serve(repository('https://git.example.com/app'), patron(['git.example.com']))).toMatchObject({ hosts: ['git.example.com'] })
})

test('tenants share a source only where the same may be reached for them', () => {
  const keys = [undefined, ['git.example.com'], ['git.example.com', 'other.example']].map((hosts) => keyOf(patron(hosts)))
  expect(new Set([...keys, keyOf({ credentialId: undefined, trusted: true, tenant: undefined })]).size).toBe(4)
  expect(keyOf(patron(['b.example', 'git.example.com']))).toBe(keyOf(patron(['git.example.com', 'b.example', 'b.example'])))
})

const object = (kind: string, spec: object): Manifest => ({ ...repository(''), kind, spec: { interval: '1m', ...spec } })
const chartFrom = (url: string): Patron => ({
  ...patron(['charts.example']),
  upstream: { manifest: object('HelmRepository', { url }), credentialId: 'c', credentialProblem: undefined },
})
const chart = object('HelmChart', { chart: 'web', sourceRef: { kind: 'HelmRepository', name: 'app' } })

test.each([
  ['an artifact', object('OCIRepository', { url: 'oci://evil.example/a' }), patron(['charts.example'])],
  ['an index', object('HelmRepository', { url: 'https://evil.example' }), patron(['charts.example'])],
  ['a bucket', object('Bucket', { endpoint: 'evil.example', bucketName: 'apps' }), patron(['charts.example'])],
  ['a chart, by its repository', chart, chartFrom('https://evil.example/charts')],
])('the list of the tenant holds for %s', (_, manifest, given) => {
  expect(serve(manifest, given)).toMatchObject({ problem: { reason: 'AccessDenied', stalled: true } })
})

test('a chart of a tenant carries the list on, for redirects and addresses that an index names', () => {
  expect(serve(chart, chartFrom('https://charts.example'))).toMatchObject({ hosts: ['charts.example'], credentialId: 'c', trusted: false })
})

test.each([
  ['a tag in the address', object('OCIRepository', { url: 'oci://ghcr.io/a/b:1.0.0' }), 'URLInvalid'],
  ['a digest in the address', object('OCIRepository', { url: `oci://ghcr.io/a@sha256:${'0'.repeat(64)}` }), 'URLInvalid'],
  ['a registry as an index', object('HelmRepository', { url: 'oci://ghcr.io/a' }), 'URLInvalid'],
  ['an index as a registry', object('HelmRepository', { url: 'https://x.example', type: 'oci' }), 'URLInvalid'],
  ['keyless signatures', object('OCIRepository', { url: 'oci://ghcr.io/a', verify: { provider: 'cosign' } }), 'FeatureGateDisabled'],
  ['a bucket at an address', object('Bucket', { endpoint: 'https://x.example', bucketName: 'apps' }), 'URLInvalid'],
  ['a bucket of a cloud', object('Bucket', { endpoint: 'x.example', bucketName: 'apps', provider: 'gcp' }), 'FeatureGateDisabled'],
  ['a chart of nothing', chart, 'SourceUnavailable'],
])('%s is told', (_, manifest, reason) => {
  expect(serve(manifest, patron())).toMatchObject({ problem: { reason } })
})

const proxySecretRef = { name: 'proxy' }

test('what names a proxy is fetched for nobody who names none', () => {
  const of = (kind: string, spec: object) => serve(object(kind, spec), patron())
  for (const [kind, spec] of [
    ['OCIRepository', { url: 'oci://ghcr.io/a' }],
    ['GitRepository', { url: 'https://git.example/a' }],
    ['Bucket', { endpoint: 's3.example', bucketName: 'apps' }],
  ] as const) {
    const proxied = of(kind, { ...spec, proxySecretRef })
    expect(proxied).toMatchObject({ options: { proxied: true } })
    expect(proxied).not.toMatchObject({ key: (of(kind, spec) as { key: string }).key })
  }
})

test('a proxy does not carry ssh, which is told, also to the charts of the repository', () => {
  const manifest = object('GitRepository', { url: 'ssh://git@git.example/a', proxySecretRef })
  const told = { problem: { reason: 'GitOperationFailed', message: expect.stringContaining('does not carry ssh'), stalled: true } }
  expect(serve(manifest, patron())).toMatchObject(told)
  const upstream = { manifest, credentialId: 'c', credentialProblem: undefined }
  const inGit = object('HelmChart', { chart: 'web', sourceRef: { kind: 'GitRepository', name: 'app' } })
  expect(serve(inGit, { ...patron(), upstream })).toMatchObject(told)
})

test('a bucket and the charts in it are fetched from one address, with the same options', () => {
  const spec = { endpoint: 's3.eu-west-1.amazonaws.com', bucketName: 'apps', prefix: 'x/', secretRef: { name: 's' }, provider: 'aws' }
  const options = { bucket: 'apps', prefix: 'x/', keyed: true }
  const url = 'https://apps.s3.eu-west-1.amazonaws.com'
  expect(serve(object('Bucket', spec), patron())).toMatchObject({ kind: 'Bucket', url, options })
  const upstream = { manifest: object('Bucket', spec), credentialId: 'c', credentialProblem: undefined }
  const inBucket = object('HelmChart', { chart: './charts/web', version: '1.x', sourceRef: { kind: 'Bucket', name: 'app' } })
  expect(serve(inBucket, { ...patron(), upstream })).toMatchObject({
    ...{ kind: 'HelmChart', url, credentialId: 'c' },
    options: { chart: 'charts/web', version: '', bucket: options },
  })
})

test('a port in the address of a registry is no tag', () => {
  expect(serve(object('OCIRepository', { url: 'oci://127.0.0.1:5000/a' }), patron())).toMatchObject({ url: 'oci://127.0.0.1:5000/a' })
})
