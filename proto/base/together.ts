import type { Clock } from './clock.ts'

interface Waiting<T, R> {
  readonly one: T
  readonly resolve: (result: R) => void
  readonly reject: (error: unknown) => void
}

export interface Lanes {
  readonly lanes: number
  /** So many go together. */
  readonly most: number
  readonly pace?: Pace
}

export interface Pace {
  /** Who is first waits so long for others. */
  readonly gatherMs: number
  /** A lane rests so many times as long as its work took, a second at most: under load more go together, and less often. */
  readonly rest: number
  readonly clock: Clock
  /** Ends the waits; what waits is done all the same. */
  readonly signal: AbortSignal
}

const LONGEST_REST_MS = 1000

/**
 * Does for several at once what each asks for alone: whoever comes while others are at work goes with the next. What fails
 * together is tried one by one, so that nobody fails for another.
 */
export function together<T, R>({ lanes, most, pace }: Lanes, work: (all: readonly T[]) => Promise<readonly R[]>): (one: T) => Promise<R> {
  const waiting: Waiting<T, R>[] = []
  let running = 0
  const alone = async ({ one, reject, resolve }: Waiting<T, R>) => {
    try {
      const [result] = await work([one])
      resolve(result as R)
    } catch (error) {
      reject(error)
    }
  }
  const batch = async (of: readonly Waiting<T, R>[]) => {
    const [first, second] = of
    if (first && !second) return alone(first)
    try {
      const results = await work(of.map(({ one }) => one))
      for (const [index, { resolve }] of of.entries()) resolve(results[index] as R)
    } catch {
      for (const one of of) await alone(one)
    }
  }
  const pause = async (ms: number) => {
    if (pace && ms > 0) await pace.clock.sleep(ms, pace.signal).catch(() => undefined)
  }
  const lane = async () => {
    running++
    if (pace) await pause(pace.gatherMs)
    while (waiting.length > 0) {
      const began = pace?.clock.now().getTime() ?? 0
      await batch(waiting.splice(0, most))
      if (pace) await pause(Math.min(LONGEST_REST_MS, pace.rest * (pace.clock.now().getTime() - began)))
    }
    running--
  }
  return (one) =>
    new Promise((resolve, reject) => {
      waiting.push({ one, resolve, reject })
      if (running < lanes) void lane()
    })
}
