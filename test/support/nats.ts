import { spawn } from 'node:child_process'
import { toolPath } from '../../deploy/tools/tools.mjs'
import { type Bus, openBus } from '../../hub/bus/bus.ts'
import type { NatsKeys } from '../../hub/bus/claims.ts'
import { type EmbeddedNats, openEmbeddedNats } from '../../hub/bus/embedded.ts'
import { createNkey } from '../../hub/bus/nkeys.ts'
import { type HubAuthority, openAuthority } from '../../hub/clusters/io/authority.ts'
import { type Log, silentLog } from '../../proto/base/log.ts'
import { openTempDir } from './temp-dir.ts'

/** A nats-server as the hub runs it: TLS by a CA of its own, operator mode, JetStream. */
export interface TestNats extends AsyncDisposable {
  readonly url: string
  readonly folder: string
  pid(): number
  readonly keys: NatsKeys
  readonly authority: HubAuthority
  /** A hub's connection; the caller disposes of it. */
  openBus(options?: { readonly replica?: string; readonly log?: Log }): Promise<Bus>
  /** Takes the running server over, as a hub does that starts after one that was killed. */
  adopt(): Promise<void>
  /** Ends the server (`kill`: at once) and starts it again on its data and port. */
  restart(options?: { readonly kill?: boolean }): Promise<void>
}

export async function openTestNats(): Promise<TestNats> {
  const signal = AbortSignal.timeout(60_000)
  const authority = await openAuthority((make) => make(), new Date())
  const server = authority.issueServer([], new Date())
  const keys: NatsKeys = { operator: createNkey('operator'), system: createNkey('account'), account: createNkey('account') }
  const dir = openTempDir('nats')
  const start = (port: number, waited: AbortSignal) =>
    openEmbeddedNats({ folder: dir.path, program: toolPath('nats-server'), keys, ...server, host: '127.0.0.1', port, signal: waited })
  let running: EmbeddedNats = await start(0, signal)
  endWithRun(running.pid)
  return {
    url: running.url,
    folder: dir.path,
    pid: () => running.pid,
    keys,
    authority,
    openBus: ({ replica = 'r-1', log = silentLog } = {}) =>
      openBus({ url: running.url, ca: authority.certificate, keys, replica, log, signal: AbortSignal.timeout(30_000) }),
    async adopt() {
      running = await start(running.port, AbortSignal.timeout(30_000))
    },
    async restart({ kill = false } = {}) {
      if (kill) process.kill(running.pid, 'SIGKILL')
      await running[Symbol.asyncDispose]()
      running = await start(running.port, AbortSignal.timeout(30_000))
      endWithRun(running.pid)
    },
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]()
      await dir[Symbol.asyncDispose]()
    },
  }
}

/** Ends the server when this process does, however it does: a killed run leaves nothing. */
function endWithRun(server: number): void {
  const script = `while kill -0 ${process.pid} 2>/dev/null && kill -0 ${server} 2>/dev/null; do sleep 1; done; kill -9 ${server} 2>/dev/null`
  spawn('sh', ['-c', script], { stdio: 'ignore', detached: true, cwd: '/' }).unref()
}
