import type { Db, Sql } from '../../hub/db/db.ts'

/** The database, with a count of the statements that were asked of it. */
export function countingDb(real: Db): Db & { readonly counted: { statements: number } } {
  const counted = { statements: 0 }
  const count = (sql: Sql): Sql => ({
    query: (text, values) => {
      counted.statements++
      return sql.query(text, values)
    },
  })
  return { ...real, ...count(real), transaction: (work, plans) => real.transaction((tx) => work(count(tx)), plans), counted }
}
