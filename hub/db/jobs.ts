import { EventEmitter } from 'node:events'
import { Logger, type Runner, run, type TaskList, type WorkerEvents } from 'graphile-worker'
import pg from 'pg'
import type { Clock } from '../../proto/base/clock.ts'
import { FleetError, messageOf } from '../../proto/base/errors.ts'
import type { Log } from '../../proto/base/log.ts'

/** Work that can wait, as rows: it survives the process that asked for it, and each key waits at most once. */
export interface Jobs extends AsyncDisposable {
  /** Asks for a task to run soon for each of the keys; while the same (task, key) waits, this changes nothing. Tasks of one key run one after the other. */
  add(task: string, ...keys: readonly string[]): Promise<void>
  /** How many wait or run. */
  waiting(): Promise<number>
}

export type Task = (key: string, signal: AbortSignal) => Promise<void>

export interface JobsOptions {
  readonly url: string
  /** Whose lease the workers live by. */
  readonly replica: string
  readonly tasks: Readonly<Record<string, Task>>
  readonly concurrency: number
  readonly clock: Clock
  readonly log: Log
}

/** How often jobs of replicas that died are looked for. */
const UNLOCK_MS = 5000

/** The workers of replicas whose lease has ended: the queue by itself would keep their jobs locked for four hours. */
const TAKE_DEAD = `
  with dead as (select id, workers from replicas where lease_until < now() and workers <> '{}' for update skip locked),
  buried as (update replicas r set workers = '{}' from dead where r.id = dead.id)
  select unnest(workers) as worker from dead`

const ADD = `
  select from graphile_worker.add_jobs(array(select json_populate_recordset(null::graphile_worker.job_spec, $1::json)))`

/** One job for a task and key, one at a time. */
const named = (task: string, key: string) => ({ job_key: `${task}:${key}`, queue_name: `${task}:${key}` })

/** Starts to work on jobs, and to take over those of replicas that are gone. */
export async function openJobs(options: JobsOptions): Promise<Jobs> {
  const { log, concurrency } = options
  const pool = new pg.Pool({ connectionString: options.url, max: concurrency + 3, application_name: 'flotilla-jobs' })
  pool.on('error', (error) => log.warn({ event: 'jobs.connection.lost', err: error }, 'lost a connection to Postgres'))
  const stop = new AbortController()
  const workers: string[] = []
  const events: WorkerEvents = new EventEmitter()
  events.on('worker:create', ({ worker }) => void workers.push(worker.workerId))
  const runner = await run({
    pgPool: pool,
    taskList: taskList(options, stop.signal),
    concurrency,
    events,
    noHandleSignals: true,
    // New jobs are told at once; this is for those whose time comes later, and each worker asks.
    pollInterval: 5000,
    logger: quiet(log),
  })
  await pool.query('update replicas set workers = $2 where id = $1', [options.replica, workers])
  const unlocking = keepUnlocking(pool, options, stop.signal)
  return {
    async add(task, ...keys) {
      if (keys.length === 0) return
      // In order, so that two who ask for the same never wait for each other.
      const specs = [...new Set(keys)].sort().map((key) => ({ ...named(task, key), identifier: task, payload: { key }, max_attempts: 10 }))
      await pool.query(ADD, [JSON.stringify(specs)])
    },
    async waiting() {
      const { rows } = await pool.query<{ waiting: number }>('select count(*)::int as waiting from graphile_worker.jobs')
      return rows[0]?.waiting ?? 0
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new FleetError('aborted', 'the hub is stopping'))
      await unlocking
      await stopRunner(runner)
      await pool.end()
    },
  }
}

function taskList({ tasks }: JobsOptions, signal: AbortSignal): TaskList {
  return Object.fromEntries(Object.entries(tasks).map(([name, task]) => [name, (payload: unknown) => task(keyIn(payload), signal)]))
}

async function keepUnlocking(pool: pg.Pool, { clock, log }: JobsOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const { rows } = await pool.query<{ worker: string }>(TAKE_DEAD)
      if (rows.length > 0) await pool.query('select graphile_worker.force_unlock_workers($1::text[])', [rows.map(({ worker }) => worker)])
    } catch (error) {
      log.warn({ event: 'jobs.unlock.failed', reason: messageOf(error) }, 'cannot look for jobs of replicas that are gone')
    }
    await clock.sleep(UNLOCK_MS, signal).catch(() => undefined)
  }
}

async function stopRunner(runner: Runner): Promise<void> {
  await runner.stop().catch(() => undefined)
}

function keyIn(payload: unknown): string {
  return typeof payload === 'object' && payload !== null && 'key' in payload ? String(payload.key) : ''
}

/** The queue's own words at our log's levels; what it says of single jobs is debugging. */
function quiet(log: Log): Logger {
  return new Logger(() => (level, message) => {
    if (level === 'error') log.error({ event: 'jobs.error' }, message)
    else if (level === 'warning') log.warn({ event: 'jobs.warning' }, message)
    else log.debug({ event: 'jobs.said' }, message)
  })
}
