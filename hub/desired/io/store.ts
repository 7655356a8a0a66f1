import type { Db, Sql } from '../../db/db.ts'
import type { Built, Target, Wanted } from '../model.ts'
import type { DesiredStore } from '../ports.ts'
import { ANSWER, DISTINCT_TARGETS, DUE, LOCK_HEADS, UPSERT_DESIRED, UPSERT_RELEASES, WANTED } from './statements.ts'

interface ClusterRow {
  readonly cluster_id: string
}

/** `DesiredStore` over Postgres. `notify` wakes whoever watches objects: their status follows from these rows. */
export function createDesiredStore(db: Db, notify: (tx: Sql) => Promise<void>): DesiredStore {
  return {
    async targets(sourceKey) {
      const { rows } = await db.query<Target>(DISTINCT_TARGETS, [sourceKey])
      return rows
    },

    async wanted(sourceKey, target) {
      const { rows } = await db.query<{ options_digest: string; options: Wanted['options'] }>(WANTED, [
        sourceKey,
        target.revision,
        target.artifact,
      ])
      return rows.map((row) => ({ optionsDigest: row.options_digest, options: row.options }))
    },

    fanOut: (sourceKey, target, built) =>
      db.transaction(async (tx) => {
        await tx.query(LOCK_HEADS, [sourceKey])
        const news = new Set<string>()
        if (built.length > 0) await collect(news, tx, UPSERT_DESIRED, [sourceKey, target.revision, target.artifact, ...columns(built)])
        const answered = built.map((one) => one.optionsDigest)
        await collect(news, tx, UPSERT_RELEASES, [sourceKey, target.revision, target.artifact, answered])
        await collect(news, tx, ANSWER, [sourceKey])
        if (news.size > 0) await notify(tx)
        return [...news]
      }),

    answer: (sourceKey) =>
      db.transaction(async (tx) => {
        await tx.query(LOCK_HEADS, [sourceKey])
        const news = new Set<string>()
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
