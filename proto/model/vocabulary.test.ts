import { expect, test } from 'vitest'
import { canonicalJson } from '../base/canonical.ts'
import { setCondition } from './condition.ts'
import { formatDuration, parseDurationMs } from './duration.ts'
import { parseRefKey, refKey } from './object-ref.ts'
import { matches, parseSelector } from './selector.ts'
import { setDigest } from './set-members.ts'

test.each<[string, number | undefined, string]>([
  ['1h30m', 5_400_000, '1h30m0s'],
  ['500ms', 500, '500ms'],
  ['1.5s', 1500, '1.5s'],
  ['10m', 600_000, '10m0s'],
])('the duration %s is %d ms, and %s in Go', (text, ms, go) => {
  expect(parseDurationMs(text)).toBe(ms)
  expect(formatDuration(ms ?? 0)).toBe(go)
})

test.each(['', '10', '1d', '-1s', '1h 30m'])('%j is no duration', (text) => {
  expect(parseDurationMs(text)).toBeUndefined()
})

test.each<[string, boolean]>([
  ['tier=edge', true],
  ['tier==core', false],
  ['tier!=core', true],
  ['tier in (edge, core),!gpu', true],
  ['tier notin (edge)', false],
  ['region', false],
  ['', true],
])('the selector %j is %s for tier=edge', (text, is) => {
  const selector = parseSelector(text)
  if ('problem' in selector) throw new Error(selector.problem)
  expect(matches(selector, { tier: 'edge' })).toBe(is)
})

test('a selector that cannot be read says which part', () => {
  expect(parseSelector('a=b,c in (')).toEqual({ problem: expect.stringContaining('c in (') })
})

test('the time of a condition moves only with its status', () => {
  const first = setCondition([], { type: 'Ready', status: 'True', reason: 'A', message: '' }, new Date(0))
  const second = setCondition(first, { type: 'Ready', status: 'True', reason: 'B', message: '' }, new Date(60_000))
  expect(second[0]).toMatchObject({ reason: 'B', lastTransitionTime: '1970-01-01T00:00:00Z' })
  expect(setCondition(second, { type: 'Ready', status: 'True', reason: 'B', message: '' }, new Date(90_000))).toBe(second)
})

test('references and sets have one spelling', () => {
  const ref = { group: '', kind: 'ConfigMap', namespace: 'a', name: 'b' }
  expect(parseRefKey(refKey(ref))).toEqual(ref)
  expect(parseRefKey('a/b')).toBeUndefined()
  const members = [
    { object: ref, content: '1' },
    { object: { ...ref, name: 'c' }, content: '2' },
  ]
  expect(setDigest(members)).toBe(setDigest(members.toReversed()))
  expect(canonicalJson({ b: 1, a: { d: undefined, c: [2] } })).toBe('{"a":{"c":[2]},"b":1}')
})
