import { spawn } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import { type Db, openDb } from '../../hub/db/db.ts'
import { openEmbeddedPostgres } from '../../hub/db/embedded.ts'
import { migrate } from '../../hub/db/migrate.ts'
import { lockFolder } from '../../proto/base/folder-lock.ts'

/** A migrated database of its own, gone when disposed. */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string
  readonly db: Db
}

const TEMPLATE = 'flotilla_template'
/** The process whose end ends the run: vitest's own, also as seen from its workers. */
const RUN = process.env.VITEST_POOL_ID !== undefined && isMainThread ? process.ppid : process.pid
const FOLDER = join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), `flotilla-test-postgres-${RUN}`)
const URL_FILE = join(FOLDER, 'url')

/** The run's Postgres server, started by whoever asks first; a watcher stops it when the run ends, however it ends. */
export async function startPostgres(): Promise<string> {
  const signal = AbortSignal.timeout(60_000)
  await using _lock = await lockFolder(FOLDER, { signal })
  const known = await readFile(URL_FILE, 'utf8').catch(() => undefined)
  if (known) return known
  const settings = {
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    max_connections: '300',
    wal_level: 'minimal',
    max_wal_senders: '0',
  }
  const server = await openEmbeddedPostgres({ folder: FOLDER, signal, settings })
  watchRun(server.pid)
  await using admin = await openDb(server.url, { signal })
  await admin.query(`create database ${TEMPLATE}`)
  await using template = await openDb(databaseUrl(server.url, TEMPLATE), { signal })
  await migrate(template)
  await writeFile(URL_FILE, server.url)
  return server.url
}

/** Stops the run's server at once, if it was ever started. */
export async function stopPostgres(): Promise<void> {
  if (!existsSync(URL_FILE)) return
  const server = await openEmbeddedPostgres({ folder: FOLDER, signal: AbortSignal.timeout(30_000) })
  await server[Symbol.asyncDispose]()
  await rm(FOLDER, { recursive: true, force: true })
}

/** A migrated database, cloned from the run's template. */
export async function openTestDatabase(): Promise<TestDatabase> {
  const server = await startPostgres()
  const signal = AbortSignal.timeout(60_000)
  const name = `t_${randomBytes(8).toString('hex')}`
  await using admin = await openDb(server, { signal, poolSize: 1 })
  await admin.query(`create database ${name} template ${TEMPLATE}`)
  const url = databaseUrl(server, name)
  const db = await openDb(url, { signal })
  await db.query('update hub_identity set database_id = $1', [randomUUID()])
  return {
    url,
    db,
    async [Symbol.asyncDispose]() {
      await db[Symbol.asyncDispose]()
      await using last = await openDb(server, { signal: AbortSignal.timeout(30_000), poolSize: 1 })
      await last.query(`drop database if exists ${name} with (force)`)
    },
  }
}

function databaseUrl(server: string, name: string): string {
  return server.replace(/\/[^/]*$/, `/${name}`)
}

function watchRun(postgres: number): void {
  const script = `while kill -0 ${RUN} 2>/dev/null; do sleep 1; done; kill -INT ${postgres} 2>/dev/null; sleep 1; rm -rf '${FOLDER}'`
  spawn('sh', ['-c', script], { stdio: 'ignore', detached: true, cwd: '/' }).unref()
}
