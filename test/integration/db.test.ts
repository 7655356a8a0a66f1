import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Db, openDb } from '../../hub/db/db.ts'
import { openEmbeddedPostgres } from '../../hub/db/embedded.ts'
import { ModelName } from '../../hub/db/gen/internal/prismaNamespace.ts'
import { migrate } from '../../hub/db/migrate.ts'
import { prepared } from '../../hub/db/prepared.ts'
import { openTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { openTempDir } from '../support/temp-dir.ts'

const signal = AbortSignal.timeout(120_000)
let database: TestDatabase
let db: Db
beforeAll(async () => {
  database = await openTestDatabase()
  db = database.db
})
afterAll(() => database[Symbol.asyncDispose]())

test('reads every Prisma model once from a freshly migrated database', async () => {
  const client = db.prisma as unknown as Record<string, { findMany(args: object): Promise<unknown[]> }>
  for (const model of Object.values(ModelName)) {
    const name = model.charAt(0).toLowerCase() + model.slice(1)
    expect(await client[name]?.findMany({ take: 1 }), model).toBeInstanceOf(Array)
  }
})

test('knows in Prisma every table and column that the migrations make', async () => {
  const { rows } = await db.query<{ t: string; n: number }>(
    `select table_name as t, count(*)::int as n from information_schema.columns
      where table_schema = 'public' and table_name !~ '^(_prisma|events_|audit_)' group by 1`,
  )
  expect(rows.length).toBe(Object.keys(ModelName).length)
})

test('two hubs that migrate at once apply each migration once', async () => {
  const url = database.url.replace(/[^/]*$/, 'postgres')
  await using admin = await openDb(url, { signal })
  await admin.query('create database twice')
  await using one = await openDb(url.replace(/[^/]*$/, 'twice'), { signal })
  await using two = await openDb(url.replace(/[^/]*$/, 'twice'), { signal })
  const applied = await Promise.all([migrate(one), migrate(two)])
  expect(applied.map((names) => names.length).sort()).toEqual([0, expect.any(Number)])
  expect(await migrate(one)).toEqual([])
  await one.query("update _prisma_migrations set checksum = 'x'")
  await expect(migrate(one)).rejects.toThrow(/was changed after it had been applied/)
})

test('a transaction of kept plans plans a prepared statement once, any other one plans it anew', async () => {
  const statement = prepared('select count(*)::int as kept from clusters where id = any($1::text[])')
  const plans = `select generic_plans::int as kept, custom_plans::int as anew from pg_prepared_statements where statement like '%as kept from clusters%'`
  await using one = await openDb(database.url, { signal, poolSize: 1 })
  const ask = async (how?: 'kept') => {
    await one.transaction(async (tx) => {
      for (const id of ['a', 'b', 'c']) await tx.query(statement, [[id]])
    }, how)
    return (await one.query(plans)).rows
  }
  expect(await ask('kept')).toEqual([{ kept: 3, anew: 0 }])
  expect(await ask()).toEqual([{ kept: 3, anew: 3 }])
})

test('a wrong password and a missing database are said at once, without the password', async () => {
  const wrong = new URL(database.url)
  wrong.password = 'canary-9d1f'
  const none = new URL(database.url)
  none.password = ''
  const nowhere = database.url.replace(/[^/]*$/, 'nowhere')
  const refusal = (url: string | URL) => openDb(String(url), { signal, connectMs: 60_000 }).then(() => 'opened', String)
  const [first, second, third] = await Promise.all([refusal(wrong), refusal(none), refusal(nowhere)])
  expect(first).toBe(
    'FleetError: connect to Postgres: the server refuses: password authentication failed for user "flotilla"; check FLOTILLA_DATABASE_URL',
  )
  expect(second).toMatch(/asks for a password and the address has none|password authentication failed/)
  expect(third).toContain('the server refuses: database "nowhere" does not exist')
  await expect
    .poll(
      async () => (await db.query("select 1 from pg_stat_activity where backend_type = 'client backend' and state = 'starting'")).rowCount,
    )
    .toBe(0)
})

test('a failed transaction leaves nothing, a lost race is run again', async () => {
  await expect(
    db.transaction(async (tx) => {
      await tx.query("insert into replicas values ('r', 'a', 'v', now())")
      throw new Error('no')
    }),
  ).rejects.toThrow('no')
  expect((await db.query('select 1 from replicas')).rowCount).toBe(0)
  await db.query("insert into replicas values ('a', '', '', now()), ('b', '', '', now())")
  const first = Promise.withResolvers<void>()
  const second = Promise.withResolvers<void>()
  const crossed = (mine: string, other: string, me: PromiseWithResolvers<void>, them: PromiseWithResolvers<void>) =>
    db.transaction(async (tx) => {
      await tx.query('update replicas set version = version || $2 where id = $1', [mine, mine])
      me.resolve()
      await them.promise
      await tx.query('update replicas set version = version || $2 where id = $1', [other, mine])
    })
  await Promise.all([crossed('a', 'b', first, second), crossed('b', 'a', second, first)])
  const { rows } = await db.query<{ version: string }>('select version from replicas')
  expect(rows.map((row) => row.version.length)).toEqual([2, 2])
})

test('errors are ours: unique is already-exists, and int8 arrives as bigint', async () => {
  await expect(db.query("insert into replicas values ('a', '', '', now())")).rejects.toMatchObject({ code: 'already-exists' })
  await expect(db.query('select * from nothing_here')).rejects.toMatchObject({ code: 'internal' })
  expect((await db.query<{ n: bigint }>('select count(*) as n from replicas')).rows).toEqual([{ n: 2n }])
})

test('the lineage differs between databases and stays for one', async () => {
  await using other = await openTestDatabase()
  expect(await db.lineage()).toBe(await db.lineage())
  expect(await db.lineage()).not.toBe(await other.db.lineage())
})

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('an embedded server is reached by a socket in its folder, and by TCP where the path is too long for one', async () => {
  const bySocket = async (name: string) => {
    await using dir = openTempDir('db')
    await using server = await openEmbeddedPostgres({ folder: join(dir.path, name), signal })
    await using db = await openDb(server.url, { signal })
    const { rows } = await db.query<{ socket: boolean }>('select inet_server_port() is null as socket')
    return rows[0]?.socket
  }
  expect([await bySocket('a "short", name'), await bySocket('long'.repeat(25))]).toEqual([true, false])
})

// Process ids begin anew in a container that is started again: Postgres took another program for the server that was killed.
test('an embedded server that was killed starts again although another process has its process id', async () => {
  await using dir = openTempDir('db')
  const folder = join(dir.path, 'postgres')
  const pidFile = join(folder, 'data', 'postmaster.pid')
  const killed = await openEmbeddedPostgres({ folder, signal })
  {
    await using db = await openDb(killed.url, { signal })
    await db.query('create table kept (n int)')
  }
  process.kill(killed.pid, 'SIGKILL')
  await expect.poll(() => isRunning(killed.pid)).toBe(false)
  const text = await readFile(pidFile, 'utf8')
  const { uid, gid } = await stat(pidFile)
  const other = spawn('sleep', ['60'], { uid, gid })
  try {
    await writeFile(pidFile, text.replace(/^\d+/, String(other.pid)))
    await using again = await openEmbeddedPostgres({ folder, signal })
    await using db = await openDb(again.url, { signal })
    expect((await db.query('select * from kept')).rowCount).toBe(0)
  } finally {
    other.kill()
  }
})

test('an embedded server is taken over by the next hub, in a folder that nobody else may pass through', async () => {
  const root = await mkdtemp(join(tmpdir(), 'flotilla-db-'))
  const folder = join(root, 'private', 'postgres')
  try {
    await mkdir(join(root, 'private'), { mode: 0o700 })
    const first = await openEmbeddedPostgres({ folder, signal })
    await using before = await openDb(first.url, { signal })
    await before.query('create table kept (n int)')
    const second = await openEmbeddedPostgres({ folder, signal })
    expect({ pid: second.pid, adopted: second.adopted }).toEqual({ pid: first.pid, adopted: true })
    await second[Symbol.asyncDispose]()
    await expect.poll(() => isRunning(first.pid)).toBe(false)
    await using third = await openEmbeddedPostgres({ folder, signal })
    expect(third.adopted).toBe(false)
    await using after = await openDb(third.url, { signal })
    expect((await after.query('select * from kept')).rowCount).toBe(0)
  } finally {
    await rm(root, { recursive: true, force: true })
  }
})
