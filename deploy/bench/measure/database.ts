import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import type { HubWorld } from '../bed/world.ts'
import { hubIsReady } from '../bed/world.ts'

/** The hub's own Postgres, looked at from outside. What is asked here is not counted. */
export interface Database extends AsyncDisposable {
  readonly pid: number
  query<T extends object>(text: string, values?: readonly unknown[]): Promise<readonly T[]>
  counters(): Promise<Counters>
}

/** What Postgres has counted since it began. */
export interface Counters {
  readonly statements: ReadonlyMap<string, Statement>
  /** Rows written by table: inserted, updated, deleted. */
  readonly rows: ReadonlyMap<string, number>
  readonly walBytes: number
}

export interface Statement {
  readonly text: string
  readonly calls: number
  readonly ms: number
}

/** What was done between two looks at the counters. */
export interface Writes {
  readonly statements: number
  /** The slowest together, with calls and time. */
  readonly slowest: string
  /** Every statement on a line, the slowest first. */
  readonly all: string
  readonly rows: number
  readonly tables: string
  readonly walMib: number
}

const FIRST = 6
const MIB = 1 << 20

/** Has the hub's Postgres count statements; the hub is started again for it. */
export async function openDatabase(world: HubWorld, signal: AbortSignal): Promise<Database> {
  const { client: before } = await connect(world.dir)
  await before.query("alter system set shared_preload_libraries = 'pg_stat_statements'")
  await before.end()
  await world.stopHub({ signal })
  await world.startHub()
  await hubIsReady(world.dir, signal)
  const { client, pid } = await connect(world.dir)
  await client.query('create extension if not exists pg_stat_statements')
  await client.query("set pg_stat_statements.track = 'none'")
  const query: Database['query'] = async (text, values) => (await client.query(text, values ? [...values] : [])).rows
  return { pid, query, counters: () => counters(query), [Symbol.asyncDispose]: () => client.end() }
}

async function connect(dir: string): Promise<{ readonly client: pg.Client; readonly pid: number }> {
  const folder = join(dir, 'hub', 'postgres')
  const [pid, , , port] = readFileSync(join(folder, 'data', 'postmaster.pid'), 'utf8').split('\n')
  const password = readFileSync(join(folder, 'password'), 'utf8').trim()
  const client = new pg.Client({ host: '127.0.0.1', port: Number(port), user: 'flotilla', password, database: 'postgres' })
  // The server may end before this connection does.
  client.on('error', () => undefined)
  await client.connect()
  return { client, pid: Number(pid) }
}

async function counters(query: Database['query']): Promise<Counters> {
  const statements = await query<Statement & { readonly id: string }>(
    `select queryid::text || '.' || toplevel as id, query as text, calls::float8 as calls, total_exec_time as ms from pg_stat_statements`,
  )
  const rows = await query<{ readonly relname: string; readonly count: number }>(
    `select coalesce(i.inhparent::regclass::text, s.relname) as relname, sum(n_tup_ins + n_tup_upd + n_tup_del)::float8 as count
     from pg_stat_user_tables s left join pg_inherits i on i.inhrelid = s.relid group by 1`,
  )
  const [wal] = await query<{ readonly bytes: number }>(`select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 as bytes`)
  return {
    statements: new Map(statements.map(({ id, ...one }) => [id, one])),
    rows: new Map(rows.map(({ count, relname }) => [relname, count])),
    walBytes: wal?.bytes ?? 0,
  }
}

export function writesBetween(before: Counters, after: Counters): Writes {
  const ran = Array.from(after.statements, ([id, { calls, ms, text }]) => {
    const was = before.statements.get(id)
    return { text, calls: calls - (was?.calls ?? 0), ms: ms - (was?.ms ?? 0) }
  })
  const written = Array.from(after.rows, ([table, count]) => ({ table, count: count - (before.rows.get(table) ?? 0) }))
  const slowest = ran.filter(({ calls }) => calls > 0).toSorted((a, b) => b.ms - a.ms)
  const line = ({ calls, ms, text }: Statement) => `${Math.round(ms)} ms in ${calls} × ${text.trim().replace(/\s+/g, ' ')}`
  const most = written.filter(({ count }) => count > 0).toSorted((a, b) => b.count - a.count)
  return {
    statements: ran.reduce((sum, { calls }) => sum + calls, 0),
    slowest: slowest
      .slice(0, FIRST)
      .map((one) => line(one).slice(0, 110))
      .join('; '),
    all: slowest.map((one) => `${line(one)}\n`).join(''),
    rows: written.reduce((sum, { count }) => sum + count, 0),
    tables: most
      .slice(0, FIRST)
      .map(({ count, table }) => `${table} ${count}`)
      .join(', '),
    walMib: (after.walBytes - before.walBytes) / MIB,
  }
}
