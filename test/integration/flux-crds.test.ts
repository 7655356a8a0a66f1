import { afterAll, beforeAll, expect, test } from 'vitest'
import { manifestsYaml } from '../../deploy/manifests/yaml.ts'
import { fluxCrds } from '../../proto/model/flux/crds.ts'
import { FLUX_KINDS } from '../../proto/model/flux/kinds.ts'
import { parseFluxObject } from '../../proto/model/flux/parse.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { openCluster, type TestCluster } from '../support/cluster.ts'

let cluster: TestCluster
beforeAll(async () => {
  cluster = await openCluster({ name: 'crds' })
  await cluster.kubectl(['apply', '--server-side', '-f', '-'], { input: manifestsYaml(fluxCrds()) })
  await cluster.kubectl(['wait', 'crd', '--all', '--for=condition=Established', '--timeout=30s'])
})
afterAll(() => cluster[Symbol.asyncDispose]())

const object = (apiVersion: string, kind: string, spec: unknown): Manifest => ({
  apiVersion,
  kind,
  metadata: { name: 'it', namespace: 'default' },
  spec,
})
const git = (spec: object) => object('source.toolkit.fluxcd.io/v1', 'GitRepository', { url: 'https://x/y', interval: '1m', ...spec })
const ks = (spec: object) =>
  object('kustomize.toolkit.fluxcd.io/v1', 'Kustomization', {
    interval: '1m',
    prune: true,
    sourceRef: { kind: 'GitRepository', name: 'x' },
    ...spec,
  })
const bucket = (spec: object) =>
  object('source.toolkit.fluxcd.io/v1', 'Bucket', { bucketName: 'b', endpoint: 'e', interval: '1m', ...spec })
const hr = (spec: object) => object('helm.toolkit.fluxcd.io/v2', 'HelmRelease', { interval: '1m', ...spec })
const release = (spec: object) => hr({ chartRef: { kind: 'HelmChart', name: 'c' }, ...spec })
const receiver = (spec: object) =>
  object('notification.toolkit.fluxcd.io/v1', 'Receiver', { resources: [{ kind: 'GitRepository', name: '*' }], ...spec })
const policy = (spec: object) =>
  object('image.toolkit.fluxcd.io/v1', 'ImagePolicy', { imageRepositoryRef: { name: 'x' }, policy: { semver: { range: '*' } }, ...spec })

/** What the API server stores of the object, without storing it; or its words of refusal. */
async function ask(manifest: Manifest): Promise<{ readonly stored: Manifest } | { readonly refused: string }> {
  try {
    const text = await cluster.kubectl(['create', '--dry-run=server', '-o', 'json', '-f', '-'], { input: JSON.stringify(manifest) })
    return { stored: JSON.parse(text) }
  } catch (error) {
    return { refused: String(error) }
  }
}

test('a real API server takes every CRD, with structural schemas, Flux names, short names and categories', async () => {
  const { items } = JSON.parse(await cluster.kubectl(['get', 'crd', '-o', 'json']))
  const crds = items.filter(({ spec }: { spec: { group: string } }) => spec.group.endsWith('.toolkit.fluxcd.io'))
  expect(crds).toHaveLength(FLUX_KINDS.length)
  for (const { metadata, status } of crds) {
    const wrong = status.conditions.filter(
      ({ type, status: is }: { type: string; status: string }) => (is === 'True') === (type === 'NonStructuralSchema'),
    )
    expect(wrong, metadata.name).toEqual([])
  }
  const listed = await cluster.kubectl(['api-resources', '--categories=fluxcd', '--no-headers'])
  expect(listed.trim().split('\n')).toHaveLength(FLUX_KINDS.length)
  for (const { shortNames } of FLUX_KINDS) for (const name of shortNames) expect(listed).toMatch(new RegExp(`[ ,]${name}[ ,]`))
  expect(await cluster.kubectl(['explain', 'kustomization.spec.postBuild.substituteFrom'])).toContain('later ones win')
})

