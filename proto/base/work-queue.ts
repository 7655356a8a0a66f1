import type { Clock } from './clock.ts'

interface Entry {
  timer: AbortController | undefined
  dueAt: number
  running: boolean
  again: boolean
}

/** Gives its place to others for as long as something is waited for. */
export type Rest = <T>(wait: Promise<T>) => Promise<T>

export interface WorkQueueOptions {
  readonly concurrency: number
  readonly clock: Clock
  /** Does the work of one key; a failure is the worker's to report, the queue only goes on. */
  readonly work: (key: string, signal: AbortSignal, rest: Rest) => Promise<void>
  readonly failed: (key: string, error: unknown) => void
}

/**
 * Work by key: a key is in the queue at most once, and never worked on twice at a time.
 *
 * 1. `add(key)` while the key waits changes nothing; while it runs, it runs once more afterwards.
 * 2. `add(key, ms)` brings a later due time forward, never puts an earlier one off.
 * 3. At most `concurrency` keys run at once, the rest wait in order of arrival. Work that rests does not count; it goes on
 *    without waiting for a place.
 * 4. Disposal aborts what runs and waits for it.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions
  readonly #entries = new Map<string, Entry>()
  readonly #ready: string[] = []
  readonly #running = new Set<Promise<void>>()
  readonly #stop = new AbortController()
  #resting = 0

  constructor(options: WorkQueueOptions) {
    this.#options = options
  }

  get depth(): number {
    return this.#ready.length
  }

  add(key: string, afterMs = 0): void {
    if (this.#stop.signal.aborted) return
    const known = this.#entries.get(key)
    if (known?.running && afterMs <= 0) known.again = true
    else this.#schedule(key, known, afterMs)
  }

  /** Forgets a key that waits; one that runs finishes. */
  forget(key: string): void {
    const entry = this.#entries.get(key)
    if (!entry) return
    entry.timer?.abort()
    entry.timer = undefined
    entry.again = false
    if (!entry.running) {
      this.#entries.delete(key)
      const at = this.#ready.indexOf(key)
      if (at >= 0) this.#ready.splice(at, 1)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    for (const entry of this.#entries.values()) entry.timer?.abort()
    this.#ready.length = 0
    await Promise.allSettled(this.#running)
  }

  #schedule(key: string, known: Entry | undefined, afterMs: number): void {
    const dueAt = this.#options.clock.now().getTime() + Math.max(0, afterMs)
    const entry = known ?? { timer: undefined, dueAt: Number.POSITIVE_INFINITY, running: false, again: false }
    this.#entries.set(key, entry)
    if (entry.dueAt <= dueAt) return
    entry.timer?.abort()
    entry.dueAt = dueAt
    if (afterMs <= 0) {
      this.#makeReady(key, entry)
      return
    }
    const timer = new AbortController()
    entry.timer = timer
    this.#options.clock.sleep(afterMs, timer.signal).then(
      () => this.#makeReady(key, entry),
      () => undefined,
    )
  }

  #makeReady(key: string, entry: Entry): void {
    entry.timer = undefined
    if (entry.running) {
      entry.again = true
      return
    }
    this.#ready.push(key)
    this.#pump()
  }

  #pump(): void {
    while (this.#running.size - this.#resting < this.#options.concurrency && !this.#stop.signal.aborted) {
      const key = this.#ready.shift()
      if (key === undefined) return
      const run = this.#run(key).finally(() => {
        this.#running.delete(run)
        this.#pump()
      })
      this.#running.add(run)
    }
  }

  async #run(key: string): Promise<void> {
    const entry = this.#entries.get(key)
    if (!entry) return
    entry.running = true
    entry.dueAt = Number.POSITIVE_INFINITY
    try {
      await this.#options.work(key, this.#stop.signal, (wait) => this.#rest(wait))
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#options.failed(key, error)
    } finally {
      entry.running = false
      this.#settle(key, entry)
    }
  }

  async #rest<T>(wait: Promise<T>): Promise<T> {
    this.#resting++
    this.#pump()
    try {
      return await wait
    } finally {
      this.#resting--
    }
  }

  #settle(key: string, entry: Entry): void {
    if (entry.again) {
      entry.again = false
      entry.timer?.abort()
      entry.dueAt = 0
      this.#makeReady(key, entry)
    } else if (!entry.timer) this.#entries.delete(key)
  }
}
