import { expect, test } from 'vitest'
import type { HelmRelease } from '../../../proto/model/flux/helm/kinds.ts'
import { FINALIZER } from '../../../proto/model/names.ts'
import type { HelmPlan } from '../helm/model.ts'
import { releasePlan } from './relaxed.ts'

const RELEASE: HelmPlan = {
  kind: 'release',
  account: { namespace: 'shop', name: 'releaser' },
  digest: 'sha256:1',
  revision: '1.0.0',
  source: { group: 'source.toolkit.fluxcd.io', kind: 'HelmChart', namespace: 'shop', name: 'shop-web' },
}
const object = {
  apiVersion: 'helm.toolkit.fluxcd.io/v2',
  kind: 'HelmRelease',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { interval: '1m', suspend: true, dependsOn: [{ name: 'db' }] },
  status: {},
} as unknown as HelmRelease

test('what holds a release is told, and what it would be without', () => {
  const plan = ({ metadata, spec }: HelmRelease): HelmPlan => {
    if (!metadata.finalizers?.includes(FINALIZER)) return { kind: 'add-finalizer' }
    if (spec.suspend) return { kind: 'suspended' }
    return spec.dependsOn ? { kind: 'not-ready', reason: 'DependencyNotReady', message: "dependency 'shop/db' is not ready" } : RELEASE
  }
  expect(releasePlan(object, plan)).toEqual({ plan: RELEASE, held: ['it is suspended', "dependency 'shop/db' is not ready"] })
})

test.each([
  ['is refused', { kind: 'stalled', reason: 'AccessDenied', message: 'no' }, { problem: 'no', isLasting: true }],
  ['has no chart', { kind: 'no-chart', reason: 'ArtifactFailed', message: 'none' }, { problem: 'none', isLasting: true }],
  ['waits for its chart', { kind: 'not-ready', reason: 'SourceNotReady', message: 'soon' }, { problem: 'soon', isLasting: false }],
  ['waits for the hub', { kind: 'waiting' }, { problem: 'the hub has not said yet which chart it gets', isLasting: false }],
  [
    'is deleted',
    { kind: 'finalize', account: undefined, why: '' },
    { problem: 'it is being deleted, and its release with it', isLasting: true },
  ],
] as const)('there is nothing to compare where it %s', (_name, plan, problem) => {
  expect(releasePlan(object, () => plan)).toEqual({ plan: problem, held: [] })
})
