import type { Sql } from '../../db/db.ts'
import type { VaultRows } from '../vault.ts'

/** The vault's rows in Postgres. */
export function vaultRows(sql: Sql): VaultRows {
  return {
    async key(name) {
      return (await sql.query<{ sealed: Uint8Array; public: string }>('select sealed, public from hub_keys where name = $1', [name]))
        .rows[0]
    },
    async addKey(name, row) {
      await sql.query('insert into hub_keys (name, sealed, public) values ($1, $2, $3) on conflict do nothing', [
        name,
        row.sealed,
        row.public,
      ])
    },
    async credential(id) {
      return (await sql.query<{ sealed: Uint8Array }>('select sealed from credentials where id = $1', [id])).rows[0]?.sealed
    },
    async addCredential({ id, kind, sealed }) {
      await sql.query(
        `insert into credentials (id, kind, sealed) values ($1, $2, $3) on conflict (id) do update set touched_at = now()
          where credentials.touched_at < now() - interval '10 minutes'`,
        [id, kind, sealed],
      )
    },
  }
}
