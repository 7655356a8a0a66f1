import { expect, test } from 'vitest'
import { FLUX_KINDS, fluxKindOf } from './kinds.ts'
import { parseFluxObject } from './parse.ts'
import { unserved, unservedMessage } from './unserved.ts'

const of = (kind: string, spec: object) => {
  const apiVersion = kind === 'Kustomization' ? 'kustomize.toolkit.fluxcd.io/v1' : 'source.toolkit.fluxcd.io/v1'
  const parsed = parseFluxObject({ apiVersion, kind, metadata: { name: 'x', namespace: 'y' }, spec })
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems))
  return unserved(parsed.object)
}
const git = (spec: object) => of('GitRepository', { url: 'https://x/y', interval: '1m', ...spec })
const bucket = (spec: object) => of('Bucket', { bucketName: 'b', endpoint: 's3.example.com', interval: '1m', ...spec })
const ks = (spec: object) => of('Kustomization', { interval: '1m', prune: true, sourceRef: { kind: 'GitRepository', name: 'x' }, ...spec })

const checks = { healthCheckExprs: [{ apiVersion: 'a/v1', current: 'true' }] }

test('objects that use only what is served ask for nothing', () => {
  expect(
    git({
      provider: 'generic',
      ref: { branch: 'main' },
      secretRef: { name: 's' },
      proxySecretRef: { name: 'p' },
      ignore: '*',
      recurseSubmodules: false,
      include: [],
    }),
  ).toEqual([])
  expect(bucket({ prefix: 'apps/', region: 'eu-west-1', insecure: true, certSecretRef: { name: 'c' } })).toEqual([])
  expect(bucket({ provider: 'aws', secretRef: { name: 's' } })).toEqual([])
  expect(of('HelmChart', { chart: 'c', interval: '1m', sourceRef: { kind: 'Bucket', name: 'b' } })).toEqual([])
  expect(
    ks({
      sourceRef: { kind: 'Bucket', name: 'x' },
      dependsOn: [{ name: 'a', readyExpr: 'true' }],
      wait: true,
      postBuild: { substitute: { a: 'b' } },
      components: ['c'],
      ...checks,
    }),
  ).toEqual([])
})

test.each([
  ['verify', git({ verify: { secretRef: { name: 'k' } } }), ['spec.verify']],
  ['a cloud provider', git({ provider: 'azure', serviceAccountName: 's' }), ['spec.serviceAccountName', 'spec.provider: azure']],
  ['submodules', git({ recurseSubmodules: true }), ['spec.recurseSubmodules']],
  ['decryption', ks({ decryption: { provider: 'sops' } }), ['spec.decryption']],
  ['a remote cluster', ks({ kubeConfig: { secretRef: { name: 's' } } }), ['spec.kubeConfig']],
  ['another kind of source', ks({ sourceRef: { kind: 'ExternalArtifact', name: 'x' } }), ['spec.sourceRef.kind: ExternalArtifact']],
  ['a cloud registry', of('OCIRepository', { url: 'oci://x/y', interval: '1m', provider: 'aws' }), ['spec.provider: aws']],
  [
    'keyless signatures',
    of('OCIRepository', { url: 'oci://x/y', interval: '1m', verify: { provider: 'cosign' } }),
    ['spec.verify without secretRef (keyless signatures: public keys are needed)'],
  ],
  ['another object storage', bucket({ provider: 'gcp', serviceAccountName: 's' }), ['spec.serviceAccountName', 'spec.provider: gcp']],
  [
    "a cloud's own identity",
    bucket({ provider: 'aws' }),
    ['spec.provider: aws without secretRef (identities of a cloud: keys are needed)'],
  ],
  ['temporary credentials', bucket({ sts: { provider: 'ldap', endpoint: 'https://x' } }), ['spec.sts']],
  ['another kind', of('ExternalArtifact', {}), ['kind ExternalArtifact']],
])('%s is named', (_name, found, expected) => {
  expect(found).toEqual(expected)
})

test('the message names every part', () => {
  expect(unservedMessage(['spec.verify', 'spec.include'])).toMatch(/^Flotilla does not serve spec.verify, spec.include yet/)
})

test('a kind is found by its exact version; what Flux has dropped is no kind', () => {
  expect(FLUX_KINDS).toHaveLength(14)
  expect(fluxKindOf({ apiVersion: 'helm.toolkit.fluxcd.io/v2', kind: 'HelmRelease' })?.plural).toBe('helmreleases')
  expect(fluxKindOf({ apiVersion: 'helm.toolkit.fluxcd.io/v2beta2', kind: 'HelmRelease' })).toBeUndefined()
  expect(fluxKindOf({ apiVersion: 'apps/v1', kind: 'Deployment' })).toBeUndefined()
})

test.each<[string, object, readonly string[]]>([
  [
    'what is served',
    { driftDetection: { mode: 'enabled' }, dependsOn: [{ name: 'a', readyExpr: 'true' }], upgrade: { crds: 'CreateReplace' }, ...checks },
    [],
  ],
  ['a remote cluster', { kubeConfig: { secretRef: { name: 's' } } }, ['spec.kubeConfig']],
  ['an artifact of others', { chartRef: { kind: 'ExternalArtifact', name: 'x' } }, ['spec.chartRef.kind: ExternalArtifact']],
  ['a chart in a bucket', { chart: { spec: { chart: 'a', sourceRef: { kind: 'Bucket', name: 'b' } } } }, []],
])('of a HelmRelease, %s', (_name, spec, expected) => {
  const chart = { spec: { chart: 'a', sourceRef: { kind: 'HelmRepository', name: 'b' } } }
  const manifest = {
    apiVersion: 'helm.toolkit.fluxcd.io/v2',
    kind: 'HelmRelease',
    metadata: { name: 'x', namespace: 'y' },
    spec: { interval: '1m', ...('chartRef' in spec ? {} : { chart }), ...spec },
  }
  const parsed = parseFluxObject(manifest)
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems))
  expect(unserved(parsed.object)).toEqual(expected)
})
