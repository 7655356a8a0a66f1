import { refOf } from '../../../proto/model/manifest.ts'
import { refKey } from '../../../proto/model/object-ref.ts'
import type { Db, Sql } from '../../db/db.ts'
import { prepared } from '../../db/prepared.ts'
import { FLEET_SCOPE, type ObjectKey, type StoredObject } from '../model.ts'
import type { NextStatus } from '../ports.ts'
import { notifyObjects } from './hint.ts'
import { type ObjectRow, storedObject } from './rows.ts'
import { selectObjects } from './select.ts'

const IS = (as: string) =>
  `${as}.scope = p.scope and ${as}.grp = p.grp and ${as}.kind = p.kind and ${as}.namespace = p.namespace and ${as}.name = p.name`

/** Objects by key, in one statement. */
export async function selectAll(sql: Sql, keys: readonly ObjectKey[], lineage: bigint): Promise<readonly StoredObject[]> {
  if (keys.length === 0) return []
  const select = selectObjects({ mirrors: keys.some(({ scope }) => scope !== FLEET_SCOPE), detail: 'full' })
  const { rows } = await sql.query<ObjectRow>(
    prepared(
      `${select} join unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) as p (scope, grp, kind, namespace, name) on ${IS('o')}`,
    ),
    [
      keys.map(({ scope }) => scope),
      keys.map(({ group }) => group),
      keys.map(({ kind }) => kind),
      keys.map(({ namespace }) => namespace),
      keys.map(({ name }) => name),
    ],
  )
  return rows.map((row) => storedObject(row, lineage))
}

/** Rows are taken in order, so that two writers never wait for each other; one that moved on meanwhile is left as it is. */
const REPLACE = prepared(`
  with held as materialized (
    select o.scope, o.grp, o.kind, o.namespace, o.name, o.xid = p.xid::xid8 and o.seq = p.seq as is_same, p.status
    from jsonb_to_recordset($1::jsonb) as p(scope text, grp text, kind text, namespace text, name text, status jsonb, xid text, seq bigint)
    join objects o on ${IS('o')}
    order by o.scope, o.grp, o.kind, o.namespace, o.name for update of o)
  update objects o set status = p.status, xid = pg_current_xact_id(), seq = nextval('object_seq')
  from held p where p.is_same and ${IS('o')}
  returning o.scope, o.grp as "group", o.kind, o.namespace, o.name`)

/** @returns the objects that were written */
export async function replaceStatuses(db: Db, all: readonly NextStatus[]): Promise<ReadonlySet<StoredObject>> {
  if (all.length === 0) return new Set()
  const rows = all.map(({ object: { manifest, rowVersion, scope }, status }) => {
    const { group: grp, kind, namespace, name } = refOf(manifest)
    return { scope, grp, kind, namespace, name, status, xid: String(rowVersion.xid), seq: String(rowVersion.seq) }
  })
  const done = await db.transaction(async (tx) => {
    const { rows: written } = await tx.query<ObjectKey>(REPLACE, [JSON.stringify(rows)])
    if (written.length > 0) await notifyObjects(tx)
    return written
  })
  const written = new Set(done.map((key) => `${key.scope} ${refKey(key)}`))
  return new Set(all.flatMap(({ object }) => (written.has(`${object.scope} ${refKey(refOf(object.manifest))}`) ? [object] : [])))
}
