import type { Db } from '../../db/db.ts'
import type { NewsItem } from '../model.ts'
import type { Frontier, NewsRange, NewsReader } from '../ports.ts'
import { compareVersions } from '../version.ts'
import type { Hints } from './hints.ts'
import { lastState, type ObjectRow, storedObject, type TombstoneRow } from './rows.ts'
import { holdsMirrors, scopeCondition, selectObjects, Values } from './select.ts'

const FRONTIER = `select pg_snapshot_xmin(s)::text as xmin, pg_snapshot_xmax(s)::text as xmax,
    coalesce((select xid::text from watch_horizon), '0') as horizon
  from pg_current_snapshot() s`

/** `NewsReader` over Postgres. */
export function createNewsReader(deps: { readonly db: Db; readonly lineage: () => Promise<bigint>; readonly hints: Hints }): NewsReader {
  const { db, lineage, hints } = deps
  return {
    async frontier(): Promise<Frontier> {
      const bits = await lineage()
      const { rows } = await db.query<{ xmin: string; xmax: string; horizon: string }>(FRONTIER)
      const row = rows[0]
      return { xmin: BigInt(row?.xmin ?? 0), xmax: BigInt(row?.xmax ?? 0), horizon: BigInt(row?.horizon ?? 0), lineage: bits }
    },

    async read(range) {
      const bits = await lineage()
      const found = new Map<string, NewsItem>()
      for (const statement of statements(range)) {
        const { rows } = await db.query<ObjectRow>(statement.text, statement.values)
        for (const row of rows) {
          const object = storedObject(row, bits)
          // What was also written above the range comes again with it, complete.
          if (object.version.xid < range.below) found.set(`${row.scope}/${object.manifest.metadata.uid}`, { deleted: false, object })
        }
      }
      const { text, values } = tombstones(range)
      for (const row of (await db.query<TombstoneRow>(text, values)).rows)
        found.set(`${row.scope}/${row.last.metadata.uid}/${row.seq}`, { deleted: true, object: lastState(row, bits) })
      return [...found.values()].sort((a, b) => compareVersions(a.object.version, b.object.version))
    },

    nextHint: (signal) => hints.next(signal),
  }
}

interface Statement {
  readonly text: string
  readonly values: readonly unknown[]
}

function statements(range: NewsRange): readonly Statement[] {
  const mirrors = holdsMirrors(range.scopes)
  const select = selectObjects({ mirrors, detail: 'full' })
  return [
    statement(range, 'o', (where) => `${select} where ${where} order by o.xid, o.seq`),
    ...(mirrors
      ? [
          statement(range, 're', (where) => `${select} where ${where} order by re.xid, re.seq`),
          statement(range, 'so', (where) => `${select} where ${where} order by so.xid, so.seq`),
        ]
      : []),
  ]
}

function tombstones(range: NewsRange): Statement {
  return statement(
    range,
    't',
    (where) => `select t.scope, t.xid::text, t.seq, t.last from tombstones t where ${where} order by t.xid, t.seq`,
  )
}

function statement(range: NewsRange, alias: string, text: (where: string) => string): Statement {
  const values = new Values()
  const owner = alias === 't' ? 't' : 'o'
  const from = `${values.put(String(range.from.xid))}::text::xid8`
  const where = [
    `${alias}.xid >= ${from}`,
    `${alias}.xid < ${values.put(String(range.below))}::text::xid8`,
    `(${alias}.xid > ${from} or (${alias}.seq & 4294967295) > ${values.put(range.from.seq)}::bigint)`,
    `(${range.kinds.map(({ group, kind }) => `${owner}.grp = ${values.put(group)} and ${owner}.kind = ${values.put(kind)}`).join(' or ')})`,
    scopeCondition(range.scopes, `${owner}.scope`, values),
  ]
  return { text: text(where.join(' and ')), values: values.list }
}
