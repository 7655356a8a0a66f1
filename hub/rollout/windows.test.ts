import { expect, test } from 'vitest'
import type { RolloutWindow } from '../../proto/model/fleet/rollout-window.ts'
import { parseSchedule } from '../../proto/model/schedule.ts'
import { windowAt } from './windows.ts'

const aWindow = (schedule: string, over: Partial<RolloutWindow> = {}): RolloutWindow => ({
  schedule,
  duration: '6h',
  timeZone: 'UTC',
  mode: 'allow',
  ...over,
})
const NIGHTS = aWindow('0 22 * * 1-4', { timeZone: 'Europe/Berlin' })

/** `open until …`, `closed until …`, or without an end. */
function said(windows: readonly RolloutWindow[], now: string): string {
  const { changesAt, open } = windowAt(windows, new Date(now))
  return `${open ? 'open' : 'closed'} ${changesAt ? `until ${changesAt.toISOString()}` : 'for good'}`
}

test('without windows it is always open', () => {
  expect(said([], '2026-01-05T12:00:00Z')).toBe('open for good')
})

test.each<[string, string]>([
  ['2026-01-05T20:59:00Z', 'closed until 2026-01-05T21:00:00.000Z'],
  ['2026-01-05T21:00:00Z', 'open until 2026-01-06T03:00:00.000Z'],
  ['2026-01-06T02:59:59Z', 'open until 2026-01-06T03:00:00.000Z'],
  ['2026-01-06T03:00:00Z', 'closed until 2026-01-06T21:00:00.000Z'],
  // A night that begins on Thursday goes on into Friday; the next one begins on Monday.
  ['2026-01-09T02:00:00Z', 'open until 2026-01-09T03:00:00.000Z'],
  ['2026-01-09T03:00:00Z', 'closed until 2026-01-12T21:00:00.000Z'],
  // In summer Berlin is two hours ahead of UTC.
  ['2026-07-06T19:59:00Z', 'closed until 2026-07-06T20:00:00.000Z'],
])('four nights a week in Berlin: at %s it is %s', (now, expected) => {
  expect(said([NIGHTS], now)).toBe(expected)
})

test('deny wins over allow, and the change is where both together change', () => {
  const freeze = aWindow('0 23 5 1 *', { duration: '2h', mode: 'deny' })
  const nights = aWindow('0 22 * * *')
  expect(said([nights, freeze], '2026-01-05T22:30:00Z')).toBe('open until 2026-01-05T23:00:00.000Z')
  expect(said([nights, freeze], '2026-01-05T23:30:00Z')).toBe('closed until 2026-01-06T01:00:00.000Z')
  expect(said([nights, freeze], '2026-01-06T01:00:00Z')).toBe('open until 2026-01-06T04:00:00.000Z')
})

test('with deny alone it is open the rest of the time', () => {
  const freeze = aWindow('0 0 24 12 *', { duration: '72h', mode: 'deny' })
  expect(said([freeze], '2026-12-23T00:00:00Z')).toBe('open until 2026-12-24T00:00:00.000Z')
  expect(said([freeze], '2026-12-25T00:00:00Z')).toBe('closed until 2026-12-27T00:00:00.000Z')
})

test('windows that touch or overlap are one', () => {
  expect(said([aWindow('0 0-11/2 * * *', { duration: '2h' })], '2026-01-05T01:00:00Z')).toBe('open until 2026-01-05T12:00:00.000Z')
  expect(said([aWindow('0 8 * * *', { duration: '2h' }), aWindow('0 9 * * *', { duration: '3h' })], '2026-01-05T08:30:00Z')).toBe(
    'open until 2026-01-05T12:00:00.000Z',
  )
})

test('a window in the hour that the clocks skip opens when they have been moved', () => {
  const early = aWindow('30 2 * * *', { duration: '1h', timeZone: 'Europe/Berlin' })
  // On 29 March 2026 Berlin goes from 02:00 to 03:00 at 01:00Z.
  expect(said([early], '2026-03-29T00:30:00Z')).toBe('closed until 2026-03-29T01:00:00.000Z')
  expect(said([early], '2026-03-29T01:00:00Z')).toBe('open until 2026-03-29T02:00:00.000Z')
  expect(said([early], '2026-03-29T02:00:00Z')).toBe('closed until 2026-03-30T00:30:00.000Z')
})

