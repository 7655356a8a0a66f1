import type { Clock } from '../../../proto/base/clock.ts'
import type { Log } from '../../../proto/base/log.ts'
import type { ClusterId } from '../../../proto/model/ids.ts'
import type { Sql } from '../../db/db.ts'
import { type Question, readFacts } from './facts.ts'
import type { LiveSession } from './live.ts'

export interface PumpDeps {
  readonly sql: Sql
  readonly held: ReadonlyMap<ClusterId, LiveSession>
  readonly clock: Clock
  readonly log: Log
}

/** One statement asks for so many clusters. */
const CLUSTERS_AT_ONCE = 500
/** Whole lists can be long: fewer at a time. */
const SYNCS_AT_ONCE = 50
const AFTER_FAILURE_MS = 500

/** Reads new facts for all sessions of this replica together, whenever it is poked; pokes meanwhile make one more round. */
export class Pump {
  readonly #deps: PumpDeps
  readonly #stop = new AbortController()
  #poked = false
  #running: Promise<void> | undefined

  constructor(deps: PumpDeps) {
    this.#deps = deps
  }

  poke(): void {
    this.#poked = true
    if (this.#stop.signal.aborted) return
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
      if (this.#poked) this.poke()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    while (this.#poked && !this.#stop.signal.aborted) {
      this.#poked = false
      try {
        await this.#round()
      } catch (error) {
        this.#deps.log.warn({ event: 'stream.read-failed', err: error }, 'could not read new facts')
        this.#poked = true
        await this.#deps.clock.sleep(AFTER_FAILURE_MS, this.#stop.signal).catch(() => undefined)
      }
    }
  }

  async #round(): Promise<void> {
    const questions = [...this.#deps.held.values()].flatMap((session) => session.question() ?? [])
    const [syncs, others] = [questions.filter(({ sync }) => sync), questions.filter(({ sync }) => !sync)]
    for (const batch of [...inChunks(others, CLUSTERS_AT_ONCE), ...inChunks(syncs, SYNCS_AT_ONCE)]) {
      for (const page of await readFacts(this.#deps.sql, batch)) this.#deps.held.get(page.clusterId)?.offer(page)
      if (this.#stop.signal.aborted) return
    }
  }
}

function inChunks(questions: readonly Question[], size: number): readonly (readonly Question[])[] {
  return Array.from({ length: Math.ceil(questions.length / size) }, (_, at) => questions.slice(at * size, (at + 1) * size))
}
