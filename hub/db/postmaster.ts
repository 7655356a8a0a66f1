import { chown, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What the Postgres server that runs on a data folder says of itself. */
export interface Postmaster {
  readonly pid: number
  readonly port: number
  /** The folder of its socket; undefined when it listens on TCP alone. */
  readonly socketFolder: string | undefined
  readonly ready: boolean
}

/** Addresses of sockets hold so many bytes on the strictest of our platforms, the closing zero not counted. */
const MAX_SOCKET_PATH_BYTES = 103

/** The server that runs on the data, by its own pid file; undefined when that is missing or left over. */
export async function postmaster(data: string): Promise<Postmaster | undefined> {
  const [pid, , , port, socket, , , status] = (await pidFileText(data)).split('\n')
  if (!pid || !port || Number(pid) === process.pid || !(await isPostgres(Number(pid)))) return undefined
  return { pid: Number(pid), port: Number(port), socketFolder: socket?.trim() || undefined, ready: status?.trim() === 'ready' }
}

/** Where a server on the data may put its socket: undefined when the path would be too long for one. */
export function socketFolder(data: string, port: number): string | undefined {
  return Buffer.byteLength(join(data, `.s.PGSQL.${port}`)) <= MAX_SOCKET_PATH_BYTES ? data : undefined
}

/**
 * Makes a server start on data whose server was killed, although its process id is another process's now: as they are in
 * a container, where they begin anew. Postgres would take that one for the server. Only where `postmaster` finds none, and
 * under the folder's lock. The rest of the file stays: by it Postgres sees whether parts of the killed one still run.
 */
export async function clearLeftovers(data: string): Promise<void> {
  const names = (await readdir(data)).filter((name) => name.startsWith('.s.PGSQL.'))
  await Promise.all(names.map((name) => rm(join(data, name), { force: true })))
  const [pid, ...rest] = (await pidFileText(data)).split('\n')
  if (!pid) return
  const { uid, gid } = await stat(pidFile(data))
  const fresh = `${pidFile(data)}.new`
  // Postgres does not mind the id of the process that starts it.
  await writeFile(fresh, [process.pid, ...rest].join('\n'), { mode: 0o600 })
  await chown(fresh, uid, gid)
  await rename(fresh, pidFile(data))
}

const pidFile = (data: string) => join(data, 'postmaster.pid')
const pidFileText = (data: string) => readFile(pidFile(data), 'utf8').catch(() => '')

async function isPostgres(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  if (process.platform !== 'linux') return true
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return command.includes('postgres')
}
