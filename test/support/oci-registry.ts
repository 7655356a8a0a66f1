import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { toolPath } from '../../deploy/tools/tools.mjs'
import { openTempDir } from './temp-dir.ts'

export interface RegistryOptions {
  /** Lines of an htpasswd file (bcrypt); without it everybody is let in. */
  readonly htpasswd?: string
  readonly tls?: { readonly key: string; readonly cert: string }
}

export interface Layer {
  readonly mediaType: string
  readonly bytes: Uint8Array
  readonly annotations?: Readonly<Record<string, string>>
}

export interface Pushed {
  readonly config?: Layer
  readonly layers: readonly Layer[]
  readonly annotations?: Readonly<Record<string, string>>
}

/** A real registry on a free port of this machine. */
export interface TestRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string
  readonly url: string
  /** Pushes an artifact under a tag. @returns the digest of its manifest */
  push(repository: string, tag: string, artifact: Pushed): Promise<string>
  /** What the registry was asked, oldest first, as `METHOD path`. */
  requests(): Promise<readonly string[]>
}

/** `bob` with the password `right`. */
export const HTPASSWD = 'bob:$2a$05$50oo0GXoUmxzK3IJou9pYuIZQtx4zw0Uj86LeGLiQZAw1x.7Gr2vm\n'
export const FLUX_CONFIG = 'application/vnd.cncf.flux.config.v1+json'
export const FLUX_CONTENT = 'application/vnd.cncf.flux.content.v1.tar+gzip'
export const HELM_CONFIG = 'application/vnd.cncf.helm.config.v1+json'
export const HELM_CONTENT = 'application/vnd.cncf.helm.chart.content.v1.tar+gzip'
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'

export async function openTestRegistry(options: RegistryOptions = {}): Promise<TestRegistry> {
  await using scope = new AsyncDisposableStack()
  const dir = scope.use(openTempDir('registry'))
  const port = await freePort()
  const log = join(dir.path, 'log')
  const config = join(dir.path, 'config.json')
  await writeFile(join(dir.path, 'htpasswd'), options.htpasswd ?? '')
  await writeFile(join(dir.path, 'tls.crt'), options.tls?.cert ?? '')
  await writeFile(join(dir.path, 'tls.key'), options.tls?.key ?? '')
  // YAML is a superset of JSON, and the registry reads YAML.
  await writeFile(config, JSON.stringify(configOf(dir.path, port, options)))
  const child = spawn('sh', ['-c', 'exec "$0" serve "$1" >"$2" 2>&1', toolPath('registry'), config, log], {
    stdio: 'ignore',
    env: { OTEL_TRACES_EXPORTER: 'none' },
  })
  scope.defer(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  })
  const host = `127.0.0.1:${port}`
  const url = `${options.tls ? 'https' : 'http'}://${host}`
  const send = sender(url, options)
  await untilUp(
    () => send('GET', '/v2/'),
    async () => (child.exitCode === null ? undefined : await readFile(log, 'utf8')),
  )
  const owned = scope.move()
  return {
    host,
    url,
    push: (repository, tag, artifact) => push(send, { repository, tag, artifact }),
    async requests() {
      const text = await readFile(log, 'utf8')
      return [...text.matchAll(/"(GET|HEAD|PUT|POST|PATCH) (\/v2\/[^ ]*) HTTP/g)].map(([, method, path]) => `${method} ${path}`)
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function configOf(dir: string, port: number, { htpasswd, tls }: RegistryOptions) {
  return {
    version: '0.1',
    log: { level: 'error', accesslog: { disabled: false } },
    storage: { filesystem: { rootdirectory: join(dir, 'data') }, delete: { enabled: true } },
    http: {
      addr: `127.0.0.1:${port}`,
      ...(tls ? { tls: { certificate: join(dir, 'tls.crt'), key: join(dir, 'tls.key') } } : {}),
    },
    ...(htpasswd ? { auth: { htpasswd: { realm: 'test', path: join(dir, 'htpasswd') } } } : {}),
  }
}

type Send = (method: string, path: string, body?: Uint8Array, type?: string) => Promise<Response>

function sender(url: string, { htpasswd, tls }: RegistryOptions): Send {
  const authorization = htpasswd ? { authorization: `Basic ${Buffer.from('bob:right').toString('base64')}` } : {}
  return async (method, path, body, type) => {
    const headers = { ...authorization, ...(type ? { 'content-type': type } : {}) }
    const at = path.startsWith('http') ? path : `${url}${path}`
    const { Agent, fetch: send } = await import('undici')
    await using agent = new DisposableAgent(new Agent({ connect: tls ? { ca: tls.cert, rejectUnauthorized: false } : {} }))
    const answer = await send(at, { method, headers, body: body ?? null, dispatcher: agent.agent })
    const bytes = await answer.arrayBuffer()
    return new Response(bytes.byteLength === 0 ? null : bytes, { status: answer.status, headers: Object.fromEntries(answer.headers) })
  }
}

class DisposableAgent implements AsyncDisposable {
  readonly agent: import('undici').Agent

  constructor(agent: import('undici').Agent) {
    this.agent = agent
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.agent.destroy()
  }
}

async function push(send: Send, { repository, tag, artifact }: { repository: string; tag: string; artifact: Pushed }): Promise<string> {
  const config = artifact.config ?? { mediaType: FLUX_CONFIG, bytes: Buffer.from('{}') }
  const descriptor = async ({ annotations, bytes, mediaType }: Layer) => ({
    ...{ mediaType, digest: await upload(send, repository, bytes), size: bytes.length },
    ...(annotations ? { annotations } : {}),
  })
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: await descriptor(config),
    layers: await Promise.all(artifact.layers.map(descriptor)),
    ...(artifact.annotations ? { annotations: artifact.annotations } : {}),
  }
  const bytes = Buffer.from(JSON.stringify(manifest))
  const answer = await send('PUT', `/v2/${repository}/manifests/${tag}`, bytes, MANIFEST)
  if (answer.status !== 201) throw new Error(`push ${repository}:${tag}: HTTP ${answer.status} ${await answer.text()}`)
  return digestOf(bytes)
}

async function upload(send: Send, repository: string, bytes: Uint8Array): Promise<string> {
  const digest = digestOf(bytes)
  const begun = await send('POST', `/v2/${repository}/blobs/uploads/`)
  const at = begun.headers.get('location') ?? ''
  const answer = await send('PUT', `${at}${at.includes('?') ? '&' : '?'}digest=${digest}`, bytes, 'application/octet-stream')
  if (answer.status !== 201) throw new Error(`upload to ${repository}: HTTP ${answer.status} ${await answer.text()}`)
  return digest
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

async function untilUp(ask: () => Promise<Response>, died: () => Promise<string | undefined>): Promise<void> {
  const deadline = AbortSignal.timeout(30_000)
  for (;;) {
    const answer = await ask().catch(() => undefined)
    if (answer) return
    const why = await died()
    if (why !== undefined) throw new Error(`the registry ended:\n${why}`)
    await pause(50, undefined, { signal: deadline })
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  server.close()
  await once(server, 'close')
  return port
}
