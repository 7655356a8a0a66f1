import { expect, test } from 'vitest'
import type { StoredRelease } from '../../../proto/helm/stored.ts'
import { configDigest } from './digests.ts'
import { isSnapshotOf, releaseDigest, renewed, snapshotOf, testHooksOf } from './observe.ts'

const release = {
  name: 'app',
  namespace: 'prod',
  version: 3,
  info: {
    first_deployed: '2026-08-01T10:00:00.123456789+02:00',
    last_deployed: '2026-08-02T10:00:00Z',
    deleted: '',
    description: 'Upgrade complete <ok> & done',
    status: 'deployed',
    notes: 'Visit https://x/?a=1&b=2\n',
  },
  chart: {
    name: 'app',
    home: 'https://example.com',
    sources: ['https://a', 'https://b'],
    version: '1.2.3',
    description: 'A <chart>',
    keywords: ['k'],
    maintainers: [{ name: 'M', email: 'm@example.com' }],
    icon: 'https://i',
    apiVersion: 'v2',
    condition: '',
    appVersion: '9.8',
    deprecated: false,
    annotations: { b: '2', a: '1', '10': 'x', '9': 'y' },
    kubeVersion: '>=1.20',
    dependencies: [
      { name: 'sub', version: '1.x', repository: '', enabled: true, 'import-values': [{ child: 'a', parent: 'b' }, 'c'], alias: 'other' },
    ],
    type: 'application',
  },
  config: { z: 1, a: { '10': 't', '9': 1.5, b: [1, 2.25, 1e21, 1e-7, '<&>'], n: null }, t: true, big: 123456789012, tab: 'a\tb' },
  manifest: '---\n# Source: app/templates/x.yaml\napiVersion: v1\n',
  hooks: [
    {
      name: 'pre',
      kind: 'Job',
      path: 'app/templates/pre.yaml',
      manifest: 'kind: Job',
      events: ['pre-install', 'pre-upgrade'],
      last_run: { started_at: '2026-08-02T10:00:00Z', completed_at: '', phase: 'Succeeded' },
      weight: -5,
      delete_policies: ['hook-succeeded'],
      output_log_policies: ['hook-failed'],
    },
    {
      name: 'test',
      kind: 'Pod',
      path: 't',
      manifest: 'm',
      events: ['test'],
      last_run: { started_at: '2026-08-02T10:00:01Z', completed_at: '2026-08-02T10:00:02Z', phase: 'Failed' },
    },
  ],
  applyMethod: 'ssa',
  secret: { namespace: 'prod', name: 'sh.helm.release.v1.app.v3', resourceVersion: '1' },
} as const satisfies Omit<StoredRelease, 'hooks'> & { readonly hooks: readonly object[] }

// Both digests were made by a Go program with Helm 4's own types, which encode as helm-controller's do, and Flux's own package for values.
test('the digest of a release is the one that Flux makes of it', () => {
  expect(releaseDigest(release)).toBe('sha256:0215e01b1a229ad6b81f2da8e537e7c0b4fdaf78b22e374a105553a11c0c04f6')
  expect(configDigest(release.config)).toBe('sha256:14d3ab41101c1a607cebdc36bca5e66d185e8bf944ed1b441b2b6bebed5c2eab')
})

test('tests that ran change nothing; anything else does', () => {
  const [hook] = release.hooks
  expect(releaseDigest({ ...release, hooks: hook ? [hook] : [] })).toBe(releaseDigest(release))
  expect(releaseDigest({ ...release, config: {} })).not.toBe(releaseDigest(release))
  expect(releaseDigest(release, 'sha256:aa')).not.toBe(releaseDigest(release))
})

test('a snapshot holds what the status keeps, with times to the second', () => {
  expect(snapshotOf(release, { action: 'upgrade' })).toMatchObject({
    action: 'upgrade',
    appVersion: '9.8',
    chartName: 'app',
    chartVersion: '1.2.3',
    firstDeployed: '2026-08-01T08:00:00Z',
    lastDeployed: '2026-08-02T10:00:00Z',
    status: 'deployed',
    version: 3,
  })
  expect(testHooksOf(release)).toEqual({
    test: { lastStarted: '2026-08-02T10:00:01Z', lastCompleted: '2026-08-02T10:00:02Z', phase: 'Failed' },
  })
})

test.each<[string, readonly { readonly name: string; readonly exclude?: boolean }[], readonly string[]]>([
  ['no filter', [], ['test']],
  ['its own name', [{ name: 'test' }], ['test']],
  ['another name', [{ name: 'other' }], []],
  ['its own name left out', [{ name: 'test', exclude: true }], []],
  ['another name left out', [{ name: 'other', exclude: true }], ['test']],
  ['its own name, left out again', [{ name: 'test' }, { name: 'test', exclude: true }], []],
])('tests that are not to run are none: %s', (_name, filters, names) => {
  expect(Object.keys(testHooksOf(release, filters))).toEqual(names)
})

test('a snapshot of an older Flux is believed for its version, and renewed so that changes are seen from then on', () => {
  const { apiVersion, ...old } = { ...snapshotOf(release, { action: 'install' }), digest: 'sha256:of-another-making' }
  expect(apiVersion).toBe('v2')
  expect(isSnapshotOf(old, release)).toBe(true)
  expect(isSnapshotOf(old, { ...release, version: 4 })).toBe(false)
  const now = renewed({ ...old, testHooks: { test: { phase: 'Succeeded' } } }, release)
  expect(now).toEqual({ ...snapshotOf(release, { action: 'install' }), testHooks: { test: { phase: 'Succeeded' } } })
  expect(isSnapshotOf(now, { ...release, config: {} })).toBe(false)
  expect(renewed(now, release)).toBe(now)
})
