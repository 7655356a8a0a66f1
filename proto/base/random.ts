import { randomBytes } from 'node:crypto'

/** Chance as a service sees it. */
export interface Random {
  /** A number in [0, 1). */
  next(): number
  /** `bytes` of unguessable randomness in lower-case hex. */
  hex(bytes: number): string
}

export const systemRandom: Random = { next: () => Math.random(), hex: (bytes) => randomBytes(bytes).toString('hex') }
