import fc from 'fast-check'
import { expect, test } from 'vitest'
import { OFFLINE, type SessionInput, type SessionState, step } from './session.ts'

const STATES: Record<SessionState['kind'], SessionState> = {
  offline: OFFLINE,
  connecting: { kind: 'connecting', failures: 2, since: 0 },
  syncing: { kind: 'syncing', failures: 2, heardAt: 0, heartbeatMs: 100 },
  live: { kind: 'live', failures: 0, heardAt: 0, heartbeatMs: 100 },
  draining: { kind: 'draining' },
}
const INPUTS: Record<SessionInput['kind'], SessionInput> = {
  tick: { kind: 'tick', now: 1 },
  welcomed: { kind: 'welcomed', now: 1, heartbeatMs: 100 },
  heard: { kind: 'heard', now: 1 },
  'caught-up': { kind: 'caught-up' },
  drained: { kind: 'drained', now: 1, retryAfterMs: 10, jitter: 0.5 },
  lost: { kind: 'lost', now: 1, retryAfterMs: 0, jitter: 0.5 },
  stop: { kind: 'stop' },
}
const TABLE: Record<SessionState['kind'], Record<SessionInput['kind'], SessionState['kind'] | 'same'>> = {
  offline: { tick: 'connecting', welcomed: 'same', heard: 'same', 'caught-up': 'same', drained: 'same', lost: 'same', stop: 'draining' },
  connecting: {
    tick: 'same',
    welcomed: 'syncing',
    heard: 'same',
    'caught-up': 'same',
    drained: 'offline',
    lost: 'offline',
    stop: 'draining',
  },
  syncing: { tick: 'same', welcomed: 'same', heard: 'same', 'caught-up': 'live', drained: 'offline', lost: 'offline', stop: 'draining' },
  live: { tick: 'same', welcomed: 'same', heard: 'same', 'caught-up': 'same', drained: 'offline', lost: 'offline', stop: 'draining' },
  draining: { tick: 'same', welcomed: 'same', heard: 'same', 'caught-up': 'same', drained: 'same', lost: 'same', stop: 'same' },
}

for (const [from, row] of Object.entries(TABLE) as [SessionState['kind'], (typeof TABLE)['live']][]) {
  test.each(Object.entries(row) as [SessionInput['kind'], string][])(`${from} on %s becomes %s`, (input, to) => {
    expect(step(STATES[from], INPUTS[input]).state.kind).toBe(to === 'same' ? from : to)
  })
}

test('a hub that is silent for three heartbeats is lost', () => {
  for (const from of ['syncing', 'live'] as const) expect(step(STATES[from], { kind: 'tick', now: 301 }).state.kind).toBe('offline')
  expect(step(STATES.connecting, { kind: 'tick', now: 20_001 }).state.kind).toBe('offline')
})

test('waits grow with failures in a row, never beyond a minute, and begin again after a session that was live', () => {
  const waitAfter = (failures: number, jitter: number) => {
    const { state } = step({ kind: 'connecting', failures, since: 0 }, { kind: 'lost', now: 0, retryAfterMs: 0, jitter })
    return state.kind === 'offline' ? state.retryAt : Number.NaN
  }
  expect(waitAfter(0, 0.99)).toBeLessThan(waitAfter(3, 0.99))
  expect(waitAfter(50, 0.99)).toBeLessThanOrEqual(60_000)
  expect(step(STATES.syncing, { kind: 'caught-up' }).state).toMatchObject({ kind: 'live', failures: 0 })
})

test('whatever comes: connections are opened one at a time, and every loss is followed by another try', () => {
  const input = fc.oneof(
    fc.constantFrom(...Object.values(INPUTS).filter(({ kind }) => kind !== 'stop')),
    fc.nat(200_000).map((now) => ({ kind: 'tick', now }) as const),
  )
  fc.assert(
    fc.property(fc.array(input, { maxLength: 40 }), (inputs) => {
      let state: SessionState = OFFLINE
      let open = 0
      for (const one of inputs) {
        const next = step(state, one)
        state = next.state
        for (const effect of next.effects) open += effect.kind === 'connect' ? 1 : -1
        expect(open).toBe(state.kind === 'offline' ? 0 : 1)
      }
      expect(step(step(state, INPUTS.lost).state, { kind: 'tick', now: 10_000_000 }).state.kind).toBe('connecting')
    }),
  )
})
