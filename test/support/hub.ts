import { join } from 'node:path'
import { Readable } from 'node:stream'
import { toolPath } from '../../deploy/tools/tools.mjs'
import { openHub } from '../../hub/app.ts'
import { run } from '../../hub/cli/program.ts'
import { readConfig } from '../../hub/config.ts'
import { silentLog } from '../../proto/base/log.ts'
import { openTestDatabase, type TestDatabase } from './postgres.ts'
import { openTempDir } from './temp-dir.ts'

export interface CliRun {
  readonly code: number
  readonly out: string
  /** What was said beside the output: progress, and the sentence of a failure. */
  readonly said: string
}

/** A whole hub in this process, on a database of its own, and the flotilla program as its administrator. */
export interface TestHub extends AsyncDisposable {
  readonly database: TestDatabase
  readonly dir: string
  readonly url: string
  readonly grpcPort: number
  /** Configuration of the flotilla program with the administrator's token. */
  readonly adminFile: string
  flotilla(args: readonly string[], more?: CliInput): Promise<CliRun>
}

export interface CliInput {
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  /** Sees the output as it comes. */
  readonly onOut?: (text: string) => void
}

export async function openTestHub(): Promise<TestHub> {
  await using scope = new AsyncDisposableStack()
  const database = scope.use(await openTestDatabase())
  const { path: dir } = scope.use(openTempDir('hub'))
  const config = readConfig({
    FLOTILLA_DATA_DIR: dir,
    FLOTILLA_DATABASE_URL: database.url,
    FLOTILLA_GRPC_LISTEN: '127.0.0.1:0',
    FLOTILLA_HTTP_LISTEN: '127.0.0.1:0',
    FLOTILLA_NATS_LISTEN: '127.0.0.1:0',
    FLOTILLA_ADVERTISE: '127.0.0.1',
    FLOTILLA_FETCH_ALLOW: '127.0.0.1',
    FLOTILLA_NATS_SERVER: toolPath('nats-server'),
    FLOTILLA_KUSTOMIZE: toolPath('flotilla-kustomize'),
  })
  const hub = scope.use(await openHub(config, silentLog, AbortSignal.timeout(120_000)))
  const adminFile = join(dir, 'admin.json')
  const owned = scope.move()
  return {
    database,
    dir,
    url: `https://127.0.0.1:${hub.httpPort}`,
    grpcPort: hub.grpcPort,
    adminFile,
    flotilla: (args, more = {}) => flotilla(args, { ...more, env: { FLOTILLA_CONFIG: adminFile, HOME: dir, ...more.env } }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** Runs the flotilla program in this process, to its end. */
export async function flotilla(args: readonly string[], { env = {}, input = '', onOut, signal }: CliInput = {}): Promise<CliRun> {
  let [out, said] = ['', '']
  const code = await run(args, {
    env,
    signal: signal ?? AbortSignal.timeout(60_000),
    stdin: Readable.from([Buffer.from(input)]),
    out: (text) => {
      out += text
      onOut?.(text)
    },
    say: (text) => {
      said += `${text}\n`
    },
  })
  return { code, out, said }
}
