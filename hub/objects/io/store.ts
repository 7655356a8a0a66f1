import { FleetError } from '../../../proto/base/errors.ts'
import { refOf } from '../../../proto/model/manifest.ts'
import { formatRef } from '../../../proto/model/object-ref.ts'
import type { Db, Sql } from '../../db/db.ts'
import type { ListQuery, ObjectKey, ObjectPage, StoredObject } from '../model.ts'
import { FLEET_SCOPE } from '../model.ts'
import type { ObjectStore } from '../ports.ts'
import { encodeVersion, frontier } from '../version.ts'
import { notifyObjects } from './hint.ts'
import { COLUMNS, columnsOf, type ObjectRow, storedObject } from './rows.ts'
import { holdsMirrors, labelCondition, scopeCondition, selectObjects, Values } from './select.ts'
import { replaceStatuses, selectAll } from './statuses.ts'

const KEY = 'scope = $1 and grp = $2 and kind = $3 and namespace = $4 and name = $5'

/** `ObjectStore` over Postgres. */
export function createObjectStore(deps: { readonly db: Db; readonly lineage: () => Promise<bigint> }): ObjectStore {
  const { db, lineage } = deps

  /** The lineage is read before the transaction begins: inside, it would take a second connection. */
  async function transaction<T>(work: (tx: Sql, bits: bigint) => Promise<T>): Promise<T> {
    const bits = await lineage()
    return db.transaction((tx) => work(tx, bits))
  }

  return {
    get: async (key) => one(db, key, await lineage()),
    getAll: async (keys) => selectAll(db, keys, await lineage()),
    list: async (query) => listObjects(db, query, await lineage()),

    insert: (scope, manifest) =>
      transaction(async (tx, bits) => {
        const key = { scope, ...refOf(manifest) }
        const { rowCount } = await tx.query(
          `insert into objects (${COLUMNS}) values (${placeholders(16)}) on conflict do nothing`,
          columnsOf(scope, manifest, null),
        )
        if (rowCount === 0) throw new FleetError('already-exists', `create ${formatRef(key)}: it exists already`)
        await notifyObjects(tx)
        return expectRow(await one(tx, key, bits), key)
      }),

    replace: (object, manifest) =>
      transaction(async (tx, bits) => {
        const key = { scope: object.scope, ...refOf(manifest) }
        const { rowCount } = await tx.query(
          `update objects set (${COLUMNS}) = (${placeholders(16)}), xid = pg_current_xact_id(), seq = nextval('object_seq')
            where ${KEY} and xid = $17::text::xid8 and seq = $18`,
          [...columnsOf(object.scope, manifest, object.originVersion ?? null), String(object.rowVersion.xid), object.rowVersion.seq],
        )
        if (rowCount === 0) return undefined
        await notifyObjects(tx)
        return expectRow(await one(tx, key, bits), key)
      }),

    replaceStatuses: (all) => replaceStatuses(db, all),

    remove: (object) =>
      transaction(async (tx, bits) => {
        const { rows } = await tx.query<{ xid: string; seq: bigint }>(REMOVE, [
          ...keyValues({ scope: object.scope, ...refOf(object.manifest) }),
          String(object.rowVersion.xid),
          object.rowVersion.seq,
          JSON.stringify(object.manifest),
        ])
        const gone = rows[0]
        if (!gone) return undefined
        await notifyObjects(tx)
        const version = { xid: BigInt(gone.xid), seq: gone.seq }
        const metadata = { ...object.manifest.metadata, resourceVersion: encodeVersion(version, bits) }
        return { ...object, version, rowVersion: version, manifest: { ...object.manifest, metadata } }
      }),
  }
}

async function one(sql: Sql, key: ObjectKey, bits: bigint): Promise<StoredObject | undefined> {
  const select = selectObjects({ mirrors: key.scope !== FLEET_SCOPE, detail: 'full' })
  const where = 'o.scope = $1 and o.grp = $2 and o.kind = $3 and o.namespace = $4 and o.name = $5'
  const { rows } = await sql.query<ObjectRow>(`${select} where ${where}`, keyValues(key))
  return rows[0] && storedObject(rows[0], bits)
}

const REMOVE = `with gone as (
    delete from objects where ${KEY} and xid = $6::text::xid8 and seq = $7
    returning scope, grp, kind, namespace, name, uid, labels)
  insert into tombstones (scope, grp, kind, namespace, name, uid, labels, last)
  select scope, grp, kind, namespace, name, uid, labels, $8::jsonb from gone
  returning xid::text, seq`

async function listObjects(db: Db, query: ListQuery, lineage: bigint): Promise<ObjectPage> {
  // The version is read before the rows: what is written in between comes again in a watch, and nothing is missed.
  const before = await db.query<{ xmin: string }>('select pg_snapshot_xmin(pg_current_snapshot())::text as xmin')
  const values = new Values()
  const conditions = listConditions(query, values)
  const limit = query.limit ? `limit ${values.put(query.limit + 1)}` : ''
  const mirrors = holdsMirrors(query.scopes)
  const { rows } = await db.query<ObjectRow>(
    `${selectObjects({ mirrors, detail: query.detail })} where ${conditions.join(' and ')} order by o.namespace, o.name, o.scope ${limit}`,
    values.list,
  )
  const page = query.limit ? rows.slice(0, query.limit) : rows
  const last = page.at(-1)
  return {
    objects: page.map((row) => storedObject(row, lineage)),
    resourceVersion: encodeVersion(frontier(BigInt(before.rows[0]?.xmin ?? '1')), lineage),
    next: last && rows.length > page.length ? { namespace: last.namespace, name: last.name, scope: last.scope } : undefined,
  }
}

function listConditions(query: ListQuery, values: Values): readonly string[] {
  const { after } = query
  return [
    `o.grp = ${values.put(query.group)}`,
    `o.kind = ${values.put(query.kind)}`,
    scopeCondition(query.scopes, 'o.scope', values),
    ...(query.namespaces ? [`o.namespace = any(${values.put(query.namespaces)}::text[])`] : []),
    ...(query.names ? [`o.name = any(${values.put(query.names)}::text[])`] : []),
    ...labelCondition(query.labels, 'o.labels', values),
    ...(after
      ? [`(o.namespace, o.name, o.scope) > (${values.put(after.namespace)}, ${values.put(after.name)}, ${values.put(after.scope)})`]
      : []),
  ]
}

function keyValues({ scope, group, kind, namespace, name }: ObjectKey): readonly unknown[] {
  return [scope, group, kind, namespace, name]
}

function placeholders(count: number): string {
  return Array.from({ length: count }, (_, index) => `$${index + 1}`).join(', ')
}

function expectRow(object: StoredObject | undefined, key: ObjectKey): StoredObject {
  if (!object) throw new FleetError('internal', `read back ${formatRef(key)}: the row just written is not there`)
  return object
}
