interface Waiting<T, R> {
  readonly one: T
  readonly resolve: (result: R) => void
  readonly reject: (error: unknown) => void
}

/**
 * Does for several at once what each asks for alone: whoever comes while others are at work goes with the next. What fails
 * together is tried one by one, so that nobody fails for another.
 */
export function together<T, R>(
  { lanes, most }: { readonly lanes: number; readonly most: number },
  work: (all: readonly T[]) => Promise<readonly R[]>,
): (one: T) => Promise<R> {
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
  const lane = async () => {
    running++
    while (waiting.length > 0) await batch(waiting.splice(0, most))
    running--
  }
  return (one) =>
    new Promise((resolve, reject) => {
      waiting.push({ one, resolve, reject })
      if (running < lanes) void lane()
    })
}
