import { expect, test } from 'vitest'
import type { Manifest } from '../../proto/model/manifest.ts'
import { changesBetween } from './changes.ts'

const base: Manifest = {
  apiVersion: 'v1',
  kind: 'X',
  metadata: { name: 'a', uid: '1', generation: 1, resourceVersion: '5', labels: { a: 'b' } },
  spec: { x: 1 },
  status: { y: 1 },
}
const meta = (more: object): Manifest => ({ ...base, metadata: { ...base.metadata, ...more } })
const REQUEST = { 'reconcile.fluxcd.io/requestedAt': 'now' }

test.each([
  ['nothing but the version', base, meta({ resourceVersion: '6', managedFields: [{}] }), []],
  ['a first sight', undefined, base, ['added']],
  ['a first sight of an object that is going', undefined, meta({ deletionTimestamp: 't' }), ['added', 'deleting']],
  ['an object that is gone', base, undefined, ['removed']],
  ['another object of the same name', base, meta({ uid: '2' }), ['replaced']],
  ['a new spec', base, { ...meta({ generation: 2 }), spec: { x: 2 } }, ['spec']],
  ['a request', base, meta({ annotations: REQUEST }), ['requested', 'metadata']],
  ['a label', base, meta({ labels: {} }), ['metadata']],
  ['a status', base, { ...base, status: { y: 2 } }, ['status']],
  ['a deletion', base, meta({ deletionTimestamp: 't', generation: 2 }), ['spec', 'deleting']],
])('sees %s', (_name, old, next, expected) => {
  expect(changesBetween(old, next)).toEqual(expected)
})
