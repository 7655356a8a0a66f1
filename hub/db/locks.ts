/**
 * Held shared by whoever gives objects their sources, alone by whoever takes sources away or looks at what tenants may
 * fetch: what one has read cannot change before it has written. Persisted: do not change.
 */
export const SOURCES_LOCK = 7_201_733_554_120_409n

/** One replica at a time decides what goes where, or takes away what such a decision may name. Persisted: do not change. */
export const PLACEMENTS_LOCK = 7_201_733_554_120_405n
