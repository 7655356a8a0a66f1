import { HELM_GROUP, KUSTOMIZE_GROUP, SOURCE_GROUP } from '../../../proto/model/names.ts'
import { type ObjectRef, refKey } from '../../../proto/model/object-ref.ts'
import type { MirroredReport, VersionedRef } from '../../../proto/model/report.ts'
import type { Db, Sql } from '../../db/db.ts'
import { SOURCES_LOCK } from '../../db/locks.ts'
import type { ClusterReport, Projection, Received } from '../model.ts'
import { type Folded, NOTHING_FOLDED, type ReportStore, type ServeSightings, type SourceWork } from '../ports.ts'
import { foldPlaced } from './placed.ts'
import { reviewSources } from './review.ts'
import { chartsOf, withCredentials } from './sightings.ts'
import { writeSources } from './sources.ts'
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
    fold: (batch, project, serve) =>
      db.transaction(async (tx) => {
        const news = await takeNews(tx, batch)
        if (news.some(namesSources)) await tx.query('select pg_advisory_xact_lock_shared($1)', [SOURCES_LOCK])
        return news.length === 0 ? NOTHING_FOLDED : await write({ tx, mirrors, serve }, await project(news))
      }),
    review: (serve) => reviewSources(db, serve),
    async reject({ clusterId, lane, reason, bytes }) {
      await db.query(sql.REJECT, [clusterId, lane, reason, bytes])
    },
  }
}

/** True where source objects may be given other Sources: a chart follows its repository, also when that goes. */
function namesSources({ report }: Received): boolean {
  return report.list?.last === true || [...report.objects, ...report.deletions].some(({ ref }) => ref.group === SOURCE_GROUP)
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
  let { rows } = await tx.query<Position>(sql.LOCK_POSITIONS, columns)
  if (rows.length < keys.length) {
    await tx.query(sql.OPEN_POSITIONS, columns)
    rows = (await tx.query<Position>(sql.LOCK_POSITIONS, columns)).rows
  }
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

interface Writing {
  readonly tx: Sql
  readonly mirrors: Mirrors
  readonly serve: ServeSightings
}

async function write({ mirrors, serve, tx }: Writing, rows: Projection): Promise<Folded> {
  const gone = [...rows.deletions, ...(await unlisted(tx, rows))]
  const work: SourceWork = { fetch: new Set(), settle: new Set(), moved: new Set() }
  const unbuilt = withoutConsumer(rows)
  const heads = new Set([...gone, ...unbuilt, ...rows.tenants, ...rows.placed].map((one) => one.clusterId))
  if (heads.size > 0) await tx.query(sql.LOCK_HEADS, [[...heads]])
  await mirrors.upsert(tx, rows.mirrors)
  await mirrors.remove(tx, gone)
  await writeSources(tx, rows.sourceObjects, work)
  await writeSources(tx, await serve(withCredentials(await chartsOf(tx, [...rows.mirrors, ...gone]), rows.charts)), work)
  await many(tx, sql.UPSERT_APPLIED, rows.applied.map(appliedRow))
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
  const { freed, placements } = await foldPlaced(tx, rows.placed)
  const { fetch, moved, settle } = work
  return { fetch: [...fetch], settle: [...settle], moved: [...moved], tenants: await setUp(tx, rows), placements, place: freed }
}

function appliedRow({ clusterId, value }: Projection['applied'][number]) {
  const { fluxObjects, object, ...word } = value
  return { clusterId, ...object, ...word, fluxObjects: fluxObjects.map(({ ref, ...version }) => ({ ...ref, ...version })) }
}

/** @returns the tenants of which a cluster said something new */
async function setUp(tx: Sql, { tenants }: Projection): Promise<readonly string[]> {
  if (tenants.length === 0) return []
  const given = tenants.map(({ clusterId, value }) => ({ clusterId, ...value }))
  const { rows } = await tx.query<{ tenant: string }>(sql.SET_TENANT_SETUPS, [JSON.stringify(given, plain)])
  return rows.map(({ tenant }) => tenant)
}

/** Everything that hangs on objects that are no more, or (consumers) no longer ask for a build. */
async function forget(tx: Sql, gone: Gone, unbuilt: Gone, work: SourceWork): Promise<void> {
  const keys = (some: Gone) => some.map(({ clusterId, value }) => ({ clusterId, ...value.ref }))
  const consumers = keys([...gone, ...unbuilt])
  await many(tx, sql.DELETE_CONSUMERS, consumers, work.settle)
  await many(tx, sql.DELETE_DESIRED, consumers)
  await many(tx, sql.DELETE_SOURCE_OBJECTS, keys(gone), work.moved)
  for (const statement of [sql.DELETE_RELEASES, sql.DELETE_SOURCE_STATUSES, sql.DELETE_OBSERVED, sql.DELETE_APPLIED, sql.DELETE_REACHED])
    await many(tx, statement, keys(gone))
}

type Gone = readonly ClusterReport<{ readonly ref: ObjectRef }>[]

function withoutConsumer(rows: Projection): Gone {
  const consumers = new Set(rows.consumers.map((row) => `${row.clusterId}/${refKey(row)}`))
  return rows.mirrors.filter(({ clusterId, value: { ref } }) => {
    const mayConsume = ref.group === KUSTOMIZE_GROUP || ref.group === HELM_GROUP
    return mayConsume && !consumers.has(`${clusterId}/${refKey(ref)}`)
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
