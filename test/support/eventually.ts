import { systemClock } from '../../proto/base/clock.ts'

/**
 * Looks until `look` gives a value or stops throwing, and returns that value; a last failure is the error after `timeoutMs`.
 * @param look  undefined or false means "not yet"
 */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  { timeoutMs = 30_000, everyMs = 100 } = {},
): Promise<T> {
  const signal = AbortSignal.timeout(timeoutMs)
  let last: unknown = 'not yet'
  while (!signal.aborted) {
    try {
      const found = await look()
      if (found !== undefined && found !== false) return found
    } catch (error) {
      last = error
    }
    await systemClock.sleep(everyMs, signal).catch(() => undefined)
  }
  throw new Error(`${what}: not within ${timeoutMs} ms; last: ${last instanceof Error ? last.message : String(last)}`)
}
