import { createHash, randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FleetError } from '../../proto/base/errors.ts'
import type { Db, Sql } from './db.ts'

/** Two hubs may start together: one migrates, the other waits for it. Persisted: do not change. */
const MIGRATION_LOCK = 7_201_733_554_120_401n

const FOLDER = fileURLToPath(new URL('../../prisma/migrations/', import.meta.url))

interface Migration {
  readonly name: string
  readonly sql: string
  readonly checksum: string
}

/**
 * Brings the database to the newest schema, one transaction for all that is missing, and gives it an identity.
 * @returns the names of the migrations that were applied, in order; empty when nothing was missing
 * @throws `conflict` when an applied migration was changed afterwards, or the database is newer than this program
 */
export async function migrate(db: Db, folder: string = FOLDER): Promise<readonly string[]> {
  const migrations = await readMigrations(folder)
  return db.transaction(async (tx) => {
    await tx.query('select pg_advisory_xact_lock($1)', [MIGRATION_LOCK])
    const missing = pending(migrations, await applied(tx))
    for (const migration of missing) await apply(tx, migration)
    await tx.query('insert into hub_identity (database_id) values ($1) on conflict do nothing', [randomUUID()])
    return missing.map(({ name }) => name)
  })
}

async function readMigrations(folder: string): Promise<readonly Migration[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  return Promise.all(
    names.sort().map(async (name) => {
      const sql = await readFile(join(folder, name, 'migration.sql'), 'utf8')
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') }
    }),
  )
}

/** What the database has: in Prisma's own table, so that its tools see the same history. */
async function applied(tx: Sql): Promise<ReadonlyMap<string, string>> {
  await tx.query(`create table if not exists _prisma_migrations (
    id varchar(36) primary key, checksum varchar(64) not null, finished_at timestamptz, migration_name varchar(255) not null,
    logs text, rolled_back_at timestamptz, started_at timestamptz not null default now(), applied_steps_count integer not null default 0)`)
  const { rows } = await tx.query<{ migration_name: string; checksum: string }>(
    'select migration_name, checksum from _prisma_migrations where rolled_back_at is null',
  )
  return new Map(rows.map((row) => [row.migration_name, row.checksum]))
}

function pending(migrations: readonly Migration[], has: ReadonlyMap<string, string>): readonly Migration[] {
  const known = new Set(migrations.map(({ name }) => name))
  const foreign = [...has.keys()].filter((name) => !known.has(name))
  if (foreign.length > 0) {
    throw new FleetError(
      'conflict',
      `migrate the database: it has ${foreign.join(', ')}, which this version does not know; run a newer hub`,
    )
  }
  const changed = migrations.find(({ name, checksum }) => (has.get(name) ?? checksum) !== checksum)
  if (changed)
    throw new FleetError('conflict', `migrate the database: ${changed.name} was changed after it had been applied; add a new migration`)
  return migrations.filter(({ name }) => !has.has(name))
}

async function apply(tx: Sql, migration: Migration): Promise<void> {
  await tx.query(migration.sql)
  await tx.query(
    `insert into _prisma_migrations (id, checksum, finished_at, migration_name, applied_steps_count) values ($1, $2, now(), $3, 1)`,
    [randomUUID(), migration.checksum, migration.name],
  )
}
