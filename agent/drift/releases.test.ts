import { beforeEach, expect, test } from 'vitest'
import type { Clock } from '../../proto/base/clock.ts'
import { type Manifest, refOf } from '../../proto/model/manifest.ts'
import { RELEASE_NAME_LABEL } from '../../proto/model/names.ts'
import { ReleaseMemory } from './releases.ts'

const clock: Clock = { now: () => new Date('2026-01-01T00:00:00Z'), sleep: () => Promise.resolve() }
const scope = { group: '', kind: 'ConfigMap', namespace: 'apps', label: RELEASE_NAME_LABEL }
const me = 'system:serviceaccount:apps:me'
const web = 'helm.toolkit.fluxcd.io/HelmRelease/apps/web'
const aLive = (value: string, resourceVersion: string, more: object = {}, manager = 'helm-controller'): Manifest => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    name: 'c',
    namespace: 'apps',
    uid: 'u',
    resourceVersion,
    managedFields: [{ manager, operation: 'Apply', fieldsV1: { 'f:data': { 'f:a': {} } } }],
  },
  data: { a: value, ...more },
})
const ref = refOf(aLive('', ''))
let told: string[]
let memory: ReleaseMemory

/** The release is looked at, and its object left so. */
const leave = (live: Manifest | undefined) => {
  memory.expect(me, web, [ref])
  memory.record(me, ref, live ? { live } : {})
}

beforeEach(() => {
  told = []
  memory = new ReleaseMemory({ clock, drifted: (release, waitMs) => told.push(`${release} after ${waitMs}`) })
  memory.covered(me, scope, true)
  leave(aLive('1', '10'))
})

test.each<[string, () => void, number]>([
  ['a value of ours', () => memory.observed(me, aLive('2', '11')), 1],
  ['a value of somebody else', () => memory.observed(me, aLive('1', '11', { b: 'theirs' })), 0],
  ['its end', () => memory.vanished(me, ref), 1],
  ['an older state that comes late', () => memory.observed(me, aLive('0', '9')), 0],
  ['another identity', () => memory.observed('system:serviceaccount:other:me', aLive('2', '11')), 0],
])('%s', (_name, happens, times) => {
  happens()
  expect(told).toEqual(Array(times).fill(`${web} after 0`))
})

test('a change is told once until the release is looked at again, and only by a watch of releases', () => {
  memory.observed(me, aLive('2', '11'))
  memory.observed(me, aLive('3', '12'))
  expect(told).toHaveLength(1)
  leave(aLive('1', '13'))
  memory.covered(me, scope, false)
  memory.covered(me, { group: '', kind: 'ConfigMap', namespace: 'apps' }, true)
  memory.observed(me, aLive('4', '14'))
  expect(told).toHaveLength(1)
  memory.covered(me, { ...scope, namespace: '' }, true)
  expect(told).toHaveLength(2)
})

test('what was left drifted is told when it changes from that, and what was left deleted when it is there again', () => {
  memory.observed(me, aLive('2', '11'))
  leave(aLive('2', '11'))
  memory.observed(me, aLive('2', '12', { status: 'new' }))
  expect(told).toHaveLength(1)
  memory.observed(me, aLive('3', '13'))
  expect(told).toHaveLength(2)
  memory.vanished(me, ref)
  leave(undefined)
  expect(told).toHaveLength(2)
  memory.observed(me, aLive('1', '15'))
  expect(told).toHaveLength(3)
})

test.each([
  ['/data/a', 0],
  ['', 0],
  ['/data/b', 1],
])('a change where what is at %j may be changed by others', (path, times) => {
  memory.expect(me, web, [ref])
  memory.record(me, ref, { live: aLive('1', '10'), ignored: [path] })
  memory.observed(me, aLive('2', '11'))
  expect(told).toHaveLength(times)
  memory.vanished(me, ref)
  expect(told).toHaveLength(1)
})

test('what somebody else has made his own is heard of when he takes it back', () => {
  const theirs = aLive('2', '11', {}, 'kubectl')
  memory.observed(me, theirs)
  memory.expect(me, web, [ref])
  memory.record(me, ref, { live: theirs, wanted: aLive('1', '11') })
  expect(told).toHaveLength(1)
  memory.observed(me, aLive('1', '12', {}, 'kubectl'))
  expect(told).toHaveLength(2)
})

test('what happens while the release is worked on is judged when it was looked at', () => {
  memory.silence(web)
  memory.observed(me, aLive('2', '11'))
  memory.expect(me, web, [ref])
  memory.observed(me, aLive('foreign', '13'))
  expect(told).toEqual([])
  memory.record(me, ref, { live: aLive('2', '12') })
  expect(told).toHaveLength(1)
})

test('an object that was put back is in order, though its end was seen before', () => {
  memory.vanished(me, ref)
  leave(aLive('1', '12'))
  expect(told).toHaveLength(1)
})

test('a fight is slowed down, and what is forgotten is not told of', () => {
  for (const version of [11, 13, 15, 17, 19]) {
    memory.observed(me, aLive('2', String(version)))
    leave(aLive('1', String(version + 1)))
  }
  expect(told.map((one) => one.split(' after ')[1])).toEqual(['0', '0', '0', '1000', '2000'])
  memory.forget(web)
  memory.vanished(me, ref)
  expect(told).toHaveLength(5)
})

test('objects that a release has no more are forgotten', () => {
  memory.expect(me, web, [])
  memory.vanished(me, ref)
  expect(told).toEqual([])
})

test('a release that was found in order is in order until a watch tells otherwise, or it is to be something else', () => {
  expect(memory.isInOrder(web, 'v1')).toBe(false)
  memory.confirm(web, 'v1')
  memory.silence(web)
  expect(memory.isInOrder(web, 'v1')).toBe(true)
  expect(memory.isInOrder(web, 'v2')).toBe(false)
  memory.observed(me, aLive('2', '11'))
  expect(told).toHaveLength(1)
  expect(memory.isInOrder(web, 'v1')).toBe(false)
  leave(aLive('1', '12'))
  expect(memory.isInOrder(web, 'v1')).toBe(false)
})

test('what no watch covered when it was looked at is looked at again', () => {
  memory.covered(me, scope, false)
  leave(aLive('1', '11'))
  memory.confirm(web, 'v1')
  memory.covered(me, scope, true)
  expect(memory.isInOrder(web, 'v1')).toBe(false)
  leave(aLive('1', '11'))
  memory.confirm(web, 'v1')
  expect(memory.isInOrder(web, 'v1')).toBe(true)
  memory.covered(me, scope, false)
  expect(memory.isInOrder(web, 'v1')).toBe(false)
})
