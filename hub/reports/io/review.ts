import type { Db } from '../../db/db.ts'
import { SOURCES_LOCK } from '../../db/locks.ts'
import type { Reviewed, ServeSightings, SourceWork } from '../ports.ts'
import { sightingsIn } from './sightings.ts'
import { writeSources } from './sources.ts'

/** One namespace at a time, so that no transaction is long. */
const TAKE = `
  delete from source_reviews where namespace in (select namespace from source_reviews order by since limit 1 for update skip locked)
  returning namespace`

/** `ReportStore.review` over Postgres: alone among all that give objects their sources, so that none writes what it read before. */
export function reviewSources(db: Db, serve: ServeSightings): ReturnType<Reviewed> {
  return db.transaction(async (tx) => {
    await tx.query('select pg_advisory_xact_lock($1)', [SOURCES_LOCK])
    const namespaces = (await tx.query<{ namespace: string }>(TAKE)).rows.map(({ namespace }) => namespace)
    if (namespaces.length === 0) return undefined
    const work: SourceWork = { fetch: new Set(), settle: new Set(), moved: new Set() }
    await writeSources(tx, await serve(await sightingsIn(tx, namespaces)), work)
    return { fetch: [...work.fetch], settle: [...work.settle], moved: [...work.moved], tenants: [], placements: [], place: false }
  })
}
