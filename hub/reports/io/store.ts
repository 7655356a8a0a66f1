import { KUSTOMIZE_GROUP } from '../../../proto/model/names.ts'
import type { ObjectRef } from '../../../proto/model/object-ref.ts'
import type { MirroredReport, VersionedRef } from '../../../proto/model/report.ts'
import type { Db, Sql } from '../../db/db.ts'
import type { ClusterReport, Projection, Received } from '../model.ts'
import type { Folded, ReportStore } from '../ports.ts'
import * as sql from './statements.ts'

/** The store of objects, as far as mirrors are folded into it. */
export interface Mirrors {
  upsert(tx: Sql, objects: readonly ClusterReport<MirroredReport>[]): Promise<void>
  remove(tx: Sql, objects: readonly ClusterReport<VersionedRef>[]): Promise<void>
  /** Wakes whoever watches: what is served of objects changed beside their rows. */
  notify(tx: Sql): Promise<void>
}

/** `ReportStore` over Postgres: a batch is one transaction, a kind of row one statement. */
export function createReportStore(db: Db, mirrors: Mirrors): ReportStore {
  return {
    fold: (batch, project) =>
      db.transaction(async (tx) => {
        const news = await takeNews(tx, batch)
        return news.length === 0 ? { fetch: [], settle: [] } : await write(tx, mirrors, await project(news))
      }),
    async reject({ clusterId, lane, reason, bytes }) {
      await db.query(sql.REJECT, [clusterId, lane, reason, bytes])
    },
  }
}

interface Position {
  readonly cluster_id: string
  readonly lane: string
  boot: bigint
  sequence: bigint
}

/** The messages after what was folded last, per cluster and lane; moves the positions to the last of them. */
async function takeNews(tx: Sql, batch: readonly Received[]): Promise<readonly Received[]> {
  const keys = [...new Map(batch.map((one) => [`${one.clusterId} ${one.lane}`, one])).values()]
  const columns = [keys.map((one) => one.clusterId), keys.map((one) => one.lane)]
  await tx.query(sql.OPEN_POSITIONS, columns)
  const { rows } = await tx.query<Position>(sql.LOCK_POSITIONS, columns)
  const positions = new Map(rows.map((row) => [`${row.cluster_id} ${row.lane}`, row]))
  const news = batch.filter(({ clusterId, lane, report }) => {
    const at = positions.get(`${clusterId} ${lane}`)
    if (!at || report.boot < at.boot || (report.boot === at.boot && report.sequence <= at.sequence)) return false
    at.boot = report.boot
    at.sequence = report.sequence
    return true
  })
  await tx.query(sql.MOVE_POSITIONS, [
    rows.map((row) => row.cluster_id),
    rows.map((row) => row.lane),
    rows.map((row) => row.boot),
    rows.map((row) => row.sequence),
  ])
  return news
}

async function write(tx: Sql, mirrors: Mirrors, rows: Projection): Promise<Folded> {
  const gone = [...rows.deletions, ...(await unlisted(tx, rows))]
  const work = { fetch: new Set<string>(), settle: new Set<string>() }
  const unbuilt = withoutConsumer(rows)
  if (gone.length + unbuilt.length > 0) await tx.query(sql.LOCK_HEADS, [[...new Set([...gone, ...unbuilt].map((one) => one.clusterId))]])
  await mirrors.upsert(tx, rows.mirrors)
  await mirrors.remove(tx, gone)
  await writeSources(tx, rows, work)
  await many(tx, sql.UPSERT_CONSUMERS, rows.consumers, work.settle)
  await forget(tx, gone, unbuilt, work)
  await many(tx, sql.UPSERT_OBSERVED, rows.observed)
  await many(
    tx,
    sql.UPSERT_REACHED,
    rows.reached.map(({ clusterId, value }) => ({ clusterId, ...value.source, ...value })),
  )
  await many(
    tx,
    sql.SET_STRAGGLERS,
    rows.stragglers.map(({ clusterId, value }) => ({ clusterId, ...value.object, ...value })),
  )
  if (rows.reached.length + rows.stragglers.length > 0) await mirrors.notify(tx)
  await many(
    tx,
    sql.INSERT_EVENTS,
    rows.events.map(({ clusterId, value }) => ({ clusterId, ...value.object, ...value })),
  )
  await many(
    tx,
    sql.UPSERT_INVENTORIES,
    rows.inventories.map(({ clusterId, value }) => ({ clusterId, ...value.object, ...value })),
  )
  return { fetch: [...work.fetch], settle: [...work.settle] }
}

