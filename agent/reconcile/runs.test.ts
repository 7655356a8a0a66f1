import { expect, test } from 'vitest'
import { type FreshnessInput, freshness, type Run } from './runs.ts'
import { intervalMs, retryMs, timeoutMs } from './schedule.ts'

const account = { namespace: 'flux-system', name: 'platform' }
const run = (over: Partial<Run> = {}): Run => ({
  generation: 1,
  bundle: 'b',
  account,
  digest: 'd',
  items: [],
  durationMs: 1,
  endedMs: 0,
  changed: false,
  held: { [Symbol.dispose]: () => undefined },
  health: { kind: 'unchecked' },
  told: false,
  drifted: false,
  ...over,
})
const failedAt = (sinceMs: number) => ({ kind: 'failed', why: '', sinceMs }) as const
const input = (over: Partial<FreshnessInput> = {}): FreshnessInput => ({
  run: run(),
  generation: 1,
  bundle: 'b',
  account,
  requested: false,
  nowMs: 10,
  intervalMs: 1000,
  looksAtInterval: false,
  ...over,
})

test.each<[string, FreshnessInput, string]>([
  ['what was applied stands while nothing differs', input(), 'kept'],
  ['it stands past its interval when watches tell of everything', input({ nowMs: 5000 }), 'kept'],
  ['it is looked at again past its interval when something is not watched', input({ nowMs: 5000, looksAtInterval: true }), 'due'],
  ['nothing was applied yet', input({ run: undefined }), 'changed'],
  ['another spec', input({ generation: 2 }), 'changed'],
  ['another content', input({ bundle: 'c' }), 'changed'],
  ['another identity', input({ account: { ...account, name: 'other' } }), 'changed'],
  ['somebody asked', input({ requested: true }), 'requested'],
  ['somebody changed what was applied', input({ run: run({ drifted: true }) }), 'drifted'],
  ['failed health is not tried again before its time', input({ run: run({ health: failedAt(0) }) }), 'kept'],
  ['failed health is tried again in time', input({ run: run({ health: failedAt(0) }), nowMs: 5000 }), 'due'],
  // Else a wait for health that is longer than the retry interval began again and again, and nobody was told that it failed.
  [
    'the time to the next try begins when health was known to have failed',
    input({ run: run({ health: failedAt(4500) }), nowMs: 5000 }),
    'kept',
  ],
])('%s', (_name, given, expected) => {
  expect(freshness(given)).toBe(expected)
})

test('intervals are spread by five per cent either way', () => {
  expect(intervalMs({ interval: '10m' }, 0)).toBe(570_000)
  expect(intervalMs({ interval: '10m' }, 0.5)).toBe(600_000)
})

test('a failure is tried again after retryInterval, else after the interval; a run may take the interval less 30 s, at least 30 s', () => {
  expect(retryMs({ interval: '10m' })).toBe(600_000)
  expect(retryMs({ interval: '10m', retryInterval: '1m' })).toBe(60_000)
  expect(timeoutMs({ interval: '10m' })).toBe(570_000)
  expect(timeoutMs({ interval: '10s' })).toBe(30_000)
  expect(timeoutMs({ interval: '10m', timeout: '2m' })).toBe(120_000)
})
