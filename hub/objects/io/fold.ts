import { withoutRevision } from '../../../proto/model/flux/revision.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { type ObjectRef, refKey } from '../../../proto/model/object-ref.ts'
import type { Sql } from '../../db/db.ts'
import { notifyObjects } from './hint.ts'
import { COLUMNS, columnsOf } from './rows.ts'

/** An object of a cluster as somebody saw it there. */
export interface MirrorUpsert {
  readonly clusterId: string
  readonly ref: ObjectRef
  /** The cluster's own resourceVersion. */
  readonly originVersion: string
  readonly manifest: Manifest
}

export interface MirrorDeletion {
  readonly clusterId: string
  readonly ref: ObjectRef
  readonly uid: string
  readonly originVersion: string
}

export interface MirrorBatch {
  readonly upserts: readonly MirrorUpsert[]
  readonly deletions: readonly MirrorDeletion[]
  /** From a complete list: it is right also where its versions are lower than what is known. */
  readonly relist?: boolean
}

export interface MirrorChange {
  readonly clusterId: string
  readonly ref: ObjectRef
  readonly deleted: boolean
}

interface ChangeRow {
  readonly scope: string
  readonly grp: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly changed?: boolean
}

/**
 * Takes a batch of mirrors into the store, one statement each for what is there and what is gone. What is older than
 * the row, or of an object whose end is known, is dropped; what changes nothing but the cluster's version is no news.
 * @returns what is different now, in no order
 */
export async function foldMirror(tx: Sql, batch: MirrorBatch): Promise<readonly MirrorChange[]> {
  const { upserts, deletions } = coalesce(batch)
  const relist = batch.relist === true
  const written = upserts.length === 0 ? [] : await upsert(tx, upserts, relist)
  const gone = deletions.length === 0 ? [] : await remove(tx, deletions, relist)
  if (written.length + gone.length > 0) await notifyObjects(tx)
  return [...written.map((row) => change(row, false)), ...gone.map((row) => change(row, true))]
}

const TYPES = 'text text text text text text text bigint timestamptz jsonb jsonb jsonb jsonb jsonb jsonb text'.split(' ')

/** Rows are taken in the order of their keys, so that two folds never wait for each other in a circle. */
const UPSERT = `insert into objects as o (${COLUMNS})
  select i.* from unnest(${TYPES.map((type, index) => `$${index + 1}::${type === 'jsonb' ? 'text' : type}[]`).join(', ')})
    as r(${COLUMNS}), lateral (select ${COLUMNS.split(', ')
      .map((column, index) => (TYPES[index] === 'jsonb' ? `r.${column}::jsonb` : `r.${column}`))
      .join(', ')}) as i(${COLUMNS})
    where $17 or not exists (select from tombstones t where t.uid = i.uid and t.scope = i.scope)
    order by i.scope, i.grp, i.kind, i.namespace, i.name
  on conflict (scope, grp, kind, namespace, name) do update set
    version = excluded.version, uid = excluded.uid, generation = excluded.generation, created_at = excluded.created_at,
    labels = excluded.labels, annotations = excluded.annotations, metadata = excluded.metadata, spec = excluded.spec,
    status = excluded.status, rest = excluded.rest, origin_version = excluded.origin_version,
    created_xid = case when o.uid = excluded.uid then o.created_xid else pg_current_xact_id() end,
    xid = case when SAME then o.xid else pg_current_xact_id() end,
    seq = case when SAME then o.seq else nextval('object_seq') end
  where $17 or coalesce(o.origin_version, '0')::numeric < excluded.origin_version::numeric
  returning o.scope, o.grp, o.kind, o.namespace, o.name, o.xid = pg_current_xact_id() as changed`.replaceAll(
  'SAME',
  `(o.uid, o.generation, o.labels, o.annotations, o.metadata, o.spec, o.status, o.rest, o.version)
      is not distinct from (excluded.uid, excluded.generation, excluded.labels, excluded.annotations, excluded.metadata,
        excluded.spec, excluded.status, excluded.rest, excluded.version)`,
)

async function upsert(tx: Sql, upserts: readonly MirrorUpsert[], relist: boolean): Promise<readonly ChangeRow[]> {
  const rows = upserts.map(({ clusterId, manifest, originVersion }) => columnsOf(clusterId, mirrored(manifest), originVersion))
  const columns = TYPES.map((_type, index) => rows.map((row) => row[index]))
  const result = await tx.query<ChangeRow>(UPSERT, [...columns, relist])
  return result.rows.filter(({ changed }) => changed)
}

/** What of a sighting is kept: not what follows from the revision, which is served from elsewhere. */
function mirrored(manifest: Manifest): Manifest {
  const { status } = withoutRevision(manifest.kind, manifest.status)
  return status === undefined ? manifest : { ...manifest, status }
}

const REMOVE = `with wanted as (
    select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
      as w(scope, grp, kind, namespace, name, uid, origin_version)),
  gone as (
    delete from objects o using wanted w
     where o.scope = w.scope and o.grp = w.grp and o.kind = w.kind and o.namespace = w.namespace and o.name = w.name and o.uid = w.uid
       and ($8 or coalesce(o.origin_version, '0')::numeric <= w.origin_version::numeric)
    returning o.*)
  insert into tombstones (scope, grp, kind, namespace, name, uid, labels, last)
  select scope, grp, kind, namespace, name, uid, labels,
    jsonb_build_object('apiVersion', case when grp = '' then version else grp || '/' || version end, 'kind', kind,
      'metadata', metadata || jsonb_build_object('name', name, 'namespace', namespace, 'uid', uid, 'generation', generation,
        'labels', labels, 'annotations', annotations,
        'creationTimestamp', to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')))
      || case when spec is null then '{}' else jsonb_build_object('spec', spec) end
      || case when status is null then '{}' else jsonb_build_object('status', status) end || rest
  from gone returning scope, grp, kind, namespace, name`

async function remove(tx: Sql, deletions: readonly MirrorDeletion[], relist: boolean): Promise<readonly ChangeRow[]> {
  const column = (pick: (deletion: MirrorDeletion) => string) => deletions.map(pick)
  const { rows } = await tx.query<ChangeRow>(REMOVE, [
    column(({ clusterId }) => clusterId),
    column(({ ref }) => ref.group),
    column(({ ref }) => ref.kind),
    column(({ ref }) => ref.namespace),
    column(({ ref }) => ref.name),
    column(({ uid }) => uid),
    column(({ originVersion }) => originVersion || '0'),
    relist,
  ])
  return rows
}

/** One statement cannot write a row twice: of several states of an object the newest stands. */
function coalesce({ deletions, upserts }: MirrorBatch): MirrorBatch {
  const newest = new Map<string, MirrorUpsert>()
  for (const one of upserts) {
    const key = `${one.clusterId}/${refKey(one.ref)}`
    const other = newest.get(key)
    if (!other || BigInt(other.originVersion) <= BigInt(one.originVersion)) newest.set(key, one)
  }
  const ends = new Map(deletions.map((one) => [`${one.clusterId}/${refKey(one.ref)}/${one.uid}`, one]))
  const alive = [...newest].filter(([key, { manifest }]) => !ends.has(`${key}/${manifest.metadata.uid ?? ''}`))
  return { upserts: alive.map(([, one]) => one), deletions: [...ends.values()] }
}

function change({ grp, kind, name, namespace, scope }: ChangeRow, deleted: boolean): MirrorChange {
  return { clusterId: scope, ref: { group: grp, kind, namespace, name }, deleted }
}