test('a window in the hour that comes twice opens the first time only', () => {
  const early = aWindow('30 2 * * *', { duration: '30m', timeZone: 'Europe/Berlin' })
  // On 25 October 2026 Berlin goes from 03:00 back to 02:00 at 01:00Z.
  expect(said([early], '2026-10-25T00:00:00Z')).toBe('closed until 2026-10-25T00:30:00.000Z')
  expect(said([early], '2026-10-25T01:00:00Z')).toBe('closed until 2026-10-26T01:30:00.000Z')
})

test('a schedule for every hour also comes in both of the hours that are one', () => {
  const halves = aWindow('30 * * * *', { duration: '10m', timeZone: 'Europe/Berlin' })
  expect(said([halves], '2026-10-25T00:45:00Z')).toBe('closed until 2026-10-25T01:30:00.000Z')
  expect(said([halves], '2026-10-25T01:30:00Z')).toBe('open until 2026-10-25T01:40:00.000Z')
})

test('a window lasts its duration in real time when the clocks are moved in it', () => {
  expect(said([aWindow('0 22 * * *', { timeZone: 'Europe/Berlin' })], '2026-03-28T21:00:00Z')).toBe('open until 2026-03-29T03:00:00.000Z')
  expect(said([aWindow('0 22 * * *', { timeZone: 'Europe/Berlin' })], '2026-10-24T20:00:00Z')).toBe('open until 2026-10-25T02:00:00.000Z')
})

test('half-hour zones, zones south of the equator and zones that skip midnight count right', () => {
  expect(said([aWindow('0 6 * * *', { timeZone: 'Asia/Kolkata' })], '2026-01-05T00:00:00Z')).toBe('closed until 2026-01-05T00:30:00.000Z')
  // On 4 October 2026 Lord Howe moves by half an hour only, from 02:00 to 02:30.
  expect(said([aWindow('15 2 * * *', { duration: '1h', timeZone: 'Australia/Lord_Howe' })], '2026-10-03T15:15:00Z')).toBe(
    'closed until 2026-10-03T15:30:00.000Z',
  )
  // In Santiago 6 September 2026 begins at 01:00.
  expect(said([aWindow('0 0 * * *', { duration: '1h', timeZone: 'America/Santiago' })], '2026-09-06T03:00:00Z')).toBe(
    'closed until 2026-09-06T04:00:00.000Z',
  )
})

test('the next 29th of February is found', () => {
  expect(said([aWindow('0 0 29 2 *')], '2026-03-01T00:00:00Z')).toBe('closed until 2028-02-29T00:00:00.000Z')
})

test('a schedule that comes so often that it never closes is open, and looked at again later', () => {
  const now = new Date('2026-01-05T12:00:00Z')
  const minutes = windowAt([aWindow('* * * * *', { duration: '1m' })], now)
  expect(minutes.open).toBe(true)
  expect((minutes.changesAt?.getTime() ?? 0) - now.getTime()).toBeGreaterThan(3_600_000)
  const always = windowAt([aWindow('*/5 * * * *', { duration: '12h' })], now)
  expect(always.open).toBe(true)
  expect((always.changesAt?.getTime() ?? 0) - now.getTime()).toBeGreaterThan(90 * 24 * 3_600_000)
})

test('starts that are read over change nothing: the answer is that of reading each of them', () => {
  const MINUTE = 60_000
  const from = Date.UTC(2026, 0, 5, 12)
  for (const text of ['*/7 9-15 * * *', '0-50/9 * * * 1', '13,41 12 * * *'])
    for (const minutes of [1, 7, 9, 50, 180]) {
      const starts = startsIn(text, { from: from - 4 * 60 * MINUTE, count: 120 })
      const isOpen = (at: number) => starts.some((start) => start <= at && at < start + minutes * MINUTE)
      for (let now = from; now < from + 120 * MINUTE; now += 17 * MINUTE) {
        const { changesAt, open } = windowAt([aWindow(text, { duration: `${minutes}m` })], new Date(now))
        expect(open).toBe(isOpen(now))
        let change = now
        while (isOpen(change) === open && change < from + 8 * 60 * MINUTE) change += MINUTE
        if (isOpen(change) !== open) expect(changesAt).toEqual(new Date(change))
      }
    }
})

function startsIn(text: string, { count, from }: { readonly from: number; readonly count: number }): readonly number[] {
  const schedule = parseSchedule(text, 'UTC')
  if ('problem' in schedule) throw new Error(schedule.problem)
  const out: number[] = []
  for (let at = schedule.next(new Date(from)); at && out.length < count; at = schedule.next(at)) out.push(at.getTime())
  return out
}
