import { expect, test } from 'vitest'
import type { Snapshot } from '../../show/release.ts'
import { historyText } from './history.ts'

const aSnapshot = (version: number, more: Partial<Snapshot> = {}): Snapshot => ({
  chartName: 'web',
  chartVersion: '1.2.0',
  appVersion: '9',
  configDigest: 'sha256:1',
  digest: 'sha256:2',
  firstDeployed: '2026-11-21T10:00:00Z',
  lastDeployed: `2026-11-21T10:0${version}:00Z`,
  name: 'web',
  namespace: 'shop',
  status: 'superseded',
  version,
  ...more,
})
const inCluster = (cluster: string, ...history: readonly Snapshot[]) => ({
  where: { cluster, namespace: 'flux-system', name: 'web' },
  object: { apiVersion: 'x/v2', kind: 'HelmRelease', metadata: { name: 'web', namespace: 'flux-system' }, status: { history } },
})
const rows = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => line.split(/\s{2,}/))

test('each cluster tells the versions of its release, with chart, app and how they ended', () => {
  const staging = inCluster('staging', aSnapshot(2, { status: 'deployed', action: 'upgrade' }), aSnapshot(1, { chartVersion: '1.1.0' }))
  expect(rows(historyText([inCluster('production', aSnapshot(1)), staging]))).toEqual([
    ['CLUSTER', 'RELEASE', 'VERSION', 'UPDATED', 'STATUS', 'CHART', 'APP VERSION', 'ACTION', 'TESTS'],
    ['production', 'shop/web', '1', '2026-11-21T10:01:00Z', 'superseded', 'web-1.2.0', '9'],
    ['staging', 'shop/web', '2', '2026-11-21T10:02:00Z', 'deployed', 'web-1.2.0', '9', 'upgrade'],
    ['staging', 'shop/web', '1', '2026-11-21T10:01:00Z', 'superseded', 'web-1.1.0', '9'],
  ])
})

test('tests are told by how many came to which end; none is told of a chart without any', () => {
  const told = (testHooks?: Snapshot['testHooks']) =>
    rows(historyText([inCluster('staging', aSnapshot(1, { action: 'install', ...(testHooks ? { testHooks } : {}) }))]))[1]?.[8]
  expect(told({ one: { phase: 'Succeeded' }, two: { phase: 'Failed' }, three: { phase: 'Succeeded' } })).toBe('1 Failed, 2 Succeeded')
  expect([told({}), told()]).toEqual(['none', undefined])
})
