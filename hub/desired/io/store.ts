import type { Db, Sql } from '../../db/db.ts'
import type { Built, Target, Wanted } from '../model.ts'
import type { DesiredStore, WantedBuilds } from '../ports.ts'
import { ANSWER, DUE, LOCK_HEADS, UPSERT_DESIRED, UPSERT_RELEASES, WANTED } from './statements.ts'

interface WantedRow extends Target {
  /** Null where nothing is wanted. */
  readonly options_digest: string | null
  readonly options: Wanted['options']
}

interface ClusterRow {
  readonly cluster_id: string
}

/** `DesiredStore` over Postgres. `notify` wakes whoever watches objects: their status follows from these rows. */
export function createDesiredStore(db: Db, notify: (tx: Sql) => Promise<void>): DesiredStore {
  return {
    async wanted(sourceKey) {
      const { rows } = await db.query<WantedRow>(WANTED, [sourceKey])
      const byTarget = Map.groupBy(rows, ({ artifact, revision }) => `${revision} ${artifact}`)
      return Array.from(byTarget.values(), ([first, ...rest]) => wantedOf(first as WantedRow, rest))
    },

    fanOut: (sourceKey, answers) =>
      db.transaction(async (tx) => {
        await tx.query(LOCK_HEADS, [sourceKey])
        const news = new Set<string>()
        for (const { built, target } of answers) {
          const { artifact, revision } = target
          if (built.length > 0) await collect(news, tx, UPSERT_DESIRED, [sourceKey, revision, artifact, ...columns(built)])
          await collect(news, tx, UPSERT_RELEASES, [sourceKey, revision, artifact, built.map((one) => one.optionsDigest)])
        }
        await collect(news, tx, ANSWER, [sourceKey])
        if (news.size > 0) await notify(tx)
        return [...news]
      }),

    async due(sourceKey) {
      const { rows } = await db.query<{ source_key: string }>(DUE, [sourceKey ?? null])
      return rows.map((row) => row.source_key)
    },
  }
}

function wantedOf(first: WantedRow, rest: readonly WantedRow[]): WantedBuilds {
  const wanted = [first, ...rest].flatMap(({ options, options_digest: optionsDigest }) =>
    optionsDigest ? [{ optionsDigest, options }] : [],
  )
  return { target: { revision: first.revision, artifact: first.artifact }, wanted }
}

function columns(built: readonly Built[]): readonly unknown[] {
  return [
    built.map((one) => one.optionsDigest),
    built.map((one) => ('bundle' in one ? one.bundle : null)),
    built.map((one) => ('problem' in one ? JSON.stringify(one.problem) : null)),
  ]
}

async function collect(news: Set<string>, tx: Sql, statement: string, values: readonly unknown[]): Promise<void> {
  const { rows } = await tx.query<ClusterRow>(statement, values)
  for (const row of rows) news.add(row.cluster_id)
}
