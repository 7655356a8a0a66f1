import type { FactProblem } from '../../../proto/model/facts.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { SOURCE_GROUP } from '../../../proto/model/names.ts'
import type { Db, Sql } from '../../db/db.ts'
import { SOURCES_LOCK } from '../../db/locks.ts'
import type { SourceSighting } from '../model.ts'
import type { Reviewed } from '../ports.ts'
import { writeSources } from './sources.ts'

/** One namespace at a time, so that no transaction is long. */
const TAKE = `
  delete from source_reviews where namespace in (select namespace from source_reviews order by since limit 1 for update skip locked)
  returning namespace`

const SIGHTINGS = `
  select o.scope as "clusterId", o.version, o.kind, o.namespace, o.name, o.generation::int as generation, o.annotations, o.spec,
         so.credential_id, so.credential_problem
  from objects o
  join clusters c on c.id = o.scope
  left join source_objects so on so.cluster_id = o.scope and so.kind = o.kind and so.namespace = o.namespace and so.name = o.name
  where o.grp = $1 and o.namespace = any($2::text[])
  order by o.scope, o.kind, o.name`

interface Row {
  readonly clusterId: string
  readonly version: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly generation: number
  readonly annotations: Readonly<Record<string, string>>
  readonly spec: unknown
  readonly credential_id: string | null
  readonly credential_problem: FactProblem | null
}

/** `ReportStore.review` over Postgres: alone among all that give objects their sources, so that none writes what it read before. */
export function reviewSources(db: Db, serve: Parameters<Reviewed>[0]): ReturnType<Reviewed> {
  return db.transaction(async (tx) => {
    await tx.query('select pg_advisory_xact_lock($1)', [SOURCES_LOCK])
    const namespaces = (await tx.query<{ namespace: string }>(TAKE)).rows.map(({ namespace }) => namespace)
    if (namespaces.length === 0) return undefined
    const work = { fetch: new Set<string>(), settle: new Set<string>() }
    await writeSources(tx, await serve(await sightings(tx, namespaces)), work)
    return { fetch: [...work.fetch], settle: [...work.settle], tenants: [], placements: [], place: false }
  })
}

async function sightings(tx: Sql, namespaces: readonly string[]): Promise<readonly SourceSighting[]> {
  const { rows } = await tx.query<Row>(SIGHTINGS, [SOURCE_GROUP, namespaces])
  return rows.map((row) => ({
    clusterId: row.clusterId,
    generation: row.generation,
    manifest: manifestOf(row),
    credentialId: row.credential_id ?? undefined,
    credentialProblem: row.credential_problem ?? undefined,
  }))
}

function manifestOf({ annotations, kind, name, namespace, spec, version }: Row): Manifest {
  return { apiVersion: `${SOURCE_GROUP}/${version}`, kind, metadata: { name, namespace, annotations }, spec }
}
