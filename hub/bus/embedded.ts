import { type ChildProcess, spawn } from 'node:child_process'
import { type FileHandle, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { connect as dial } from 'node:net'
import { join, resolve } from 'node:path'
import { systemClock } from '../../proto/base/clock.ts'
import { FleetError } from '../../proto/base/errors.ts'
import { freePort } from '../../proto/base/free-port.ts'
import { within } from '../../proto/base/signals.ts'
import type { NatsKeys } from './claims.ts'
import { serverConfig } from './server-config.ts'

const RELOAD_MS = 5_000
const RELOADED = /Reloaded server configuration|Failed to reload server configuration/

/** A nats-server that belongs to a data folder. */
export interface EmbeddedNats extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** True when the server was still running from a hub that had ended without stopping it. */
  readonly adopted: boolean
}

export interface EmbeddedNatsOptions {
  /** The folder that holds the server's data; whoever opens it holds the folder's lock. */
  readonly folder: string
  /** Path of the nats-server program. */
  readonly program: string
  readonly keys: NatsKeys
  /** The server's certificate and key, PEM. */
  readonly certificate: string
  readonly privateKey: string
  readonly host: string
  /** 0: any free port. A running server keeps the port it has. */
  readonly port: number
  readonly signal: AbortSignal
}

interface Place {
  readonly config: string
  readonly pidFile: string
  readonly portFile: string
  readonly certFile: string
  readonly keyFile: string
  readonly log: string
}

/**
 * Starts the nats-server of a data folder, or takes over the one that is still running there and gives it the new certificate.
 * Disposal stops it; the death of this process does not.
 */
export async function openEmbeddedNats(options: EmbeddedNatsOptions): Promise<EmbeddedNats> {
  const folder = resolve(options.folder)
  const place = placeIn(folder)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await writePrivately(place.certFile, options.certificate)
  await writePrivately(place.keyFile, options.privateKey)
  const running = await findRunning(place)
  const server = running ?? (await start(folder, place, options))
  if (running) await reload(running.pid, place, options.signal)
  return {
    url: `tls://127.0.0.1:${server.port}`,
    port: server.port,
    pid: server.pid,
    adopted: running !== undefined,
    [Symbol.asyncDispose]: () => stop(place, server.pid),
  }
}

function placeIn(folder: string): Place {
  const at = (name: string) => join(folder, name)
  return {
    config: at('nats.conf'),
    pidFile: at('nats.pid'),
    portFile: at('port'),
    certFile: at('tls.crt'),
    keyFile: at('tls.key'),
    log: at('nats.log'),
  }
}

async function writePrivately(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600 })
  await rename(`${path}.new`, path)
}

async function findRunning(place: Place): Promise<{ pid: number; port: number } | undefined> {
  const pid = Number(await readFile(place.pidFile, 'utf8').catch(() => ''))
  const port = Number(await readFile(place.portFile, 'utf8').catch(() => ''))
  return pid > 0 && port > 0 && (await isServer(pid, place.config)) ? { pid, port } : undefined
}

async function isServer(pid: number, config: string): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  if (process.platform !== 'linux') return true
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return command.includes(config)
}

async function start(folder: string, place: Place, options: EmbeddedNatsOptions): Promise<{ pid: number; port: number }> {
  const port = options.port || (await freePort())
  await rm(place.pidFile, { force: true })
  await writePrivately(place.portFile, String(port))
  await writePrivately(place.config, serverConfig({ ...options, ...place, port, folder, now: systemClock.now() }))
  await using log = await open(place.log, 'a', 0o600)
  // Detached and logging to a file: neither a signal to our process group nor our death ends it.
  const child = spawn(options.program, ['-c', place.config], { stdio: ['ignore', log.fd, log.fd], detached: true, cwd: folder })
  child.unref()
  await untilListening(place, child, { port, signal: options.signal })
  if (child.pid === undefined) throw new FleetError('internal', 'start nats-server: it has no process id')
  return { pid: child.pid, port }
}

async function untilListening(place: Place, child: ChildProcess, { port, signal }: { port: number; signal: AbortSignal }): Promise<void> {
  let failure: unknown
  child.once('error', (error) => {
    failure = error
  })
  while (!(await answers(port))) {
    signal.throwIfAborted()
    if (failure !== undefined || child.exitCode !== null) {
      const said = await readFile(place.log, 'utf8').catch(() => '')
      throw new FleetError('unavailable', `start nats-server: it ended with ${child.exitCode}: ${said.trim().slice(-500)}`, {
        cause: failure,
      })
    }
    await systemClock.sleep(20, signal)
  }
}

/**
 * Has a running server read its files again, and waits until it says that it has: connections that begin while it reads
 * are refused. One that says nothing for seconds is left to itself; who connects tries again.
 */
async function reload(pid: number, place: Place, signal: AbortSignal): Promise<void> {
  const patience = within(RELOAD_MS, signal)
  await using log = await open(place.log, 'a+', 0o600)
  const { size } = await log.stat()
  process.kill(pid, 'SIGHUP')
  while (!patience.aborted && !RELOADED.test(await saidSince(log, size))) {
    await systemClock.sleep(10, patience).catch(() => signal.throwIfAborted())
  }
}

async function saidSince(log: FileHandle, position: number): Promise<string> {
  const { buffer, bytesRead } = await log.read({ buffer: Buffer.alloc(64 * 1024), position })
  return buffer.toString('utf8', 0, bytesRead)
}

function answers(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = dial(port, '127.0.0.1')
    socket.once('data', () => done(true))
    socket.once('error', () => done(false))
    socket.setTimeout(1000, () => done(false))
    socket.once('data', () => socket.destroy())
    socket.once('timeout', () => socket.destroy())
  })
}

async function stop(place: Place, pid: number): Promise<void> {
  if (!(await isServer(pid, place.config))) return
  process.kill(pid, 'SIGTERM')
  const patience = AbortSignal.timeout(10_000)
  const never = new AbortController().signal
  while (await isServer(pid, place.config)) {
    if (patience.aborted) process.kill(pid, 'SIGKILL')
    await systemClock.sleep(20, never)
  }
}
