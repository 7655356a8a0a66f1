import { expect, test } from 'vitest'
import type { Manifest } from '../../proto/model/manifest.ts'
import { factOf, isExcluded, ownedHash } from './facts.ts'
import { project, union, without } from './fields.ts'

const fieldsV1 = {
  'f:metadata': { 'f:labels': { 'f:app': {} } },
  'f:spec': {
    'f:replicas': {},
    'f:ports': { 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {} } },
    'f:finalizers': { 'v:"keep"': {} },
  },
}
const aLive = (spec: object, more: Partial<Manifest> = {}): Manifest => ({
  apiVersion: 'v1',
  kind: 'Thing',
  metadata: {
    name: 't',
    resourceVersion: '5',
    uid: 'u',
    labels: { app: 'web', other: 'x' },
    managedFields: [{ manager: 'kustomize-controller', operation: 'Apply', fieldsV1 }],
  },
  spec: { replicas: 1, ports: [{ port: 80, protocol: 'TCP' }], finalizers: ['keep'], ...spec },
  ...more,
})

test.each([
  ['the status', aLive({}, { status: { ready: true } }), true],
  ['a field of somebody else', aLive({ extra: 1 }), true],
  [
    'another item of a list',
    aLive({
      ports: [
        { port: 81, protocol: 'TCP' },
        { port: 80, protocol: 'TCP' },
      ],
    }),
    true,
  ],
  ['a value of ours', aLive({ replicas: 2 }), false],
  ['an item of ours that is gone', aLive({ ports: [] }), false],
  ['a set member of ours that is gone', aLive({ finalizers: ['other'] }), false],
  ['the loss of our ownership', aLive({}, { metadata: { name: 't', managedFields: [] } }), false],
])('the hash of owned fields and %s', (_name, changed, isSame) => {
  expect(ownedHash(changed) === ownedHash(aLive({}))).toBe(isSame)
})

test.each([
  ['kustomize.toolkit.fluxcd.io/reconcile', 'Disabled', true],
  ['kustomize.toolkit.fluxcd.io/reconcile', 'enabled', false],
  ['kustomize.toolkit.fluxcd.io/ssa', 'ignore', true],
  ['kustomize.toolkit.fluxcd.io/ssa', 'Merge', false],
  ['kustomize.toolkit.fluxcd.io/prune', 'disabled', false],
])('%s: %s excludes from applying: %s', (key, value, excluded) => {
  expect(isExcluded(aLive({}, { metadata: { name: 't', annotations: { [key]: value } } }))).toBe(excluded)
  expect(isExcluded(aLive({}, { metadata: { name: 't', labels: { [key]: value } } }))).toBe(excluded)
})

test('a fact names the owner and version and keeps no content', () => {
  const labels = { 'kustomize.toolkit.fluxcd.io/name': 'apps', 'kustomize.toolkit.fluxcd.io/namespace': 'flux-system' }
  expect(factOf(aLive({}, { metadata: { name: 't', uid: 'u', resourceVersion: '5', labels } }))).toEqual({
    uid: 'u',
    resourceVersion: '5',
    owned: 'none',
    excluded: false,
    foreign: false,
    owner: { name: 'apps', namespace: 'flux-system' },
  })
})

test('a union holds the fields of both sets', () => {
  expect(union({ 'f:a': { 'f:b': {} }, 'f:c': {} }, { 'f:a': { 'f:d': {} }, 'f:e': {} })).toEqual({
    'f:a': { 'f:b': {}, 'f:d': {} },
    'f:c': {},
    'f:e': {},
  })
})

test('a projection finds items by key, value and index, and says what is missing', () => {
  const value = { list: [{ name: 'a', v: 1 }], set: ['x'], atomic: [1, 2] }
  const fields = {
    'f:list': { 'k:{"name":"a"}': { 'f:v': {} }, 'k:{"name":"b"}': {} },
    'f:set': { 'v:"x"': {} },
    'f:atomic': { 'i:1': {} },
  }
  expect(project(value, fields)).toEqual({
    'f:list': { 'k:{"name":"a"}': { 'f:v': 1 }, 'k:{"name":"b"}': null },
    'f:set': { 'v:"x"': 'x' },
    'f:atomic': { 'i:1': 2 },
  })
})

test.each([
  ['/a/b~1c', { 'f:a': { 'f:d': {} }, 'f:e': {} }],
  ['/a', { 'f:e': {} }],
  ['/a/0/x', { 'f:a': { 'f:b/c': {}, 'f:d': {} }, 'f:e': {} }],
  ['/e/x', { 'f:a': { 'f:b/c': {}, 'f:d': {} }, 'f:e': {} }],
  ['', {}],
])('fields without %j', (pointer, left) => {
  expect(without({ 'f:a': { 'f:b/c': {}, 'f:d': {} }, 'f:e': {} }, pointer)).toEqual(left)
})
