import { expect, test } from 'vitest'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { hasHandled, hasWorkedOn, isDecided, isSettled, outcomeOf } from './ready.ts'

const at = '2026-01-01T00:00:00.000Z'
function anObject(
  ready: { status: string; reason?: string; message?: string; generation?: number } | undefined,
  status: object = {},
): Manifest {
  const { generation = 2, message = 'm', reason = 'R', status: is } = ready ?? { status: '' }
  const conditions = ready ? [{ type: 'Ready', status: is, reason, message, lastTransitionTime: at, observedGeneration: generation }] : []
  return { apiVersion: 'x/v1', kind: 'Kustomization', metadata: { name: 'apps', generation: 2 }, status: { conditions, ...status } }
}

test.each([
  ['ready', anObject({ status: 'True' }, { lastAppliedRevision: 'main@sha1:abc' }), true],
  ['ready, of a revision that is not known yet', anObject({ status: 'True' }), false],
  ['failed', anObject({ status: 'False' }), true],
  ['in progress', anObject({ status: 'Unknown' }), false],
  ['ready with what it was told before', anObject({ status: 'True', generation: 1 }), false],
  ['looked at by nobody', anObject(undefined), false],
])('an object that is %s is settled or not', (_name, object, settled) => {
  expect(isSettled(object)).toBe(settled)
})

test('one that waits for its source is settled, yet not decided', () => {
  const waiting = anObject({ status: 'False', reason: 'ArtifactFailed' })
  expect([isSettled(waiting), isDecided(waiting)]).toEqual([true, false])
  expect(isDecided(anObject({ status: 'False', reason: 'BuildFailed' }))).toBe(true)
})

const aRelease = (reason: string, status: object): Manifest => ({
  ...anObject({ status: reason.endsWith('Succeeded') ? 'True' : 'False', reason }, status),
  kind: 'HelmRelease',
})

test('a HelmRelease waits for its chart and for others; a chart that cannot be loaded is an end', () => {
  const decided = (reason: string) => isDecided(aRelease(reason, {}))
  expect(['SourceNotReady', 'DependencyNotReady', 'ArtifactFailed', 'InstallFailed'].map(decided)).toEqual([false, false, true, true])
})

test.each([
  ['the revision', aRelease('UpgradeSucceeded', { lastAttemptedRevision: '2.0.0' }), '2.0.0', true],
  ['a later one', aRelease('UpgradeSucceeded', { lastAttemptedRevision: '3.0.0' }), '2.0.0', true],
  ['the one before', aRelease('UpgradeSucceeded', { lastAttemptedRevision: '1.0.0' }), '2.0.0', false],
  ['the one before, which failed', aRelease('RetriesExceeded', { lastAttemptedRevision: '1.0.0' }), '2.0.0', false],
  ['none, as its values are missing', aRelease('ValuesError', { lastAttemptedRevision: '1.0.0' }), '2.0.0', true],
  [
    'the artifact of the revision',
    aRelease('UpgradeSucceeded', { lastAttemptedRevision: '1.0.0', lastAttemptedRevisionDigest: 'sha256:ab' }),
    'latest@sha256:ab',
    true,
  ],
])('a HelmRelease that has worked on %s has worked on what its source was given, or not', (_name, object, revision, worked) => {
  expect(hasWorkedOn(object, { before: '1.0.0', revision })).toBe(worked)
})

test('a request is handled when the object says so', () => {
  expect(hasHandled(anObject({ status: 'True' }, { lastHandledReconcileAt: at, lastAppliedRevision: 'r' }), at)).toBe(true)
  expect(hasHandled(anObject({ status: 'True' }, { lastHandledReconcileAt: 'earlier', lastAppliedRevision: 'r' }), at)).toBe(false)
})

test('a success is told in the words of flux', () => {
  expect(outcomeOf(anObject({ status: 'True' }, { lastAppliedRevision: 'main@sha1:abc' }))).toBe('✔ applied revision main@sha1:abc')
  const history = [{ chartVersion: '1.2.0' }]
  expect(outcomeOf(aRelease('UpgradeSucceeded', { history }))).toBe('✔ applied revision 1.2.0')
  expect(outcomeOf(anObject({ status: 'True' }, { artifact: { revision: 'main@sha1:abc' } }))).toBe('✔ fetched revision main@sha1:abc')
})

test('a failure is told with its reason', () => {
  expect(() => outcomeOf(anObject({ status: 'False', reason: 'BuildFailed', message: 'kustomization.yaml: line 3' }))).toThrow(
    'Kustomization apps is not ready: BuildFailed: kustomization.yaml: line 3',
  )
})
