import type { Clock } from '../../proto/base/clock.ts'
import { FleetError } from '../../proto/base/errors.ts'
import type { EventPage, EventQuery } from './model.ts'
import type { EventStore } from './ports.ts'

const LOOK_AGAIN_MS = 500

/** The event log of all clusters. */
export interface EventService {
  /** The newest events, oldest of them first. */
  list(query: EventQuery): Promise<EventPage>
  /** What comes after a position, as it comes; empty pages say only how far it is. @throws `gone` when the position is ahead */
  watch(query: EventQuery, options: { readonly from: bigint; readonly signal: AbortSignal }): AsyncGenerator<EventPage>
}

export function createEventService({ store, clock }: { readonly store: EventStore; readonly clock: Clock }): EventService {
  return {
    list: (query) => store.newest(query),

    async *watch(query, { from, signal }) {
      let position = from
      for (;;) {
        const page = await store.after(query, position)
        if (page.position < position) throw new FleetError('gone', 'watch events: the version is ahead of the database; list again')
        position = page.position
        yield page
        await clock.sleep(LOOK_AGAIN_MS, signal)
      }
    },
  }
}
