import type { Cursor, Fact } from '../../proto/model/facts.ts'
import { emptiesItsPlace, factKey, setDigestOf } from '../../proto/model/set-digest.ts'
import type { FactBatch } from './model.ts'

/**
 * Facts on their way to the disk.
 *
 * 1. Facts wait until the hub says that everything up to a place was sent: only then is that place a cursor.
 * 2. What followed a full welcome becomes one full batch; every later batch adds to it.
 * 3. Facts of a session that broke before the mark are forgotten: they come again.
 */
export interface Inbox {
  receive(fact: Fact): void
  /** What to save when the hub says that everything up to `cursor` was sent. */
  caughtUp(cursor: Cursor): FactBatch
}

/** @param full  true after a welcome that announced everything */
export function createInbox(full: boolean): Inbox {
  let waiting: Fact[] = []
  let whole = full
  return {
    receive: (fact) => void waiting.push(fact),
    caughtUp(cursor) {
      const batch = { facts: waiting, cursor, full: whole }
      waiting = []
      whole = false
      return batch
    },
  }
}

/** Digest over what is held, to be compared with the hub's. */
export function heldDigest(facts: Iterable<Fact>): string {
  return setDigestOf(Array.from(facts).flatMap((fact) => (emptiesItsPlace(fact) ? [] : [[factKey(fact), fact.position] as const])))
}
