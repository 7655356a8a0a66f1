import { expect, test } from 'vitest'
import { finalizerPatch, statusPatch } from './status-patch.ts'

test('equal statuses make no patch', () => {
  expect(statusPatch({ a: 1, list: [{ x: 1, y: 2 }] }, { list: [{ y: 2, x: 1 }], a: 1 })).toBeUndefined()
})

test('a patch has what differs: members that are gone are null, lists are whole', () => {
  const old = {
    observedGeneration: 1,
    lastAppliedRevision: 'a',
    observedIgnore: '*',
    artifact: { digest: 'd', url: 'u' },
    conditions: [1, 2],
  }
  const next = { observedGeneration: 1, lastAppliedRevision: 'b', artifact: { digest: 'e', url: 'u' }, conditions: [1] }
  expect(statusPatch(old, next)).toEqual({
    status: { observedIgnore: null, lastAppliedRevision: 'b', artifact: { digest: 'e' }, conditions: [1] },
  })
})

test('the finalizer is put beside those of others and taken from among them, bound to the version that was seen', () => {
  const metadata = { name: 'x', resourceVersion: '7', finalizers: ['other'] }
  expect(finalizerPatch(metadata, 'present')).toEqual({ metadata: { finalizers: ['other', 'finalizers.fluxcd.io'], resourceVersion: '7' } })
  const both = { ...metadata, finalizers: ['finalizers.fluxcd.io', 'other'] }
  expect(finalizerPatch(both, 'absent')).toEqual({ metadata: { finalizers: ['other'], resourceVersion: '7' } })
  expect(finalizerPatch(metadata, 'absent')).toBeUndefined()
})
