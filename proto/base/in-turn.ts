/** What several ask for in the same turn of the event loop is asked for once; what comes in another turn goes after it. */
export class InTurn {
  #line: Promise<unknown> = Promise.resolve()

  /** One piece of work after the other. */
  alone<R>(work: () => Promise<R>): Promise<R> {
    const done = this.#line.then(work)
    this.#line = done.catch(() => undefined)
    return done
  }

  /** A way to ask: `work` gets what was asked for together and answers in that order. Where it fails, all of them fail. */
  asked<Q, R>(work: (all: readonly Q[]) => Promise<readonly R[]>): (one: Q) => Promise<R> {
    let batch: { readonly all: Q[]; readonly done: Promise<readonly R[]> } | undefined
    return async (one) => {
      batch ??= this.#open(work, () => {
        batch = undefined
      })
      const { all, done } = batch
      const at = all.push(one) - 1
      return (await done)[at] as R
    }
  }

  #open<Q, R>(work: (all: readonly Q[]) => Promise<readonly R[]>, close: () => void) {
    const all: Q[] = []
    const turn = new Promise<void>((resolve) => void setImmediate(resolve))
    const done = turn.then(() => {
      close()
      return this.alone(() => work(all))
    })
    return { all, done }
  }
}
