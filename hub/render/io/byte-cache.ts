/** Bytes by key in bounded memory: the least recently used go first; what several wait for is loaded once. */
export class ByteCache {
  readonly #limit: number
  readonly #kept = new Map<string, Uint8Array>()
  readonly #loading = new Map<string, Promise<Uint8Array>>()
  #bytes = 0

  constructor(limitBytes: number) {
    this.#limit = limitBytes
  }

  async get(key: string, load: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const kept = this.#kept.get(key)
    if (kept) {
      this.#kept.delete(key)
      this.#kept.set(key, kept)
      return kept
    }
    const loading = this.#loading.get(key) ?? this.#load(key, load)
    this.#loading.set(key, loading)
    return loading
  }

  has(key: string): boolean {
    return this.#kept.has(key)
  }

  /** Keeps bytes that came along with others; what is too large for the cache is let go. */
  keep(key: string, bytes: Uint8Array): void {
    if (bytes.length > this.#limit / 4 || this.#kept.has(key)) return
    this.#kept.set(key, bytes)
    this.#bytes += bytes.length
    for (const [oldest, old] of this.#kept) {
      if (this.#bytes <= this.#limit) return
      this.#kept.delete(oldest)
      this.#bytes -= old.length
    }
  }

  async #load(key: string, load: () => Promise<Uint8Array>): Promise<Uint8Array> {
    try {
      const bytes = await load()
      this.keep(key, bytes)
      return bytes
    } finally {
      this.#loading.delete(key)
    }
  }
}
