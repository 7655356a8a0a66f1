import { delayMs } from '../../proto/base/backoff.ts'

/**
 * The agent's session with the hub.
 *
 * 1. From every state but `draining` a loss leads to `offline`, and from there back to `connecting`: the agent never gives up.
 * 2. Waits grow with failures in a row and are spread; a session that was live starts the count again.
 * 3. The hub may ask for a longer wait than ours, never for a shorter one, except when it goes away in order (`drained`).
 * 4. A hub that is silent for three heartbeats is lost.
 * 5. `draining` is the end.
 */
export type SessionState =
  | { readonly kind: 'offline'; readonly failures: number; readonly retryAt: number }
  | { readonly kind: 'connecting'; readonly failures: number; readonly since: number }
  | { readonly kind: 'syncing' | 'live'; readonly failures: number; readonly heardAt: number; readonly heartbeatMs: number }
  | { readonly kind: 'draining' }

export type SessionInput =
  | { readonly kind: 'tick'; readonly now: number }
  | { readonly kind: 'welcomed'; readonly now: number; readonly heartbeatMs: number }
  | { readonly kind: 'heard'; readonly now: number }
  | { readonly kind: 'caught-up' }
  | { readonly kind: 'drained'; readonly now: number; readonly retryAfterMs: number; readonly jitter: number }
  | { readonly kind: 'lost'; readonly now: number; readonly retryAfterMs: number; readonly jitter: number }
  | { readonly kind: 'stop' }

export type SessionEffect = { readonly kind: 'connect' } | { readonly kind: 'disconnect' }

export interface SessionStep {
  readonly state: SessionState
  readonly effects: readonly SessionEffect[]
}

export const OFFLINE: SessionState = { kind: 'offline', failures: 0, retryAt: 0 }

const BACKOFF = { baseMs: 500, capMs: 60_000 }
const CONNECT_MS = 20_000
const SILENT_HEARTBEATS = 3

export function step(state: SessionState, input: SessionInput): SessionStep {
  if (state.kind === 'draining') return same(state)
  switch (input.kind) {
    case 'tick':
      return tick(state, input.now)
    case 'welcomed':
      if (state.kind !== 'connecting') return same(state)
      return same({ kind: 'syncing', failures: state.failures, heardAt: input.now, heartbeatMs: input.heartbeatMs })
    case 'heard':
      return state.kind === 'syncing' || state.kind === 'live' ? same({ ...state, heardAt: input.now }) : same(state)
    case 'caught-up':
      return state.kind === 'syncing' ? same({ ...state, kind: 'live', failures: 0 }) : same(state)
    case 'drained':
      return state.kind === 'offline' ? same(state) : disconnected(0, input.now + input.retryAfterMs * (0.5 + input.jitter))
    case 'lost':
      return lost(state, input)
    case 'stop':
      return { state: { kind: 'draining' }, effects: state.kind === 'offline' ? [] : [{ kind: 'disconnect' }] }
    default:
      return input satisfies never
  }
}

type Running = Exclude<SessionState, { kind: 'draining' }>

function tick(state: Running, now: number): SessionStep {
  if (state.kind === 'offline') {
    if (now < state.retryAt) return same(state)
    return { state: { kind: 'connecting', failures: state.failures, since: now }, effects: [{ kind: 'connect' }] }
  }
  const silent = state.kind === 'connecting' ? now - state.since > CONNECT_MS : now - state.heardAt > state.heartbeatMs * SILENT_HEARTBEATS
  return silent ? lost(state, { now, retryAfterMs: 0, jitter: 0.5 }) : same(state)
}

function lost(
  state: Running,
  { now, retryAfterMs, jitter }: { readonly now: number; readonly retryAfterMs: number; readonly jitter: number },
): SessionStep {
  if (state.kind === 'offline') return same(state)
  const failures = state.failures + 1
  const wait = delayMs(failures, { ...BACKOFF, jitter })
  return disconnected(failures, now + Math.max(wait, retryAfterMs * (0.5 + jitter)))
}

function disconnected(failures: number, retryAt: number): SessionStep {
  return { state: { kind: 'offline', failures, retryAt }, effects: [{ kind: 'disconnect' }] }
}

function same(state: SessionState): SessionStep {
  return { state, effects: [] }
}
