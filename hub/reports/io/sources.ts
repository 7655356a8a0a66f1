import type { Sql } from '../../db/db.ts'
import type { SourceObjectRow } from '../model.ts'
import type { SourceWork } from '../ports.ts'
import { KEEP_CONTENT, LOOK_NOW, SET_INTERVALS, UPSERT_SOURCE_OBJECTS, UPSERT_SOURCES } from './statements.ts'

/** Gives source objects their Sources; adds the keys of those that there is something to do about to `work`. */
export async function writeSources(tx: Sql, sourceObjects: readonly SourceObjectRow[], work: SourceWork): Promise<void> {
  if (sourceObjects.length === 0) return
  const sources = sourceObjects.flatMap(({ source }) => source ?? [])
  if (sources.length > 0) await tx.query(UPSERT_SOURCES, [JSON.stringify(sources)])
  const frozen = sourceObjects.flatMap(({ clusterId, kind, name, namespace, source }) =>
    source?.thawed === undefined ? [] : [{ clusterId, kind, namespace, name, key: source.key, thawed: source.thawed }],
  )
  if (frozen.length > 0) await tx.query(KEEP_CONTENT, [JSON.stringify(frozen)])
  const rows = sourceObjects.map(({ source, ...row }) => ({
    ...row,
    sourceKey: source?.key ?? sourcelessKey(row),
    problem: row.problem ?? null,
  }))
  const changed = await tx.query<{ source_key: string | null; left_key: string | null; look: boolean; moved: boolean }>(
    UPSERT_SOURCE_OBJECTS,
    [JSON.stringify(rows)],
  )
  for (const { look, moved, source_key } of changed.rows) {
    if (source_key === null) continue
    work.settle.add(source_key)
    if (moved) work.moved.add(source_key)
    if (look) work.fetch.add(source_key)
  }
  await tx.query(SET_INTERVALS, [changed.rows.flatMap((row) => [row.source_key, row.left_key].filter((key) => key !== null))])
  if (work.fetch.size > 0) await tx.query(LOOK_NOW, [[...work.fetch]])
}

/** The key of an object that no Source can serve: it is settled, which means told why, like any other. */
function sourcelessKey(row: Pick<SourceObjectRow, 'clusterId' | 'kind' | 'namespace' | 'name'>): string {
  return `none:${row.clusterId}/${row.kind}/${row.namespace}/${row.name}`
}
