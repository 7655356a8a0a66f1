import { expect, test } from 'vitest'
import { beforeRevision, steadyStatus, withoutRevision, withRevision } from './revision.ts'

const condition = (type: string, reason: string, message: string, status = 'True') => ({
  type,
  status,
  reason,
  message,
  lastTransitionTime: 't',
})
const ready = (revision: string) => condition('Ready', 'ReconciliationSucceeded', `Applied revision: ${revision}`)
const plain = (revision: string) => ({
  conditions: [ready(revision)],
  lastAppliedRevision: revision,
  lastAttemptedRevision: revision,
  observedGeneration: 1,
})

test('a plain success is without its revision, and any other revision can be put in', () => {
  const { revision, status } = withoutRevision('Kustomization', plain('a'))
  expect(revision).toBe('a')
  expect(withRevision('Kustomization', status, { revision: 'b', at: 'now' })).toEqual(plain('b'))
})

test('an origin revision comes back with the revision', () => {
  const { status } = withoutRevision('Kustomization', { ...plain('a'), lastAppliedOriginRevision: 'o' })
  expect(withRevision('Kustomization', status, { revision: 'b', originRevision: 'p', at: 'now' })).toEqual({
    ...plain('b'),
    lastAppliedOriginRevision: 'p',
  })
})

test.each([
  ['tries another revision', { ...plain('a'), lastAttemptedRevision: 'b' }],
  ['is being worked on', { ...plain('a'), conditions: [condition('Reconciling', 'Progressing', 'x'), ready('a')] }],
  ['has failed', { ...plain('a'), conditions: [condition('Ready', 'BuildFailed', 'x', 'False')] }],
  ['is not healthy', { ...plain('a'), conditions: [ready('a'), condition('Healthy', 'Progressing', 'x', 'Unknown')] }],
  ['is fresh', { observedGeneration: -1 }],
])('an object that %s keeps its status whole, and nothing is put over it', (_name, status) => {
  expect(withoutRevision('Kustomization', status)).toEqual({ status })
  expect(withRevision('Kustomization', status, { revision: 'z', at: 'now' })).toBe(status)
  expect(steadyStatus('Kustomization', status)).toBe(status)
})

test('kinds without a known form, and objects without status, pass as they are', () => {
  expect(withoutRevision('Bucket', plain('a'))).toEqual({ status: plain('a') })
  expect(withRevision('Kustomization', undefined, { revision: 'z', at: 'now' })).toBeUndefined()
})

test('a success whose revision is not known yet is under way, one that says its revision is left alone', () => {
  const status = (message: string) => ({ conditions: [{ type: 'Ready', status: 'True', reason: 'ReconciliationSucceeded', message }] })
  expect(beforeRevision('Kustomization', status('Applied revision: '))).toMatchObject({
    conditions: [{ status: 'Unknown', reason: 'Progressing' }],
  })
  expect(beforeRevision('Kustomization', status('Applied revision: main@sha1:1'))).toEqual(status('Applied revision: main@sha1:1'))
})
