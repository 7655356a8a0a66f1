import { beforeEach, expect, test } from 'vitest'
import type { Clock } from '../../proto/base/clock.ts'
import { type Manifest, refOf } from '../../proto/model/manifest.ts'
import { DriftMemory } from './memory.ts'
import type { Drift } from './model.ts'

const clock: Clock = { now: () => new Date('2026-01-01T00:00:00Z'), sleep: () => Promise.resolve() }
const scope = { group: '', kind: 'ConfigMap', namespace: 'apps' }
const me = 'system:serviceaccount:apps:me'
const aLive = (value: string, resourceVersion: string): Manifest => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    name: 'c',
    namespace: 'apps',
    uid: 'u',
    resourceVersion,
    labels: { 'kustomize.toolkit.fluxcd.io/name': 'k', 'kustomize.toolkit.fluxcd.io/namespace': 'apps' },
    managedFields: [{ manager: 'kustomize-controller', operation: 'Apply', fieldsV1: { 'f:data': { 'f:a': {} } } }],
  },
  data: { a: value },
})
const ref = refOf(aLive('', ''))
let drifts: Drift[]
let memory: DriftMemory

beforeEach(() => {
  drifts = []
  memory = new DriftMemory({ clock, drifted: (drift) => drifts.push(drift) })
  memory.covered(me, scope, true)
  memory.record(me, { desired: 'd1', live: aLive('1', '10') })
})
const whats = () => drifts.map(({ what }) => what)

test('knows an object only while a watch of the same identity covers it', () => {
  expect(memory.known(me, ref).kind).toBe('present')
  expect(memory.known('system:serviceaccount:apps:other', ref).kind).toBe('unknown')
  memory.covered(me, scope, false)
  expect(memory.known(me, ref).kind).toBe('unknown')
})

test('a watch over all namespaces covers each', () => {
  memory.covered(me, scope, false)
  memory.covered(me, { ...scope, namespace: '' }, true)
  expect(memory.known(me, ref).kind).toBe('present')
})

test('tells a change once, until the object is in order again', () => {
  memory.observed(me, aLive('2', '11'))
  memory.observed(me, aLive('3', '12'))
  expect(whats()).toEqual(['changed'])
  memory.record(me, { desired: 'd1', live: aLive('1', '13') })
  memory.observed(me, aLive('4', '14'))
  expect(whats()).toEqual(['changed', 'changed'])
})

test('an older state that arrives late changes nothing', () => {
  memory.observed(me, aLive('old', '9'))
  expect(drifts).toEqual([])
  expect(memory.known(me, ref)).toMatchObject({ fact: { resourceVersion: '10' } })
})

test('tells a deletion, also one that only a new list shows', () => {
  memory.vanished(me, ref)
  expect(whats()).toEqual(['deleted'])
})

test('what happens during a run is judged at its end', () => {
  const run = memory.during(me, [ref])
  memory.observed(me, aLive('2', '11'))
  expect(drifts).toEqual([])
  memory.record(me, { desired: 'd2', live: aLive('2', '11') })
  run[Symbol.dispose]()
  expect(drifts).toEqual([])
  const again = memory.during(me, [ref])
  memory.observed(me, aLive('foreign', '12'))
  again[Symbol.dispose]()
  expect(whats()).toEqual(['changed'])
})

test('forgotten objects are not told', () => {
  memory.forget(me, [ref])
  memory.vanished(me, ref)
  expect(drifts).toEqual([])
  expect(memory.remembered(me, ref)).toBeUndefined()
})

test('a snapshot restores what was remembered', () => {
  const next = new DriftMemory({ clock, drifted: (drift) => drifts.push(drift) })
  next.restore(memory.snapshot())
  expect(next.remembered(me, ref)).toMatchObject({ desired: 'd1' })
  next.observed(me, aLive('2', '11'))
  next.covered(me, scope, true)
  expect(whats()).toEqual(['changed'])
})
