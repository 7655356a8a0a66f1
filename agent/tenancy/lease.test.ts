import { expect, test } from 'vitest'
import { contend, type LeaseRecord, sight } from './lease.ts'

const record = (holder: string, renewTime = 't1'): LeaseRecord => ({ holder, transitions: 4, renewTime, resourceVersion: '1' })
const me = { identity: 'host_folder_2', predecessors: 'host_folder_', durationMs: 15_000 }
const take = { kind: 'take', transitions: 5 }

test.each([
  ['a lease that nobody holds is taken at once', record(''), 0, take],
  ['one that an earlier process of this agent held is taken at once', record('host_folder_1'), 0, take],
  ['one that another agent holds is waited for', record('other_folder_1'), 14_999, { kind: 'wait' }],
  ['one whose holder is silent for its whole life is taken', record('other_folder_1'), 15_000, take],
])('%s', (_name, given, nowMs, expected) => {
  expect(contend({ record: given, sinceMs: 0 }, { ...me, nowMs })).toEqual(expected)
})

test('the time of a holder begins anew with each renewal, by our own clock', () => {
  const first = sight(undefined, record('other', 't1'), 100)
  expect(sight(first, record('other', 't1'), 200).sinceMs).toBe(100)
  expect(sight(first, record('other', 't2'), 200).sinceMs).toBe(200)
  expect(sight(first, record('another', 't1'), 200).sinceMs).toBe(200)
})
