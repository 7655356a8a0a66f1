import type { Fact } from '../../proto/model/facts.ts'
import { factKey } from '../../proto/model/set-digest.ts'
import type { Page } from './model.ts'

/**
 * What was read for a session and not yet sent.
 *
 * 1. It holds each place once: a newer fact replaces the older one and goes to the end, so that positions stay in order.
 * 2. It is bounded: a page that would not fit is left in the rows, which are the truth, and read again when there is room.
 * 3. A mark ("everything up to here was sent") follows only after all facts up to it.
 */
export interface Outbox {
  readonly facts: ReadonlyMap<string, Fact>
  /** Up to where rows were read. */
  readonly readTo: bigint
  /** Set once the rows were read to their end: what is announced when the facts are out. */
  readonly mark: { readonly position: bigint; readonly digest: string } | undefined
}

export const OUTBOX_LIMIT = 2000

export function emptyOutbox(from: bigint): Outbox {
  return { facts: new Map(), readTo: from, mark: undefined }
}

/** True when a page may be read for it. */
export function hasRoom(outbox: Outbox): boolean {
  return outbox.facts.size < OUTBOX_LIMIT
}

/** Takes in a page that was read from `outbox.readTo` on; one that begins elsewhere or does not fit changes nothing. */
export function offer(outbox: Outbox, page: Pick<Page, 'facts' | 'upTo' | 'complete' | 'digest'>): Outbox {
  if (!hasRoom(outbox) || page.upTo < outbox.readTo) return outbox
  const facts = new Map(outbox.facts)
  for (const fact of page.facts) {
    const key = factKey(fact)
    facts.delete(key)
    facts.set(key, fact)
  }
  return { facts, readTo: page.upTo, mark: page.complete ? { position: page.upTo, digest: page.digest } : undefined }
}

export interface Taken {
  readonly outbox: Outbox
  readonly facts: readonly Fact[]
  /** Present when with these facts everything up to it is out. */
  readonly mark: Outbox['mark']
}

/** The next facts to send, at most `count`, and the mark when they are the last. */
export function take(outbox: Outbox, count: number): Taken {
  const all = [...outbox.facts]
  const facts = new Map(all.slice(count))
  const done = facts.size === 0
  const rest = { ...outbox, facts, mark: done ? undefined : outbox.mark }
  return { outbox: rest, facts: all.slice(0, count).map(([, fact]) => fact), mark: done ? outbox.mark : undefined }
}