async function writeSources(tx: Sql, { sourceObjects }: Projection, work: { fetch: Set<string>; settle: Set<string> }): Promise<void> {
  if (sourceObjects.length === 0) return
  await many(
    tx,
    sql.UPSERT_SOURCES,
    sourceObjects.flatMap(({ source }) => source ?? []),
  )
  const rows = sourceObjects.map(({ source, ...row }) => ({
    ...row,
    sourceKey: source?.key ?? sourcelessKey(row),
    problem: row.problem ?? null,
  }))
  const changed = await tx.query<{ source_key: string | null; left_key: string | null; look: boolean }>(sql.UPSERT_SOURCE_OBJECTS, [
    JSON.stringify(rows),
  ])
  for (const { source_key, look } of changed.rows) {
    if (source_key === null) continue
    work.settle.add(source_key)
    if (look) work.fetch.add(source_key)
  }
  await tx.query(sql.SET_INTERVALS, [changed.rows.flatMap((row) => [row.source_key, row.left_key].filter((key) => key !== null))])
  if (work.fetch.size > 0) await tx.query(sql.LOOK_NOW, [[...work.fetch]])
}

/** The key of an object that no Source can serve: it is settled, which means told why, like any other. */
function sourcelessKey(row: { clusterId: string; kind: string; namespace: string; name: string }): string {
  return `none:${row.clusterId}/${row.kind}/${row.namespace}/${row.name}`
}

/** Everything that hangs on objects that are no more, or (consumers) no longer ask for a build. */
async function forget(tx: Sql, gone: Gone, unbuilt: Gone, work: { settle: Set<string> }): Promise<void> {
  const keys = (some: Gone) => some.map(({ clusterId, value }) => ({ clusterId, ...value.ref }))
  const consumers = keys([...gone, ...unbuilt])
  await many(tx, sql.DELETE_CONSUMERS, consumers, work.settle)
  await many(tx, sql.DELETE_DESIRED, consumers)
  for (const statement of [
    sql.DELETE_SOURCE_OBJECTS,
    sql.DELETE_RELEASES,
    sql.DELETE_SOURCE_STATUSES,
    sql.DELETE_OBSERVED,
    sql.DELETE_INVENTORIES,
    sql.DELETE_REACHED,
  ])
    await many(tx, statement, keys(gone))
}

type Gone = readonly ClusterReport<{ readonly ref: ObjectRef }>[]

function withoutConsumer(rows: Projection): Gone {
  const consumers = new Set(rows.consumers.map((row) => `${row.clusterId}/${row.namespace}/${row.name}`))
  return rows.mirrors.filter(({ clusterId, value: { ref } }) => {
    return ref.group === KUSTOMIZE_GROUP && ref.kind === 'Kustomization' && !consumers.has(`${clusterId}/${ref.namespace}/${ref.name}`)
  })
}

async function unlisted(tx: Sql, { lists }: Projection): Promise<readonly ClusterReport<VersionedRef>[]> {
  const out: ClusterReport<VersionedRef>[] = []
  for (const { clusterId, value } of lists) {
    const listed = JSON.stringify(value.map(({ ref, uid }) => ({ ...ref, uid })))
    const { rows } = await tx.query<ObjectRef & { uid: string }>(sql.NOT_LISTED, [clusterId, listed])
    for (const { uid, ...ref } of rows) out.push({ clusterId, value: { ref, uid, resourceVersion: '' } })
  }
  return out
}

/** One statement over all rows; adds the source keys it returns to `keys`. */
async function many(tx: Sql, statement: string, rows: readonly unknown[], keys?: Set<string>): Promise<void> {
  if (rows.length === 0) return
  const { rows: returned } = await tx.query<{ source_key?: string }>(statement, [JSON.stringify(rows, plain)])
  for (const { source_key } of returned) if (source_key) keys?.add(source_key)
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}
