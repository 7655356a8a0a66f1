import { FleetError } from './errors.ts'

/**
 * What happens when a queue is full: `block` makes the writer wait, `fail` refuses the item with `exhausted`.
 * A queue never drops.
 */
export type WhenFull = 'block' | 'fail'

/** A bounded first-in first-out queue between one or more writers and one or more readers. */
export class Queue<T> {
  readonly #items: T[] = []
  readonly #limit: number
  readonly #whenFull: WhenFull
  readonly #wakers = new Set<() => void>()
  #closed = false

  constructor(options: { readonly limit: number; readonly whenFull: WhenFull }) {
    this.#limit = options.limit
    this.#whenFull = options.whenFull
  }

  get size(): number {
    return this.#items.length
  }

  async push(item: T, signal: AbortSignal): Promise<void> {
    while (this.#items.length >= this.#limit && !this.#closed) {
      if (this.#whenFull === 'fail') throw new FleetError('exhausted', `queue of ${this.#limit} is full`)
      await this.#changed(signal)
    }
    if (this.#closed) throw new FleetError('aborted', 'queue is closed')
    this.#items.push(item)
    this.#wake()
  }

  /** The next item, or undefined once the queue is closed and empty. */
  async pop(signal: AbortSignal): Promise<T | undefined> {
    while (this.#items.length === 0) {
      if (this.#closed) return undefined
      await this.#changed(signal)
    }
    const item = this.#items.shift()
    this.#wake()
    return item
  }

  close(): void {
    this.#closed = true
    this.#wake()
  }

  async #changed(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    this.#wakers.add(resolve)
    try {
      await promise
    } finally {
      this.#wakers.delete(resolve)
      signal.removeEventListener('abort', stop)
    }
  }

  #wake(): void {
    for (const wake of this.#wakers) wake()
  }
}
