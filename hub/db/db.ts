import { Socket } from 'node:net'
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { retry } from '../../proto/base/backoff.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { FleetError } from '../../proto/base/errors.ts'
import { systemRandom } from '../../proto/base/random.ts'
import { within } from '../../proto/base/signals.ts'
import { fromPostgres, lostRace, refusedEntry } from './errors.ts'
import { PrismaClient } from './gen/client.ts'
import { preparedAs } from './prepared.ts'

/** Where statements run: the pool, or one transaction. `int8` arrives as bigint, `timestamptz` as Date, `xid8` as text. */
export interface Sql {
  query<T>(text: string, values?: readonly unknown[]): Promise<{ rows: T[]; rowCount: number }>
}

export interface Db extends Sql, AsyncDisposable {
  readonly pool: pg.Pool
  readonly prisma: PrismaClient
  /**
   * All or nothing; repeated a few times when it lost against another transaction, so `work` must be repeatable. Where its
   * statements are `prepared`, or have one right plan for any values, plans are `kept`: a connection makes each of them
   * once. By itself, Postgres plans a prepared statement five times before it keeps a plan, on each of many connections.
   */
  transaction<T>(work: (tx: Sql) => Promise<T>, plans?: 'kept'): Promise<T>
  /** Which history this database tells: changes when it is another database, or one that was restored to a new timeline. */
  lineage(): Promise<string>
}

export interface DbOptions {
  readonly signal: AbortSignal
  readonly poolSize?: number
  /** How long to wait for the server to accept connections. */
  readonly connectMs?: number
}

const TRANSACTION_TRIES = 5
const BEGIN_KEPT = 'begin; set local plan_cache_mode = force_generic_plan'

/** Opens the pool and checks that the server answers; waits for one that is still starting. */
export async function openDb(url: string, options: DbOptions): Promise<Db> {
  const sockets = new Set<Socket>()
  const pool = new pg.Pool({
    connectionString: url,
    stream: () => track(sockets),
    max: options.poolSize ?? 16,
    connectionTimeoutMillis: 10_000,
    // A new connection costs both sides a process and a handshake of several milliseconds.
    idleTimeoutMillis: 300_000,
    application_name: 'flotilla-hub',
    types: { getTypeParser: parserOf },
  })
  // An idle connection that the server closes is replaced by the pool; without a listener it would end the process.
  pool.on('error', () => undefined)
  const sql = overPool(pool)
  try {
    await firstAnswer(sql, options)
  } catch (error) {
    await pool.end()
    // The pool forgets a client that gives up while it connects, and the server would wait a minute for its answer.
    for (const socket of sockets) socket.destroy()
    throw error
  }
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) })
  return {
    pool,
    prisma,
    query: sql.query,
    transaction: (work, plans) => transaction(pool, work, plans),
    lineage: () => lineage(sql),
    async [Symbol.asyncDispose]() {
      await prisma.$disconnect()
      if (!pool.ended) await pool.end()
    },
  }
}

function track(sockets: Set<Socket>): Socket {
  const socket = new Socket()
  sockets.add(socket)
  socket.once('close', () => sockets.delete(socket))
  return socket
}

async function firstAnswer(sql: Sql, options: DbOptions): Promise<void> {
  const signal = within(options.connectMs ?? 15_000, options.signal)
  try {
    await retry(() => ask(sql), { baseMs: 50, capMs: 1000, clock: systemClock, random: systemRandom, signal })
  } catch (error) {
    options.signal.throwIfAborted()
    if (error instanceof FleetError && error.code === 'unauthenticated') throw error
    throw new FleetError('unavailable', 'connect to Postgres: no answer; check FLOTILLA_DATABASE_URL and that the server runs', {
      cause: error,
    })
  }
}

async function ask(sql: Sql): Promise<void> {
  await sql.query('select 1').catch((error: unknown) => {
    const refused = refusedEntry(error)
    if (!refused) throw error
    throw new FleetError('unauthenticated', `connect to Postgres: ${refused}; check FLOTILLA_DATABASE_URL`, { cause: error })
  })
}

function overPool(pool: pg.Pool): Sql {
  return { query: <T>(text: string, values?: readonly unknown[]) => run<T>(pool, text, values) }
}

async function run<T>(on: pg.Pool | pg.PoolClient, text: string, values: readonly unknown[] = []) {
  try {
    const name = preparedAs(text)
    const result = await on.query({ text, values: [...values], ...(name ? { name } : {}) })
    return { rows: result.rows as T[], rowCount: result.rowCount ?? 0 }
  } catch (error) {
    throw fromPostgres(error, `run "${firstWords(text)}"`)
  }
}

async function transaction<T>(pool: pg.Pool, work: (tx: Sql) => Promise<T>, plans?: 'kept'): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await once(pool, work, plans)
    } catch (error) {
      if (attempt >= TRANSACTION_TRIES || !lostRace(error)) throw error
    }
  }
}

async function once<T>(pool: pg.Pool, work: (tx: Sql) => Promise<T>, plans?: 'kept'): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => {
    throw fromPostgres(error, 'take a connection')
  })
  const deaf = () => undefined
  client.on('error', deaf)
  let broken: Error | undefined
  try {
    await run(client, plans === 'kept' ? BEGIN_KEPT : 'begin')
    const value = await work({ query: <R>(text: string, values?: readonly unknown[]) => run<R>(client, text, values) })
    await run(client, 'commit')
    return value
  } catch (error) {
    await client.query('rollback').catch((failure: Error) => {
      broken = failure
    })
    throw error
  } finally {
    client.off('error', deaf)
    client.release(broken)
  }
}

async function lineage(sql: Sql): Promise<string> {
  const { rows } = await sql.query<{ lineage: string }>(
    `select h.database_id || '.' || s.system_identifier || '.' || c.timeline_id as lineage
       from hub_identity h, pg_control_system() s, pg_control_checkpoint() c`,
  )
  const row = rows[0]
  if (!row) throw new FleetError('internal', 'read the lineage of the database: it has no identity; run the migrations first')
  return row.lineage
}

function parserOf(oid: number, format?: 'text' | 'binary'): (text: string) => unknown {
  if (oid === pg.types.builtins.INT8) return BigInt
  return pg.types.getTypeParser(oid, format as 'text')
}

function firstWords(text: string): string {
  const line = text.trim().replace(/\s+/g, ' ')
  return line.length > 80 ? `${line.slice(0, 80)}…` : line
}
