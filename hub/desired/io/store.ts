import type { Db, Sql } from '../../db/db.ts'
import type { Built, Target, Wanted } from '../model.ts'
import type { DesiredStore, FanOut, SourceObject, WantedBuilds } from '../ports.ts'
import { ANSWER, DUE, LOCK_HEADS, PLAN, UPSERT_DESIRED, UPSERT_RELEASES, WANTED } from './statements.ts'

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
    async wanted(sourceKeys) {
      const { rows: planned } = await db.query<PlannedRow>(PLAN, [sourceKeys])
      const { rows } = planned.length === 0 ? { rows: [] } : await db.query<WantedRow>(WANTED, objectColumns(planned))
      const objects = Map.groupBy(planned, ({ source_key }) => source_key)
      const bySource = Map.groupBy(rows, ({ source_key }) => source_key)
      return sourceKeys.map((key) => ({ objects: (objects.get(key) ?? []).map(sourceObject), builds: targetsOf(bySource.get(key) ?? []) }))
    },

    fanOut: (sources) =>
      db.transaction(async (tx) => {
        const objects = sources.flatMap((source) => source.objects)
        if (objects.length === 0) return []
        const columns = objectColumns(objects.map(({ clusterId, ...object }) => ({ ...object, cluster_id: clusterId })))
        const { answered, built, digests } = columnsOf(sources)
        await tx.query(LOCK_HEADS, [[...new Set(columns[0])]])
        const news = new Set<string>()
        if (digests[0].length > 0) await collect(news, tx, UPSERT_DESIRED, [...columns, ...digests, ...built])
        if (answered[0].length > 0) await collect(news, tx, UPSERT_RELEASES, [...columns, ...answered, ...digests])
        await collect(news, tx, ANSWER, columns)
        if (news.size > 0) await notify(tx)
        return [...news]
      }),

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

interface Columns {
  /** Source, revision, artifact. */
  readonly answered: readonly [Texts, Texts, Texts]
  /** Source, revision, artifact, digest of the options. */
  readonly digests: readonly [Texts, Texts, Texts, Texts]
  /** Bundle, problem. */
  readonly built: readonly [readonly unknown[], readonly unknown[]]
}

/** What was answered, each target and each of its options once. */
function columnsOf(sources: readonly FanOut[]): Columns {
  const targets = new Map<string, readonly [string, string, string]>()
  const rows = new Map<string, readonly [string, string, string, Built]>()
  for (const { answers, sourceKey } of sources)
    for (const { built, target } of answers) {
      const of = [sourceKey, target.revision, target.artifact] as const
      targets.set(of.join(' '), of)
      for (const one of built) rows.set([...of, one.optionsDigest].join(' '), [...of, one])
    }
  const [answered, each] = [[...targets.values()], [...rows.values()]]
  const builds = each.map(([, , , one]) => one)
  return {
    answered: [answered.map(([key]) => key), answered.map(([, revision]) => revision), answered.map(([, , artifact]) => artifact)],
    digests: [
      each.map(([key]) => key),
      each.map(([, revision]) => revision),
      each.map(([, , artifact]) => artifact),
      builds.map((one) => one.optionsDigest),
    ],
    built: [
      builds.map((one) => ('bundle' in one ? one.bundle : null)),
      builds.map((one) => ('problem' in one ? JSON.stringify(one.problem) : null)),
    ],
  }
}

async function collect(news: Set<string>, tx: Sql, statement: string, values: readonly unknown[]): Promise<void> {
  const { rows } = await tx.query<ClusterRow>(statement, values)
  for (const row of rows) news.add(row.cluster_id)
}
