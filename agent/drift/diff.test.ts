import { expect, test } from 'vitest'
import type { Manifest } from '../../proto/model/manifest.ts'
import { differences } from './diff.ts'
import { nextRound } from './fight.ts'

const anObject = (more: Partial<Manifest> = {}): Manifest => ({
  apiVersion: 'v1',
  kind: 'Thing',
  metadata: { name: 't', labels: { a: '1' } },
  spec: { x: [1, { y: 2 }] },
  ...more,
})

test.each([
  ['status', anObject({ status: { a: 1 } }), []],
  ['version and managers', anObject({ metadata: { name: 't', labels: { a: '1' }, resourceVersion: '9', managedFields: [] } }), []],
  ['a value', anObject({ spec: { x: [1, { y: 3 }] } }), ['/spec/x/1/y']],
  ['a longer list', anObject({ spec: { x: [1, { y: 2 }, 3] } }), ['/spec/x/2']],
  ['a label', anObject({ metadata: { name: 't', labels: { a: '2' } } }), ['/metadata/labels/a']],
  ['an annotation', anObject({ metadata: { name: 't', labels: { a: '1' }, annotations: { 'x/y': '1' } } }), ['/metadata/annotations/x~1y']],
  ['a member that is new', anObject({ data: { a: '1' } }), ['/data']],
])('a difference in %s', (_name, dryRun, expected) => {
  expect(differences(anObject(), dryRun)).toEqual(expected)
})

test('repeated and empty metrics of an autoscaler are no difference', () => {
  const metric = { type: 'Resource', resource: { name: 'cpu' } }
  const scaler = (metrics: readonly unknown[]) => ({ ...anObject(), kind: 'HorizontalPodAutoscaler', spec: { metrics } })
  expect(differences(scaler([metric]), scaler([metric, {}, metric]))).toEqual([])
})

test('the first corrections come at once, then ever later up to half a minute, and at once again after two quiet minutes', () => {
  let at = new Date('2026-01-01T00:00:00Z')
  let fight: ReturnType<typeof nextRound>['fight'] | undefined
  const waits = Array.from({ length: 10 }, () => {
    const next = nextRound(fight, at)
    fight = next.fight
    at = new Date(at.getTime() + next.waitMs + 10)
    return next.waitMs
  })
  expect(waits).toEqual([0, 0, 0, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
  expect(nextRound(fight, new Date(at.getTime() + 120_000)).waitMs).toBe(0)
})
