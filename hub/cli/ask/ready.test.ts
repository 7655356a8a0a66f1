import { expect, test } from 'vitest'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { hasHandled, isDecided, isSettled, outcomeOf } from './ready.ts'

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

test('a request is handled when the object says so', () => {
  expect(hasHandled(anObject({ status: 'True' }, { lastHandledReconcileAt: at, lastAppliedRevision: 'r' }), at)).toBe(true)
  expect(hasHandled(anObject({ status: 'True' }, { lastHandledReconcileAt: 'earlier', lastAppliedRevision: 'r' }), at)).toBe(false)
})

test('a success is told in the words of flux', () => {
  expect(outcomeOf(anObject({ status: 'True' }, { lastAppliedRevision: 'main@sha1:abc' }))).toBe('✔ applied revision main@sha1:abc')
  expect(outcomeOf(anObject({ status: 'True' }, { artifact: { revision: 'main@sha1:abc' } }))).toBe('✔ fetched revision main@sha1:abc')
})

test('a failure is told with its reason', () => {
  expect(() => outcomeOf(anObject({ status: 'False', reason: 'BuildFailed', message: 'kustomization.yaml: line 3' }))).toThrow(
    'Kustomization apps is not ready: BuildFailed: kustomization.yaml: line 3',
  )
})
