import type { Clock } from './clock.ts'
import { FleetError } from './errors.ts'

/** Starts `work` and has `scope` end it: disposal aborts its signal and waits for it. A failure is told, not thrown. */
export function background(
  scope: AsyncDisposableStack,
  work: (signal: AbortSignal) => Promise<void>,
  failed: (error: unknown) => void,
): void {
  const stop = new AbortController()
  const done = work(stop.signal).catch((error: unknown) => {
    if (!stop.signal.aborted) failed(error)
  })
  scope.defer(async () => {
    stop.abort(new FleetError('aborted', 'the program is stopping'))
    await done
  })
}

export interface Repeat {
  readonly everyMs: number
  readonly clock: Clock
  readonly failed: (error: unknown) => void
}

/** Does `work` at once and then again and again, `everyMs` after it ended, until the scope is disposed. */
export function repeat(
  scope: AsyncDisposableStack,
  { everyMs, clock, failed }: Repeat,
  work: (signal: AbortSignal) => Promise<void>,
): void {
  background(
    scope,
    async (signal) => {
      while (!signal.aborted) {
        await work(signal).catch((error: unknown) => {
          if (!signal.aborted) failed(error)
        })
        await clock.sleep(everyMs, signal).catch(() => undefined)
      }
    },
    failed,
  )
}

/** Tells how many seconds `work` took, however it ended. */
export async function timed<T>(clock: Clock, tell: (seconds: number) => void, work: () => Promise<T>): Promise<T> {
  const startedAt = clock.now().getTime()
  try {
    return await work()
  } finally {
    tell((clock.now().getTime() - startedAt) / 1000)
  }
}
