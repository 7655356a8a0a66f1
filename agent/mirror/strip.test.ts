import { expect, test } from 'vitest'
import type { KustomizationStatus } from '../../proto/model/flux/kustomize/kustomization.ts'
import { withoutRevision, withRevision } from '../../proto/model/flux/revision.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { kustomizationStatus } from './kustomization-status.ts'
import type { StatusMoment } from './model.ts'
import { sourceStatus } from './source-status.ts'
import { reportKey, strip } from './strip.ts'

const AT: StatusMoment = { generation: 1, now: new Date('2026-11-21T10:00:00Z') }
const LATER: StatusMoment = { ...AT, now: new Date('2026-11-21T11:00:00Z') }
const succeeded = (old: KustomizationStatus, revision: string, at = AT) =>
  kustomizationStatus(
    old,
    {
      kind: 'succeeded',
      attempt: { revision, digest: 'sha256:1', durationMs: at === AT ? 1000 : 1200 },
      inventory: [{ id: 'a_b__ConfigMap', v: 'v1' }],
      health: { kind: 'passed', durationMs: 3000 },
      changed: false,
    },
    at,
  )
const AAA = succeeded({ observedGeneration: -1 }, 'main@sha1:aaa')
const BBB = succeeded(AAA, 'main@sha1:bbb', LATER)
const manifest = (status: unknown, more: object = {}): Manifest => ({
  apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
  kind: 'Kustomization',
  metadata: { name: 'a', namespace: 'b', resourceVersion: '1', ...more },
  spec: {},
  status,
})

test('a report has no managed fields, and keeps what kubectl apply needs to find dropped fields', () => {
  const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{}', mine: 'x' }
  expect(strip(manifest({}, { managedFields: [{}], annotations })).metadata).toEqual({
    name: 'a',
    namespace: 'b',
    resourceVersion: '1',
    annotations,
  })
})

test('a commit that changes nothing for an object gives no new report', () => {
  expect(AAA).not.toEqual(BBB)
  expect(reportKey(manifest(AAA))).toBe(reportKey(manifest(BBB, { resourceVersion: '2' })))
})

test('a failure, a changed inventory and a label each give a new report', () => {
  const failed = kustomizationStatus(BBB, { kind: 'failed', reason: 'BuildFailed', message: 'x', attemptedRevision: 'c' }, LATER)
  const keys = [
    manifest(BBB),
    manifest(failed),
    manifest({ ...BBB, inventory: { entries: [] } }),
    manifest(BBB, { labels: { a: 'b' } }),
  ].map(reportKey)
  expect(new Set(keys).size).toBe(4)
})

test('the revision taken out of a Kustomization comes back as it was', () => {
  const { revision, status } = withoutRevision('Kustomization', AAA)
  expect(revision).toBe('main@sha1:aaa')
  expect(JSON.stringify(status)).not.toContain('aaa')
  expect(withRevision('Kustomization', status, { revision: 'main@sha1:aaa', at: '2026-11-21T10:00:00Z' })).toEqual(AAA)
})

test('what was mirrored at one revision is served at the next', () => {
  const { status } = withoutRevision('Kustomization', AAA)
  const served = withRevision('Kustomization', status, { revision: 'main@sha1:bbb', at: '2026-11-21T11:00:00Z' })
  expect(served).toMatchObject({
    lastAppliedRevision: 'main@sha1:bbb',
    conditions: BBB.conditions,
    history: [{ lastReconciled: '2026-11-21T11:00:00Z' }],
  })
})

test('a straggler keeps its own revision, and no other is put over it', () => {
  const failed = kustomizationStatus(
    AAA,
    { kind: 'failed', reason: 'BuildFailed', message: 'x', attemptedRevision: 'main@sha1:bbb' },
    LATER,
  )
  expect(withoutRevision('Kustomization', failed)).toEqual({ status: failed })
  expect(withRevision('Kustomization', failed, { revision: 'main@sha1:ccc', at: 'x' })).toBe(failed)
})

test('the artifact of a GitRepository goes with its revision and comes back with it', () => {
  const artifact = { digest: 'sha256:1', lastUpdateTime: '2026-11-21T10:00:00Z', path: 'p', revision: 'main@sha1:aaa', url: 'u' }
  const stored = sourceStatus({ observedGeneration: -1 }, { kind: 'stored', artifact }, AT)
  const { revision, status } = withoutRevision('GitRepository', stored)
  expect(revision).toBe('main@sha1:aaa')
  expect(JSON.stringify(status)).not.toContain('aaa')
  expect(withRevision('GitRepository', status, { revision: 'main@sha1:aaa', at: artifact.lastUpdateTime, artifact })).toEqual(stored)
})
