import { Counter, type Registry } from 'prom-client'
import type { Sql } from '../../db/db.ts'
import { stateGauge } from '../../db/state-gauge.ts'
import { type PlacementNews, TARGET_STATES } from '../model.ts'
import type { StandingStore } from '../ports.ts'

const OBJECT_STATES = ['placed', 'pending', 'refused', 'removing'] as const
const OBJECTS = `select case when leaving is null then state else 'removing' end as state, count(*)::int as count from placed group by 1`

/** Counts what happens to Placements; how many clusters and objects are in which state is read when somebody asks. */
export function openPlacementMetrics(
  registry: Registry,
  { sql, standings }: { readonly sql: Sql; readonly standings: Pick<StandingStore, 'counts'> },
): (news: PlacementNews) => void {
  const events = new Counter({
    name: 'flotilla_placement_events_total',
    help: 'What happened to Placements, by event.',
    labelNames: ['event'],
    registers: [registry],
  })
  stateGauge(registry, {
    name: 'flotilla_placement_clusters',
    help: 'Clusters that Placements choose, or still have something in, once for each Placement, by state.',
    async read() {
      const counts = await standings.counts()
      return TARGET_STATES.map((state) => ({ state, count: counts[state] ?? 0 }))
    },
  })
  stateGauge(registry, {
    name: 'flotilla_placement_objects',
    help: 'Objects in clusters by the word of Placements, by state.',
    async read() {
      const { rows } = await sql.query<{ state: string; count: number }>(OBJECTS)
      return OBJECT_STATES.map((state) => ({ state, count: rows.find((row) => row.state === state)?.count ?? 0 }))
    },
  })
  return ({ event }) => events.inc({ event })
}
