import { expect, test } from 'vitest'
import { isTimeZone, parseSchedule } from './schedule.ts'

function starts(text: string, from: string, { count = 3, zone = 'UTC' } = {}): readonly string[] {
  const schedule = parseSchedule(text, zone)
  if ('problem' in schedule) throw new Error(schedule.problem)
  const out: Date[] = []
  for (let at = schedule.next(new Date(from)); at && out.length < count; at = schedule.next(at)) out.push(at)
  return out.map((at) => at.toISOString().slice(0, 16))
}

test.each<[string, readonly string[]]>([
  ['0 22 * * 1-4', ['2026-01-05T22:00', '2026-01-06T22:00', '2026-01-07T22:00']],
  ['0 0 * * MON-fri', ['2026-01-05T00:00', '2026-01-06T00:00', '2026-01-07T00:00']],
  ['0 0 * * 7', ['2026-01-11T00:00', '2026-01-18T00:00', '2026-01-25T00:00']],
  ['*/40 8 1 feb,mar *', ['2026-02-01T08:00', '2026-02-01T08:40', '2026-03-01T08:00']],
  // With a day of the month and a weekday, either is enough.
  ['0 0 7 * 5', ['2026-01-07T00:00', '2026-01-09T00:00', '2026-01-16T00:00']],
])('%s comes at %j', (text, expected) => {
  expect(starts(text, '2026-01-04T12:00:00Z')).toEqual(expected)
})

test('a time that clocks skip comes when they have been moved, and one that they show twice comes once', () => {
  expect(starts('30 2 * * *', '2026-03-28T12:00:00Z', { zone: 'Europe/Berlin', count: 2 })).toEqual([
    '2026-03-29T01:00',
    '2026-03-30T00:30',
  ])
  expect(starts('30 2,3 * * *', '2026-10-25T00:00:00Z', { zone: 'Europe/Berlin' })).toEqual([
    '2026-10-25T00:30',
    '2026-10-25T02:30',
    '2026-10-26T01:30',
  ])
  expect(starts('30 * * * *', '2026-10-25T00:00:00Z', { zone: 'Europe/Berlin' })).toEqual([
    '2026-10-25T00:30',
    '2026-10-25T01:30',
    '2026-10-25T02:30',
  ])
})

test.each<[string, string]>([
  ['0 22 * *', 'exactly five'],
  ['0 22 * * * *', '5 parts'],
  ['60 * * * *', 'minute: 60'],
  ['0 24 * * *', 'hour: 24'],
  ['0 0 * * mo', 'illegal characters'],
  ['0 5-3 * * *', 'larger'],
  ['*/0 * * * *', 'stepping'],
  ['0 0 31 2,4 *', 'never comes'],
  ['? * * * *', "'?' cannot be used"],
])('%j is refused: %s', (text, problem) => {
  expect(parseSchedule(text, 'UTC')).toEqual({ problem: expect.stringContaining(problem) })
})

test.each([
  ['Europe/Berlin', true],
  ['UTC', true],
  ['Berlin', false],
  ['', false],
])('%j as a time zone: %s', (name, is) => {
  expect(isTimeZone(name)).toBe(is)
})
