const BLOCK = 512
const MAX_HEADER_BYTES = 1 << 20
const SIZE_AT = 124
const SIZE_LENGTH = 12
const TYPE_AT = 156
/** Headers that describe the entry after them: who unpacks holds all of one in memory. */
const EXTENDED: readonly string[] = ['x', 'g', 'L', 'K']

/** Watches the bytes of a tar archive pass by: an extended header that is larger than any honest one does not. */
export class HeaderGuard {
  readonly #header = Buffer.alloc(BLOCK)
  #filled = 0
  #skip = 0

  /** False where the archive is not to be read on. */
  passes(chunk: Uint8Array): boolean {
    for (let at = 0; at < chunk.length; ) {
      if (this.#skip > 0) {
        const passed = Math.min(this.#skip, chunk.length - at)
        this.#skip -= passed
        at += passed
        continue
      }
      const taken = Math.min(BLOCK - this.#filled, chunk.length - at)
      this.#header.set(chunk.subarray(at, at + taken), this.#filled)
      this.#filled += taken
      at += taken
      if (this.#filled < BLOCK) return true
      this.#filled = 0
      const size = this.#size()
      if (size > MAX_HEADER_BYTES && EXTENDED.includes(String.fromCharCode(this.#header[TYPE_AT] ?? 0))) return false
      this.#skip = Math.ceil(size / BLOCK) * BLOCK
    }
    return true
  }

  #size(): number {
    const field = this.#header.subarray(SIZE_AT, SIZE_AT + SIZE_LENGTH)
    // Sizes of many gigabytes are binary; nothing of that size passes the budget.
    if ((field[0] ?? 0) & 0x80) return Number.MAX_SAFE_INTEGER
    const size = Number.parseInt(field.toString('latin1').replaceAll('\0', ' ').trim(), 8)
    return Number.isNaN(size) ? 0 : size
  }
}
