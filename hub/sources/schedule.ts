import { delayMs } from '../../proto/base/backoff.ts'

const BASE_MS = 1000
const CAP_MS = 10 * 60_000
/** Share of the interval by which looks are spread, so that sources made together do not stay together. */
const SPREAD = 0.05

/**
 * How long until a source is looked at again: its interval after a success, exponential back-off after failures, but
 * never later than the interval says.
 * @param jitter  a number in [0, 1)
 */
export function nextLookMs(input: { readonly intervalMs: number; readonly failures: number; readonly jitter: number }): number {
  const { intervalMs, failures, jitter } = input
  if (failures === 0) return Math.round(intervalMs * (1 + SPREAD * (2 * jitter - 1)))
  return Math.min(intervalMs, delayMs(failures, { baseMs: BASE_MS, capMs: CAP_MS, jitter }))
}
