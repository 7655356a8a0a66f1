import type { Db, Sql } from '../../db/db.ts'
import type { Built, Target, Wanted } from '../model.ts'
import type { Asked, DesiredStore, FanOut, SourceObject, WantedBuilds } from '../ports.ts'
import { ANSWER, DUE, LOCK_HEADS, PLAN, PLAN_IN, UPSERT_DESIRED, UPSERT_RELEASES, WANTED } from './statements.ts'

interface WantedRow extends Target {
  readonly source_key: string
  /** Null where nothing is wanted. */
  readonly options_digest: string | null
  readonly options: Wanted['options']
}

interface ClusterRow {
  readonly cluster_id: string
}

interface ObjectRow extends ClusterRow {
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

interface PlannedRow extends ObjectRow {
  readonly source_key: string
}

/** `DesiredStore` over Postgres. `notify` wakes whoever watches objects: their status follows from these rows. */
export function createDesiredStore(db: Db, notify: (tx: Sql) => Promise<void>): DesiredStore {
  return {
    async wanted(asked) {
      const planned = await plan(db, asked)
      const { rows } = planned.length === 0 ? { rows: [] } : await db.query<WantedRow>(WANTED, objectColumns(planned))
      const objects = Map.groupBy(planned, ({ source_key }) => source_key)
      const bySource = Map.groupBy(rows, ({ source_key }) => source_key)
      return asked.map(({ sourceKey: key }) => ({
        objects: (objects.get(key) ?? []).map(sourceObject),
        builds: targetsOf(bySource.get(key) ?? []),
      }))
    },

    fanOut: (sources) =>
      db.transaction(async (tx) => {
        const objects = sources.flatMap((source) => source.objects)
        if (objects.length === 0) return []
        const columns = objectColumns(eachOnce(objects.map(({ clusterId, ...object }) => ({ ...object, cluster_id: clusterId }))))
        const { answered, built } = answersOf(sources)
        await tx.query(LOCK_HEADS, [[...new Set(columns[0])]])
        const news = new Set<string>()
        if (built.size > 0) await collect(news, tx, UPSERT_DESIRED, [...columns, JSON.stringify(Object.fromEntries(built))])
        if (answered[0].length > 0)
          await collect(news, tx, UPSERT_RELEASES, [...columns, ...answered, JSON.stringify(Object.fromEntries(built))])
        await collect(news, tx, ANSWER, columns)
        if (news.size > 0) await notify(tx)
        return [...news]
      }, 'kept'),

    async due(sourceKey) {
      const { rows } = await db.query<{ source_key: string }>(DUE, [sourceKey ?? null])
      return rows.map((row) => row.source_key)
    },
  }
}

const sourceObject = ({ cluster_id, kind, name, namespace }: ObjectRow): SourceObject => ({ clusterId: cluster_id, kind, namespace, name })

const objectColumns = (rows: readonly ObjectRow[]) => [
  rows.map((row) => row.cluster_id),
  rows.map(({ kind }) => kind),
  rows.map(({ namespace }) => namespace),
  rows.map(({ name }) => name),
]

async function plan(sql: Sql, asked: readonly Asked[]): Promise<readonly PlannedRow[]> {
  const everywhere = asked.flatMap(({ clusters, sourceKey }) => (clusters ? [] : [sourceKey]))
  const pairs = asked.flatMap(({ clusters = [], sourceKey }) => clusters.map((cluster) => ({ sourceKey, cluster })))
  const columns = [pairs.map(({ sourceKey }) => sourceKey), pairs.map(({ cluster }) => cluster)]
  const all = everywhere.length === 0 ? [] : (await sql.query<PlannedRow>(PLAN, [everywhere])).rows
  const some = pairs.length === 0 ? [] : (await sql.query<PlannedRow>(PLAN_IN, columns)).rows
  return eachOnce([...all, ...some])
}

/** A source may be settled twice at once, in some clusters and in all. */
function eachOnce<Row extends ObjectRow>(rows: readonly Row[]): readonly Row[] {
  return [...new Map(rows.map((row) => [`${row.cluster_id} ${row.kind} ${row.namespace} ${row.name}`, row])).values()]
}

function targetsOf(rows: readonly WantedRow[]): readonly WantedBuilds[] {
  const byTarget = Map.groupBy(rows, ({ artifact, revision }) => `${revision} ${artifact}`)
  return Array.from(byTarget.values(), ([first, ...rest]) => wantedOf(first as WantedRow, rest))
}

function wantedOf(first: WantedRow, rest: readonly WantedRow[]): WantedBuilds {
  const wanted = [first, ...rest].flatMap(({ options, options_digest: optionsDigest }) =>
    optionsDigest ? [{ optionsDigest, options }] : [],
  )
  return { target: { revision: first.revision, artifact: first.artifact }, wanted }
}

type Texts = readonly string[]

interface Answers {
  /** Source, revision, artifact. */
  readonly answered: readonly [Texts, Texts, Texts]
  /** By source, revision, artifact and digest of the options, with spaces between them. */
  readonly built: ReadonlyMap<string, Built>
}

/** What was answered, each target and each of its options once. */
function answersOf(sources: readonly FanOut[]): Answers {
  const targets = new Map<string, readonly [string, string, string]>()
  const built = new Map<string, Built>()
  for (const { answers, sourceKey } of sources)
    for (const { built: some, target } of answers) {
      const of = [sourceKey, target.revision, target.artifact] as const
      targets.set(of.join(' '), of)
      for (const one of some) built.set([...of, one.optionsDigest].join(' '), one)
    }
  const all = [...targets.values()]
  return { answered: [all.map(([key]) => key), all.map(([, revision]) => revision), all.map(([, , artifact]) => artifact)], built }
}

async function collect(news: Set<string>, tx: Sql, statement: string, values: readonly unknown[]): Promise<void> {
  const { rows } = await tx.query<ClusterRow>(statement, values)
  for (const row of rows) news.add(row.cluster_id)
}
