import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import aws4 from 'aws4'
import { Agent, fetch as send } from 'undici'
import { toolPath } from '../../deploy/tools/tools.mjs'
import { freePort } from '../../proto/base/free-port.ts'
import { openTempDir } from './temp-dir.ts'

export interface StorageOptions {
  readonly region?: string
  readonly tls?: { readonly key: string; readonly cert: string }
}

/** A real S3 server on a free port of this machine. */
export interface TestStorage extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string
  readonly url: string
  /** Makes a bucket; a public one is read by everybody. */
  create(bucket: string, how?: { readonly public?: boolean }): Promise<void>
  put(bucket: string, objects: Readonly<Record<string, string | Uint8Array>>): Promise<void>
  remove(bucket: string, ...keys: readonly string[]): Promise<void>
  /** What the server was asked for, oldest first, as `Action path`, without the query. */
  requests(): Promise<readonly string[]>
}

/** Of the owner of all buckets. */
export const STORAGE_KEYS = { accessKey: 'test-access', secretKey: 'canary-storage-91c4' }

export async function openTestStorage(options: StorageOptions = {}): Promise<TestStorage> {
  await using scope = new AsyncDisposableStack()
  const dir = scope.use(openTempDir('storage'))
  const [objects, about, log] = [join(dir.path, 'objects'), join(dir.path, 'about'), join(dir.path, 'log')]
  await mkdir(objects)
  await mkdir(about)
  await writeFile(log, '')
  const host = `127.0.0.1:${await freePort()}`
  const region = options.region ?? 'us-east-1'
  const secured = options.tls ? await tlsFiles(dir.path, options.tls) : []
  const args = [...['--quiet', '--port', host, '--region', region, '--access-log', log], ...secured, 'posix', '--sidecar', about, objects]
  const child = spawn(toolPath('versitygw'), args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ROOT_ACCESS_KEY_ID: STORAGE_KEYS.accessKey, ROOT_SECRET_ACCESS_KEY: STORAGE_KEYS.secretKey },
  })
  scope.defer(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  })
  const agent = new Agent({ connect: { rejectUnauthorized: false } })
  scope.defer(() => agent.destroy())
  const ask = asking({ host, region, scheme: options.tls ? 'https' : 'http', agent })
  await untilUp(ask, () => child.exitCode !== null)
  const owned = scope.move()
  return {
    host,
    url: `${options.tls ? 'https' : 'http'}://${host}`,
    async create(bucket, how = {}) {
      await ask('PUT', `/${bucket}`)
      if (how.public) await ask('PUT', `/${bucket}?policy=`, JSON.stringify(forEverybody(bucket)))
    },
    async put(bucket, content) {
      for (const [key, body] of Object.entries(content)) await ask('PUT', `/${bucket}/${encoded(key)}`, body)
    },
    async remove(bucket, ...keys) {
      for (const key of keys) await ask('DELETE', `/${bucket}/${encoded(key)}`)
    },
    async requests() {
      const text = await readFile(log, 'utf8')
      return [...text.matchAll(/ s3_(\w+) .*? (\/[^ ?]*)\S* \d{3} /g)].map(([, action, path]) => `${action} ${path}`)
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function tlsFiles(dir: string, { cert, key }: { readonly key: string; readonly cert: string }): Promise<readonly string[]> {
  await writeFile(join(dir, 'tls.crt'), cert)
  await writeFile(join(dir, 'tls.key'), key)
  return ['--cert', join(dir, 'tls.crt'), '--key', join(dir, 'tls.key')]
}

function forEverybody(bucket: string) {
  const grant = (Action: string, Resource: string) => ({ Effect: 'Allow', Principal: '*', Action, Resource })
  const Statement = [grant('s3:ListBucket', `arn:aws:s3:::${bucket}`), grant('s3:GetObject', `arn:aws:s3:::${bucket}/*`)]
  return { Version: '2012-10-17', Statement }
}

type Ask = (method: string, path: string, body?: string | Uint8Array) => Promise<void>

function asking(at: { readonly host: string; readonly region: string; readonly scheme: string; readonly agent: Agent }): Ask {
  const keys = { accessKeyId: STORAGE_KEYS.accessKey, secretAccessKey: STORAGE_KEYS.secretKey }
  return async (method, path, body) => {
    const content = body === undefined ? undefined : Buffer.from(body)
    const signed = aws4.sign(
      { ...{ service: 's3', region: at.region, host: at.host, method, path }, ...(content ? { body: content } : {}) },
      keys,
    )
    const { Host: _, 'Content-Length': _length, ...headers } = (signed.headers ?? {}) as Record<string, string>
    const answer = await send(`${at.scheme}://${at.host}${path}`, { method, headers, body: content ?? null, dispatcher: at.agent })
    const said = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: HTTP ${answer.status} ${said}`)
  }
}

function encoded(key: string): string {
  return key.split('/').map(encodeURIComponent).join('/')
}

async function untilUp(ask: Ask, hasEnded: () => boolean): Promise<void> {
  const deadline = AbortSignal.timeout(30_000)
  for (;;) {
    const isUp = await ask('GET', '/').then(
      () => true,
      () => false,
    )
    if (isUp) return
    if (hasEnded()) throw new Error('the object storage has ended')
    await pause(50, undefined, { signal: deadline })
  }
}
