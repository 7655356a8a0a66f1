import type { Cursor } from '../../proto/model/facts.ts'
import type { Greeting, Head } from './model.ts'

/**
 * One agent's session, as the hub sees it.
 *
 * 1. Nothing is sent before `Welcome`, and no second greeting is taken.
 * 2. A cursor of another lineage, ahead of the head, or at the head with another digest, begins again from nothing (`full`).
 * 3. A session is live from the moment when everything up to the head was sent.
 * 4. An agent that is silent for three heartbeats, or does not greet in time, is gone.
 * 5. The first reason to end is the one that is kept; a closed session never changes.
 */
export type SessionState =
  | { readonly kind: 'greeting'; readonly since: number }
  | { readonly kind: 'syncing' | 'live'; readonly epoch: bigint; readonly heardAt: number }
  | { readonly kind: 'draining'; readonly epoch: bigint; readonly since: number }
  | { readonly kind: 'closed'; readonly reason: string }

export type SessionInput =
  | { readonly kind: 'hello'; readonly greeting: Greeting; readonly head: Head; readonly epoch: bigint; readonly now: number }
  | { readonly kind: 'heard'; readonly now: number }
  | { readonly kind: 'caught-up' }
  | { readonly kind: 'tick'; readonly now: number; readonly heartbeatMs: number }
  | { readonly kind: 'drain'; readonly now: number; readonly retryAfterMs: number }
  | { readonly kind: 'refuse'; readonly reason: string; readonly retryAfterMs: number }
  | { readonly kind: 'lost'; readonly reason: string }

export type SessionEffect =
  | { readonly kind: 'welcome'; readonly epoch: bigint; readonly cursor: Cursor; readonly full: boolean }
  | { readonly kind: 'refusal'; readonly reason: string; readonly retryAfterMs: number }
  | { readonly kind: 'heartbeat' }
  | { readonly kind: 'drain'; readonly retryAfterMs: number }
  | { readonly kind: 'close'; readonly reason: string }

export interface SessionStep {
  readonly state: SessionState
  readonly effects: readonly SessionEffect[]
}

const SILENT_HEARTBEATS = 3
const DRAIN_MS = 5000

export function step(state: SessionState, input: SessionInput): SessionStep {
  if (state.kind === 'closed') return same(state)
  switch (input.kind) {
    case 'hello':
      return state.kind === 'greeting' ? welcome(input) : refuse('greeted twice', 0)
    case 'heard':
      return state.kind === 'syncing' || state.kind === 'live' ? { state: { ...state, heardAt: input.now }, effects: [] } : same(state)
    case 'caught-up':
      return state.kind === 'syncing' ? { state: { ...state, kind: 'live' }, effects: [] } : same(state)
    case 'tick':
      return tick(state, input)
    case 'drain':
      return drain(state, input)
    case 'refuse':
      return refuse(input.reason, input.retryAfterMs)
    case 'lost':
      return close(input.reason)
    default:
      return input satisfies never
  }
}

function welcome({ greeting, head, epoch, now }: Extract<SessionInput, { kind: 'hello' }>): SessionStep {
  const { cursor } = greeting
  const follows = cursor !== undefined && cursor.lineage === head.lineage && cursor.position <= head.position
  const altered = cursor?.position === head.position && greeting.heldDigest !== head.digest
  const full = !follows || altered
  const from = full ? { lineage: head.lineage, position: 0n } : cursor
  return { state: { kind: 'syncing', epoch, heardAt: now }, effects: [{ kind: 'welcome', epoch, cursor: from, full }] }
}

function tick(
  state: Exclude<SessionState, { kind: 'closed' }>,
  { now, heartbeatMs }: { readonly now: number; readonly heartbeatMs: number },
): SessionStep {
  const patience = heartbeatMs * SILENT_HEARTBEATS
  if (state.kind === 'draining') return now - state.since > DRAIN_MS ? close('drained') : same(state)
  if (state.kind === 'greeting') return now - state.since > patience ? close('did not greet in time') : same(state)
  return now - state.heardAt > patience ? close('silent') : { state, effects: [{ kind: 'heartbeat' }] }
}

function drain(state: Exclude<SessionState, { kind: 'closed' }>, input: Extract<SessionInput, { kind: 'drain' }>): SessionStep {
  if (state.kind === 'draining') return same(state)
  if (state.kind === 'greeting') return refuse('the hub is going down', input.retryAfterMs)
  return {
    state: { kind: 'draining', epoch: state.epoch, since: input.now },
    effects: [{ kind: 'drain', retryAfterMs: input.retryAfterMs }],
  }
}

function refuse(reason: string, retryAfterMs: number): SessionStep {
  const { state, effects } = close(reason)
  return { state, effects: [{ kind: 'refusal', reason, retryAfterMs }, ...effects] }
}

function close(reason: string): SessionStep {
  return { state: { kind: 'closed', reason }, effects: [{ kind: 'close', reason }] }
}

function same(state: SessionState): SessionStep {
  return { state, effects: [] }
}
