import type { Clock } from './clock.ts'
import { mayRetry } from './errors.ts'
import type { Random } from './random.ts'

export interface Backoff {
  readonly baseMs: number
  readonly capMs: number
}

/**
 * How long to wait before attempt `attempt` + 1: exponential with full jitter.
 * @param attempt  failures so far, from 1
 * @param jitter   a number in [0, 1)
 */
export function delayMs(attempt: number, { baseMs, capMs, jitter }: Backoff & { readonly jitter: number }): number {
  const ceiling = Math.min(capMs, baseMs * 2 ** Math.min(attempt - 1, 30))
  return Math.round(ceiling * (0.1 + 0.9 * jitter))
}

export interface RetryOptions extends Backoff {
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  /** Called before each wait, so that the failure is seen; says how long the wait is. */
  readonly failed?: (error: unknown, waitMs: number) => void
}

/** Runs `work` until it succeeds, its failure is final, or the signal ends it. */
export async function retry<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    options.signal.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      if (options.signal.aborted || !mayRetry(error)) throw error
      const waitMs = delayMs(attempt, { baseMs: options.baseMs, capMs: options.capMs, jitter: options.random.next() })
      options.failed?.(error, waitMs)
      await options.clock.sleep(waitMs, options.signal)
    }
  }
}
