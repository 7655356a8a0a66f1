interface Waiting<Q, R> {
  readonly one: Q
  readonly resolve: (answer: R) => void
  readonly reject: (error: unknown) => void
}

/**
 * Several go through the same questions, each by itself; what they ask is asked for all of them at once. It is asked when
 * everybody waits for an answer, the question that was declared first before the others: who has a question more than the
 * others is waited for.
 */
export class InTurn {
  readonly #questions: (() => Promise<void> | undefined)[] = []
  #line: Promise<unknown> = Promise.resolve()
  #going = 0
  #asking = false

  /** One that goes through; nothing is asked while it does something else. */
  async go<R>(work: () => Promise<R>): Promise<R> {
    this.#going++
    try {
      return await work()
    } finally {
      this.#halt()
    }
  }

  /** One piece of work after the other. */
  alone<R>(work: () => Promise<R>): Promise<R> {
    const done = this.#line.then(work)
    this.#line = done.catch(() => undefined)
    return done
  }

  /**
   * A question, for those that `go`. `work` gets what is asked together and answers in that order. Where it fails, it fails
   * for all of them.
   */
  asked<Q, R>(work: (all: readonly Q[]) => Promise<readonly R[]>): (one: Q) => Promise<R> {
    let waiting: Waiting<Q, R>[] = []
    this.#questions.push(() => {
      const all = waiting
      waiting = []
      return all.length === 0 ? undefined : this.#answer(all, work)
    })
    return (one) =>
      new Promise((resolve, reject) => {
        waiting.push({ one, resolve, reject })
        this.#halt()
      })
  }

  async #answer<Q, R>(all: readonly Waiting<Q, R>[], work: (all: readonly Q[]) => Promise<readonly R[]>): Promise<void> {
    try {
      const answers = await this.alone(() => work(all.map(({ one }) => one)))
      this.#going += all.length
      for (const [index, { resolve }] of all.entries()) resolve(answers[index] as R)
    } catch (error) {
      this.#going += all.length
      for (const { reject } of all) reject(error)
    }
  }

  /** Somebody waits, or has gone through; who begins in the same turn is counted first. */
  #halt(): void {
    this.#going--
    queueMicrotask(() => this.#askNext())
  }

  #askNext(): void {
    if (this.#going > 0 || this.#asking) return
    for (const ask of this.#questions) {
      const answered = ask()
      if (!answered) continue
      this.#asking = true
      void answered.then(() => {
        this.#asking = false
        this.#askNext()
      })
      return
    }
  }
}
