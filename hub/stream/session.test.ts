import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Greeting } from './model.ts'
import { type SessionInput, type SessionState, step } from './session.ts'

const greeting: Greeting = {
  agentVersion: '',
  boot: 1n,
  facts: {},
  capabilities: [],
  cursor: { lineage: 'l', position: 5n },
  heldDigest: 'd',
}
const head = { lineage: 'l', position: 5n, digest: 'd' }
const STATES: Record<SessionState['kind'], SessionState> = {
  greeting: { kind: 'greeting', since: 0 },
  syncing: { kind: 'syncing', epoch: 1n, heardAt: 0 },
  live: { kind: 'live', epoch: 1n, heardAt: 0 },
  draining: { kind: 'draining', epoch: 1n, since: 0 },
  closed: { kind: 'closed', reason: 'first' },
}
const INPUTS: Record<SessionInput['kind'], SessionInput> = {
  hello: { kind: 'hello', greeting, head, epoch: 2n, now: 1 },
  heard: { kind: 'heard', now: 1 },
  'caught-up': { kind: 'caught-up' },
  tick: { kind: 'tick', now: 1, heartbeatMs: 100 },
  drain: { kind: 'drain', now: 1, retryAfterMs: 10 },
  refuse: { kind: 'refuse', reason: 'no', retryAfterMs: 0 },
  lost: { kind: 'lost', reason: 'gone' },
}
const TABLE: Record<SessionState['kind'], Record<SessionInput['kind'], SessionState['kind'] | 'same'>> = {
  greeting: { hello: 'syncing', heard: 'same', 'caught-up': 'same', tick: 'same', drain: 'closed', refuse: 'closed', lost: 'closed' },
  syncing: { hello: 'closed', heard: 'same', 'caught-up': 'live', tick: 'same', drain: 'draining', refuse: 'closed', lost: 'closed' },
  live: { hello: 'closed', heard: 'same', 'caught-up': 'same', tick: 'same', drain: 'draining', refuse: 'closed', lost: 'closed' },
  draining: { hello: 'closed', heard: 'same', 'caught-up': 'same', tick: 'same', drain: 'same', refuse: 'closed', lost: 'closed' },
  closed: { hello: 'same', heard: 'same', 'caught-up': 'same', tick: 'same', drain: 'same', refuse: 'same', lost: 'same' },
}

for (const [from, row] of Object.entries(TABLE) as [SessionState['kind'], (typeof TABLE)['live']][]) {
  test.each(Object.entries(row) as [SessionInput['kind'], string][])(`${from} on %s becomes %s`, (input, to) => {
    expect(step(STATES[from], INPUTS[input]).state.kind).toBe(to === 'same' ? from : to)
  })
}

test.each([
  ['follows', { lineage: 'l', position: 3n }, '', false, 3n],
  ['is at the head with the same facts', { lineage: 'l', position: 5n }, 'd', false, 5n],
  ['is at the head with other facts', { lineage: 'l', position: 5n }, 'x', true, 0n],
  ['is ahead', { lineage: 'l', position: 6n }, 'd', true, 0n],
  ['is of another lineage', { lineage: 'm', position: 5n }, 'd', true, 0n],
  ['is missing', undefined, '', true, 0n],
] as const)('a cursor that %s', (_, cursor, heldDigest, full, position) => {
  const { effects } = step(STATES.greeting, { kind: 'hello', greeting: { ...greeting, cursor, heldDigest }, head, epoch: 2n, now: 1 })
  expect(effects).toEqual([{ kind: 'welcome', epoch: 2n, full, cursor: { lineage: 'l', position } }])
})

test('an agent that is silent for three heartbeats, does not greet, or does not leave, is gone', () => {
  for (const from of ['greeting', 'syncing', 'live'] as const) {
    expect(step(STATES[from], { kind: 'tick', now: 301, heartbeatMs: 100 }).state.kind).toBe('closed')
  }
  expect(step(STATES.draining, { kind: 'tick', now: 5001, heartbeatMs: 100 }).state.kind).toBe('closed')
})

test('whatever comes: nothing before the welcome, one close at most, and the first reason stays', () => {
  const input = fc.constantFrom(...Object.values(INPUTS), { kind: 'tick', now: 1000, heartbeatMs: 100 } as const)
  fc.assert(
    fc.property(fc.array(input, { maxLength: 30 }), (inputs) => {
      let state: SessionState = STATES.greeting
      const effects: string[] = []
      let reason: string | undefined
      for (const one of inputs) {
        const next = step(state, one)
        state = next.state
        effects.push(...next.effects.map(({ kind }) => kind))
        if (state.kind === 'closed') reason ??= state.reason
      }
      const first = effects.findIndex((kind) => kind !== 'refusal' && kind !== 'close')
      if (first >= 0) expect(effects[first]).toBe('welcome')
      expect(effects.filter((kind) => kind === 'close').length).toBeLessThanOrEqual(1)
      if (state.kind === 'closed') expect(state.reason).toBe(reason)
    }),
  )
})
