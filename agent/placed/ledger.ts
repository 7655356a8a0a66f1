/** How long to wait before another correction of an object that others change, by its key. */
export type Patience = (key: string) => number

interface Entry {
  readonly position: bigint
  /** Until when a correction waits; 0 while none is due. */
  dueAtMs: number
}

/** What is remembered of placed objects between two looks; its loss costs only time. */
export class Ledger {
  readonly #failures = new Map<string, number>()
  readonly #inPlace = new Map<string, Entry>()
  readonly #patience: Patience

  constructor(patience: Patience) {
    this.#patience = patience
  }

  /** The object was as the fact of this position says. */
  inPlace(key: string, position: bigint): void {
    this.#failures.delete(key)
    this.#inPlace.set(key, { position, dueAtMs: 0 })
  }

  /** True where the object was brought to what the fact of this position says: what it says no more is gone too. */
  isKept(key: string, position: bigint): boolean {
    return this.#inPlace.get(key)?.position === position
  }

  /** The object is not, and is not to be, in place. */
  elsewhere(key: string): void {
    this.#failures.delete(key)
    this.#inPlace.delete(key)
  }

  /** @returns how often in a row it failed */
  failed(key: string): number {
    const count = (this.#failures.get(key) ?? 0) + 1
    this.#failures.set(key, count)
    return count
  }

  /** How long a correction of what was in place already has to wait; what is new waits for nothing. */
  waitMs(key: string, { nowMs, position }: { readonly position: bigint; readonly nowMs: number }): number {
    const known = this.#inPlace.get(key)
    if (known?.position !== position) return 0
    if (known.dueAtMs === 0) known.dueAtMs = nowMs + this.#patience(key)
    return Math.max(0, known.dueAtMs - nowMs)
  }
}
