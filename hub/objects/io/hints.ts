import type { PoolClient } from 'pg'
import type { Clock } from '../../../proto/base/clock.ts'
import { anyOf } from '../../../proto/base/signals.ts'
import type { Db } from '../../db/db.ts'
import { OBJECTS_CHANNEL } from './hint.ts'

/** Without a hint, readers look again after so long: a hint can be lost with its connection. */
const LOOK_AGAIN_MS = 5000

/** Hears, over one connection of its own, that something was written. */
export class Hints {
  readonly #db: Db
  readonly #clock: Clock
  readonly #wakers = new Set<() => void>()
  #client: PoolClient | undefined
  #heard = false

  constructor(options: { readonly db: Db; readonly clock: Clock }) {
    this.#db = options.db
    this.#clock = options.clock
  }

  /** Resolves at the next hint, at once when one came since the last call, or after a while. */
  async next(signal: AbortSignal): Promise<void> {
    await this.#listen()
    if (!this.#heard) {
      const stop = new AbortController()
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wakers.add(resolve)
      try {
        await Promise.race([promise, this.#clock.sleep(LOOK_AGAIN_MS, anyOf(signal, stop.signal))])
      } finally {
        this.#wakers.delete(resolve)
        stop.abort()
      }
    }
    this.#heard = false
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const client = this.#client
    this.#client = undefined
    client?.removeAllListeners('notification')
    client?.release(true)
  }

  async #listen(): Promise<void> {
    if (this.#client) return
    const client = await this.#db.pool.connect()
    client.on('error', (error) => {
      if (this.#client !== client) return
      this.#client = undefined
      client.release(error)
      this.#hear()
    })
    client.on('notification', () => this.#hear())
    await client.query(`listen ${OBJECTS_CHANNEL}`)
    this.#client = client
    // What was written before the connection listened was not heard.
    this.#heard = true
  }

  #hear(): void {
    this.#heard = true
    for (const wake of this.#wakers) wake()
  }
}
