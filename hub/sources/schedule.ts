import { delayMs } from '../../proto/base/backoff.ts'

const BASE_MS = 1000
const CAP_MS = 10 * 60_000
/** Share of the interval by which looks are spread, so that sources made together do not stay together. */
const SPREAD = 0.05

/** No server makes itself be left alone for longer. */
const MAX_RETRY_AFTER_MS = 60 * 60_000

/**
 * How long until a source is looked at again: its interval after a success, exponential back-off after failures, but
 * never later than the interval says. A server that asks for more time after a failure gets it.
 * @param jitter  a number in [0, 1)
 */
export function nextLookMs(input: {
  readonly intervalMs: number
  readonly failures: number
  readonly jitter: number
  readonly retryAfterMs?: number | undefined
}): number {
  const { intervalMs, failures, jitter, retryAfterMs = 0 } = input
  if (failures === 0) return Math.round(intervalMs * (1 + SPREAD * (2 * jitter - 1)))
  const delay = Math.min(intervalMs, delayMs(failures, { baseMs: BASE_MS, capMs: CAP_MS, jitter }))
  return Math.max(delay, Math.min(retryAfterMs, MAX_RETRY_AFTER_MS))
}
