import { setTimeout as sleepFor } from 'node:timers/promises'

/** Time as a service sees it. Instants are `Date`, durations numbers of milliseconds. */
export interface Clock {
  now(): Date
  /** Resolves after `ms`; rejects with the signal's reason as soon as it is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => new Date(),
  async sleep(ms, signal) {
    signal.throwIfAborted()
    try {
      await sleepFor(Math.min(ms, 0x7fffffff), undefined, { signal })
    } catch (error) {
      signal.throwIfAborted()
      throw error
    }
  },
}
