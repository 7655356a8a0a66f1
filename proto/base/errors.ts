/** How a caller should go on after an error of a given code. */
export type Retry = 'now' | 'backoff' | 'never'

/** What kind of failure it was; the closed set that every door maps to its own status. */
export const RETRY = {
  invalid: 'never',
  unauthenticated: 'never',
  forbidden: 'never',
  'not-found': 'never',
  'already-exists': 'never',
  conflict: 'now',
  gone: 'never',
  'too-large': 'never',
  exhausted: 'backoff',
  unavailable: 'backoff',
  'deadline-exceeded': 'backoff',
  aborted: 'never',
  internal: 'backoff',
} as const satisfies Record<string, Retry>

export type ErrorCode = keyof typeof RETRY

/**
 * The one error class. `message` says what was attempted on which object and what to do; the origin is `cause`.
 */
export class FleetError extends Error {
  override readonly name = 'FleetError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }

  /** Returns `error` when it is already ours, otherwise wraps it as `internal` with `attempted` in front of its message. */
  static from(error: unknown, attempted: string): FleetError {
    if (error instanceof FleetError) return error
    if (error instanceof Error && error.name === 'AbortError') return new FleetError('aborted', `${attempted}: stopped`, { cause: error })
    return new FleetError('internal', `${attempted}: ${messageOf(error)}`, { cause: error })
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** True when trying again later may help. Foreign errors may pass by themselves. */
export function mayRetry(error: unknown): boolean {
  return !(error instanceof FleetError) || RETRY[error.code] !== 'never'
}
