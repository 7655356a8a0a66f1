/**
 * Runs `work` for each item, at most `concurrency` at a time, and gives the results in the order of the items.
 * After a failure nothing new is started; what runs is waited for, then the first failure is thrown.
 */
export async function each<T, R>(items: readonly T[], concurrency: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const failures: unknown[] = []
  let next = 0
  const lane = async () => {
    for (let at = next++; at < items.length && failures.length === 0; at = next++) {
      try {
        results[at] = await work(items[at] as T)
      } catch (error) {
        failures.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, lane))
  if (failures.length > 0) throw failures[0]
  return results
}
