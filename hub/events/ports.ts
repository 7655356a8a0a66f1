import type { EventPage, EventQuery } from './model.ts'

/** The rows of events, ordered as transactions ended. */
export interface EventStore {
  newest(query: EventQuery): Promise<EventPage>
  /** Events in transactions at or above `position` that have ended with all before them. */
  after(query: EventQuery, position: bigint): Promise<EventPage>
}