const GOOD: readonly (readonly [string, Manifest])[] = [
  ['the least of a GitRepository', git({})],
  [
    'a GitRepository over ssh with all of ref',
    git({ url: 'ssh://git@h/r', ref: { branch: 'b', tag: 't', semver: '*', name: 'n', commit: 'c' } }),
  ],
  ['a GitRepository with verify and include', git({ verify: { secretRef: { name: 'k' } }, include: [{ repository: { name: 'o' } }] })],
  ['the least of a Kustomization', ks({})],
  [
    'a Kustomization with most of its fields',
    ks({
      dependsOn: [{ name: 'a', namespace: 'b' }],
      patches: [{ patch: 'x', target: { kind: 'Deployment' } }],
      images: [{ name: 'n', newTag: '1' }],
      postBuild: { substitute: { a: 'b' }, substituteFrom: [{ kind: 'ConfigMap', name: 'c' }], substituteStrategy: 'Always' },
      healthChecks: [{ kind: 'Deployment', name: 'd', apiVersion: 'apps/v1' }],
      deletionPolicy: 'WaitForTermination',
      kubeConfig: { secretRef: { name: 's' } },
      ignore: [{ paths: ['/spec/replicas'] }],
    }),
  ],
  ['a Bucket', bucket({})],
  [
    'a HelmRelease with a chart and any values',
    hr({ chart: { spec: { chart: 'c', sourceRef: { kind: 'HelmRepository', name: 'r' } } }, values: { a: { b: [1, null, 'x'] } } }),
  ],
  ['a Receiver with a secret', receiver({ type: 'github', secretRef: { name: 's' } })],
  ['an ImagePolicy', policy({})],
  ['a Provider', object('notification.toolkit.fluxcd.io/v1beta3', 'Provider', { type: 'slack', channel: 'x' })],
]

test.each(GOOD)('stores %s as our parser reads it', async (_name, manifest) => {
  const answer = await ask(manifest)
  if ('refused' in answer) throw new Error(answer.refused)
  const parsed = parseFluxObject(manifest, { strict: true })
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems))
  expect(parsed.object.spec).toEqual(answer.stored.spec)
})

test('gives a fresh object the status that kstatus takes for work in progress', async () => {
  await cluster.kubectl(['create', '-f', '-'], { input: JSON.stringify(git({})) })
  expect(JSON.parse(await cluster.kubectl(['get', 'gitrepo', 'it', '-o', 'json'])).status).toEqual({ observedGeneration: -1 })
  expect(await cluster.kubectl(['get', 'gitrepo', 'it'])).toMatch(/^NAME +URL +AGE +READY +STATUS/)
  await cluster.kubectl(['delete', 'gitrepo', 'it'])
})

const BAD: readonly (readonly [string, Manifest, RegExp])[] = [
  ['an scp-like address', git({ url: 'git@github.com:a/b' }), /spec\.url/],
  ['an interval without unit', git({ interval: '10' }), /spec\.interval/],
  ['a timeout in hours', git({ timeout: '1h' }), /spec\.timeout/],
  ['a ServiceAccount on a generic provider', git({ serviceAccountName: 'x' }), /serviceAccountName can only be set when provider is/],
  ['a missing prune', ks({ prune: undefined }), /spec\.prune/],
  ['a source of an unknown kind', ks({ sourceRef: { kind: 'Svn', name: 'x' } }), /spec\.sourceRef\.kind/],
  ['a kubeConfig with both references', ks({ kubeConfig: { secretRef: { name: 'a' }, configMapRef: { name: 'b' } } }), /exactly one of/],
  ['a kubeConfig with none', ks({ kubeConfig: {} }), /exactly one of/],
  ['a prefix that is too long', ks({ namePrefix: 'x'.repeat(201) }), /spec\.namePrefix/],
  [
    'an STS service on Google',
    bucket({ provider: 'gcp', sts: { provider: 'aws', endpoint: 'https://x' } }),
    /STS configuration is only supported/,
  ],
  ['a HelmRelease without chart', hr({}), /either chart or chartRef must be set/],
  ['a HelmRelease with an unknown strategy', release({ upgrade: { strategy: { name: 'Hope' } } }), /spec\.upgrade\.strategy\.name/],
  [
    'values from something that is no ConfigMap or Secret',
    release({ valuesFrom: [{ kind: 'Pod', name: 'p' }] }),
    /spec\.valuesFrom\[0\]\.kind/,
  ],
  ['values from something without a name', release({ valuesFrom: [{ kind: 'Secret', name: '' }] }), /spec\.valuesFrom\[0\]\.name/],
  [
    'values from a key that cannot be one',
    release({ valuesFrom: [{ kind: 'Secret', name: 's', valuesKey: 'a b' }] }),
    /spec\.valuesFrom\[0\]\.valuesKey/,
  ],
  [
    'values for a path that is none',
    release({ valuesFrom: [{ kind: 'Secret', name: 's', targetPath: 'a b' }] }),
    /spec\.valuesFrom\[0\]\.targetPath/,
  ],
  ['a Receiver without secret', receiver({ type: 'github' }), /secretRef is required when type is not generic-oidc/],
  ['an ImagePolicy that always looks without interval', policy({ digestReflectionPolicy: 'Always' }), /spec\.interval must be set/],
]

test.each(BAD)('API server and parser both refuse %s', async (_name, manifest, words) => {
  const answer = await ask(manifest)
  expect('refused' in answer && answer.refused).toMatch(words)
  const parsed = parseFluxObject(manifest)
  const problems = 'problems' in parsed ? parsed.problems.map(({ path, message }) => `${path}: ${message}`).join('\n') : ''
  expect(problems).toMatch(words)
})
