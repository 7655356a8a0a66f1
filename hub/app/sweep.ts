import type { Clock } from '../../proto/base/clock.ts'

/** After a piece of work, so many times as long as it took. */
const REST = 19

export interface Sweep {
  readonly clock: Clock
  /** Ends it between two pieces of work. */
  readonly signal: AbortSignal
  /** Told of what could not be done; the others are done all the same. */
  readonly failed: (key: string, error: unknown) => void
}

/** Does something about each of many, one after the other, in a twentieth of the time at most, however many they are. */
export async function sweep(keys: Iterable<string>, work: (key: string) => Promise<void>, { clock, failed, signal }: Sweep): Promise<void> {
  for (const key of keys) {
    const startedAt = clock.now().getTime()
    await work(key).catch((error: unknown) => failed(key, error))
    await clock.sleep((clock.now().getTime() - startedAt) * REST, signal)
  }
}
