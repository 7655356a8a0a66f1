import { expect, test } from 'vitest'
import { nextLookMs } from './schedule.ts'

test.each([
  ['a success waits its interval, spread by a twentieth', 60_000, 0, 0, 57_000],
  ['the spread goes both ways', 60_000, 0, 1, 63_000],
  ['a first failure is tried again soon', 60_000, 1, 1, 1000],
  ['failures back off', 600_000, 5, 1, 16_000],
  ['but never beyond the interval', 10_000, 20, 1, 10_000],
])('%s', (_, intervalMs, failures, jitter, expected) => {
  expect(nextLookMs({ intervalMs, failures, jitter })).toBe(expected)
})

test('a server that asks to be left alone is, but not for ever', () => {
  const after = (retryAfterMs: number) => nextLookMs({ intervalMs: 60_000, failures: 1, jitter: 0, retryAfterMs })
  expect(after(300_000)).toBe(300_000)
  expect(after(10)).toBeLessThan(60_000)
  expect(after(999_999_999)).toBe(3_600_000)
})
