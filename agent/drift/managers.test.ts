import { expect, test } from 'vitest'
import type { ManagedField, Manifest } from '../../proto/model/manifest.ts'
import { takeOver } from './managers.ts'

const ours: ManagedField = { manager: 'kustomize-controller', operation: 'Apply', fieldsV1: { 'f:data': { 'f:a': {} } } }
const aLive = (managedFields: readonly ManagedField[], metadata: Partial<Manifest['metadata']> = {}): Manifest => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'c', namespace: 'apps', resourceVersion: '7', managedFields, ...metadata },
})
const version = { op: 'replace', path: '/metadata/resourceVersion', value: '7' }

test.each([
  ['our own apply', ours],
  ['a manager that is nobody of the undone', { manager: 'autoscaler', operation: 'Update', fieldsV1: {} }],
  ['kubectl on a subresource', { manager: 'kubectl', operation: 'Update', subresource: 'scale', fieldsV1: {} }],
  ['before-first-apply by apply', { manager: 'before-first-apply', operation: 'Apply', fieldsV1: {} }],
  ['an apply of kubectl under a manager named by the user', { manager: 'flux-client-side-apply', operation: 'Update', fieldsV1: {} }],
])('leaves %s alone', (_name, entry) => {
  expect(takeOver(aLive([entry]))).toEqual([])
})

test.each([
  ['kubectl-client-side-apply', 'Update'],
  ['kubectl-edit', 'Update'],
  ['kubectl', 'Apply'],
  ['before-first-apply', 'Update'],
  ['kustomize-controller', 'Update'],
])('hands the fields of %s (%s) over to our manager', (manager, operation) => {
  const fieldsV1 = { 'f:data': { 'f:b': {} } }
  const other = { manager: 'autoscaler', operation: 'Update', fieldsV1: {} }
  expect(takeOver(aLive([{ manager, operation, fieldsV1 }, other]))).toEqual([
    version,
    { op: 'replace', path: '/metadata/managedFields', value: [other, { manager: 'kustomize-controller', operation: 'Apply', fieldsV1 }] },
  ])
})

test('adds the fields handed over to those we own already', () => {
  const kubectl = { manager: 'kubectl-edit', operation: 'Update', fieldsV1: { 'f:data': { 'f:b': {} }, 'f:metadata': {} } }
  const fieldsV1 = { 'f:data': { 'f:a': {}, 'f:b': {} }, 'f:metadata': {} }
  expect(takeOver(aLive([kubectl, ours]))).toEqual([
    version,
    { op: 'replace', path: '/metadata/managedFields', value: [{ ...ours, fieldsV1 }] },
  ])
})

test('removes what kubectl apply and older Flux left in the metadata', () => {
  const metadata = {
    annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}', mine: 'x' },
    labels: { 'kustomize.toolkit.fluxcd.io/checksum': 'x' },
  }
  expect(takeOver(aLive([ours], metadata))).toEqual([
    version,
    { op: 'remove', path: '/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration' },
    { op: 'remove', path: '/metadata/labels/kustomize.toolkit.fluxcd.io~1checksum' },
  ])
})

test('hands nothing over where the object asks for Merge', () => {
  const merge = { annotations: { 'kustomize.toolkit.fluxcd.io/ssa': 'merge' } }
  const kubectl = { manager: 'kubectl', operation: 'Update', fieldsV1: {} }
  expect(takeOver(aLive([kubectl]), aLive([], merge))).toEqual([])
})
