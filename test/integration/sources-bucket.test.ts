import { createHash } from 'node:crypto'
import { readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openAuthority } from '../../hub/clusters/io/authority.ts'
import { revisionOf } from '../../hub/sources/bucket/etag-index.ts'
import { BucketFetcher } from '../../hub/sources/io/bucket/fetcher.ts'
import { GitFetcher } from '../../hub/sources/io/git/fetcher.ts'
import { createChartFetcher } from '../../hub/sources/io/helm/chart-fetcher.ts'
import { metadataIn, readChart } from '../../hub/sources/io/helm/chart-files.ts'
import { IndexCache } from '../../hub/sources/io/helm/index-cache.ts'
import type { BucketOptions, ChartOptions } from '../../hub/sources/model.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { sha256 } from '../../proto/base/hash.ts'
import { Secret } from '../../proto/base/secret.ts'
import { openTestStorage, STORAGE_KEYS, type TestStorage } from '../support/object-storage.ts'
import { openRawServer, type RawExchange } from '../support/raw-server.ts'
import { type Look, lookAt, type Seen, texts } from '../support/source-looks.ts'
import { openTempDir } from '../support/temp-dir.ts'

const dir = openTempDir('sources-bucket')
const folder = join(dir.path, 'bucket')
const budget = { maxListed: 3000, maxFiles: 1500, maxFileBytes: 1 << 20, maxTreeBytes: 4 << 20 }
const fetcher = new BucketFetcher({ folder, budget })
const credential = { keys: { accessKey: STORAGE_KEYS.accessKey, secretKey: new Secret(STORAGE_KEYS.secretKey) } }
let storage: TestStorage
let buckets = 0
let name: string

beforeAll(async () => {
  storage = await openTestStorage()
})
afterAll(async () => {
  await storage[Symbol.asyncDispose]()
  await dir[Symbol.asyncDispose]()
})
beforeEach(() => {
  name = `bucket-${++buckets}`
})

interface Over extends Look {
  readonly at?: string
  readonly from?: BucketFetcher
}
const look = (options: Partial<BucketOptions> = {}, { at, from = fetcher, ...over }: Over = {}) =>
  lookAt(
    from,
    { kind: 'Bucket', url: at ?? `${storage.url}/${name}`, options: { bucket: name, keyed: true, ...options } },
    { credential, ...over },
  )
const nobody = () => look({ keyed: undefined }, { credential: {} })
const problem = (reason: string, message: string) => ({ kind: 'problem', problem: { reason, message: expect.stringContaining(message) } })
const refused = (message: string) => problem('BucketOperationFailed', message)
const filled = async (objects: Readonly<Record<string, string | Uint8Array>>) => {
  await storage.create(name)
  await storage.put(name, objects)
}
const md5 = (content: string) => createHash('md5').update(content).digest('hex')
const revision = (found: unknown) => (found as Seen).revision
const asked = async (from = 0) => (await storage.requests()).slice(from).filter((line) => line.includes(`/${name}`))

describe('what is fetched', () => {
  test('every object, under a revision of keys and entity tags; while nothing moves only the list is asked for', async () => {
    await filled({ 'a.yaml': 'a', 'd/b c+%.yaml': 'b', 'd/ü.png': 'p', empty: '', '.git/config': 'x' })
    const found = await look()
    expect(texts(found)).toEqual({ 'a.yaml': 'a', 'd/b c+%.yaml': 'b', 'd/ü.png': 'p', empty: '', '.git/config': 'x' })
    const lines = [
      ['.git/config', 'x'],
      ['a.yaml', 'a'],
      ['d/b c+%.yaml', 'b'],
      ['d/ü.png', 'p'],
      ['empty', ''],
    ] as const
    expect(revision(found)).toBe(sha256(lines.map(([key, content]) => `${key} ${md5(content)}\n`).join('')))
    const before = (await storage.requests()).length
    expect(await look({}, { known: revision(found) })).toEqual({ kind: 'unchanged' })
    expect(await asked(before)).toEqual([`ListObjectsV2 /${name}/`])
  })

  test('of what moved only the objects whose entity tag is new are fetched, also by a hub that was started anew', async () => {
    await filled({ a: '1', b: '1', c: '1' })
    const first = await look()
    await storage.put(name, { b: '2', d: '1' })
    await storage.remove(name, 'c')
    const before = (await storage.requests()).length
    const second = await look({}, { known: revision(first), from: new BucketFetcher({ folder, budget }) })
    expect(texts(second)).toEqual({ a: '1', b: '2', d: '1' })
    expect((await asked(before)).toSorted()).toEqual([`GetObject /${name}/b`, `GetObject /${name}/d`, `ListObjectsV2 /${name}/`])
    expect(revision(second)).not.toBe(revision(first))
  })

  test('what is kept on disk is not trusted: lost, damaged or unreadable, it is fetched again', async () => {
    await filled({ a: '1' })
    const first = await look()
    const [bucket = ''] = await newest(folder)
    await rm(join(bucket, sha256('1').slice('sha256:'.length)))
    expect(texts(await look())).toEqual({ a: '1' })
    await writeFile(join(bucket, 'index.json'), 'junk')
    expect(await look()).toMatchObject({ revision: revision(first) })
    await writeFile(join(bucket, sha256('1').slice('sha256:'.length)), 'other')
    await expect(look()).rejects.toThrow('its content is damaged')
    expect(texts(await look())).toEqual({ a: '1' })
  })

  test('a bucket of many pages comes whole', async () => {
    const objects = Object.fromEntries(Array.from({ length: 1100 }, (_, i) => [`f${i}`, `${i}`]))
    await filled(objects)
    const before = (await storage.requests()).length
    expect(texts(await look())).toEqual(objects)
    expect((await asked(before)).filter((line) => line === `ListObjectsV2 /${name}/`)).toHaveLength(2)
  })

  test('a prefix leaves out the rest, and keys keep it', async () => {
    await filled({ 'apps/a': 'a', 'apps-x': 'x', 'other/b': 'b' })
    expect(texts(await look({ prefix: 'apps/' }))).toEqual({ 'apps/a': 'a' })
    expect(texts(await look({ prefix: 'none/' }))).toEqual({})
  })

  test('ignore rules of the bucket and of the object hold, also for what is below a prefix', async () => {
    await filled({ 'a.yaml': 'a', 'b.txt': 'b', 'd/c.txt': 'c', '.sourceignore': '*.txt\n' })
    expect(texts(await look())).toEqual({ 'a.yaml': 'a' })
    expect(texts(await look({ ignore: '!d/*.txt' }))).toEqual({ 'a.yaml': 'a', 'd/c.txt': 'c' })
    expect(texts(await look({ prefix: 'd/' }))).toEqual({})
  })

  test('what changes or goes while it is fetched is taken as it is then, and the revision says so', async () => {
    await using server = await openStorageOf({ list: ['a', 'b', 'c'], etagOf: (key) => (key === 'b' ? 'new' : 'old'), gone: ['c'] })
    const found = await look({}, { at: `${server.url}/x` })
    expect(texts(found)).toEqual({ a: 'a', b: 'b' })
    expect(revision(found)).toBe(
      revisionOf(
        new Map([
          ['a', 'old'],
          ['b', 'new'],
        ]),
      ),
    )
  })
})

describe('who is let in', () => {
  test('a public bucket is read without keys, any other is not', async () => {
    await filled({ v: '1' })
    expect(await nobody()).toMatchObject(refused('the server refuses access (HTTP 403); check the credentials (AccessDenied'))
    name = `${name}-public`
    await storage.create(name, { public: true })
    await storage.put(name, { v: '2' })
    expect(texts(await nobody())).toEqual({ v: '2' })
  })

  test('wrong keys are refused, and no secret is told', async () => {
    await filled({ v: '1' })
    const wrong = { keys: { accessKey: STORAGE_KEYS.accessKey, secretKey: new Secret('canary-wrong') } }
    const found = await look({}, { credential: wrong })
    expect(found).toMatchObject(refused('SignatureDoesNotMatch'))
    expect(JSON.stringify(found)).not.toContain('canary')
  })

  test('an object that names a Secret never goes without keys', async () => {
    await storage.create(name, { public: true })
    expect(await look({}, { credential: { ca: 'x' } })).toMatchObject(
      problem('AuthenticationFailed', "required fields 'accesskey' and 'secretkey'"),
    )
  })

  test('a bucket of another region is asked for again as it says', async () => {
    await using elsewhere = await openTestStorage({ region: 'eu-west-1' })
    await elsewhere.create(name)
    await elsewhere.put(name, { v: '1' })
    const at = `${elsewhere.url}/${name}`
    expect(texts(await look({ region: 'eu-west-1' }, { at }))).toEqual({ v: '1' })
    expect(texts(await look({}, { at }))).toEqual({ v: '1' })
  })

  test('a server whose certificate comes from a CA that is not given, and one that is', async () => {
    const now = new Date()
    const authority = await openAuthority((make) => make(), now)
    const { certificate: cert, privateKey: key } = authority.issueServer(['127.0.0.1'], now)
    await using secure = await openTestStorage({ tls: { key, cert } })
    await secure.create(name)
    await secure.put(name, { v: '1' })
    const at = `${secure.url}/${name}`
    expect(await look({}, { at })).toMatchObject(refused('certificate'))
    expect(texts(await look({}, { at, credential: { ...credential, ca: authority.certificate } }))).toEqual({ v: '1' })
  })

  test('nothing signed goes to a host that a server redirects to', async () => {
    await using other = await openRawServer(({ response }) => response.writeHead(403).end())
    await using server = await openRawServer(({ response }) => response.writeHead(307, { location: `${other.url}/x` }).end())
    expect(await look({}, { at: `${server.url}/x` })).toMatchObject(refused('HTTP 403'))
    expect(server.seen[0]?.headers.authorization).toContain('AWS4-HMAC-SHA256')
    expect(other.seen.map(({ headers }) => headers.authorization)).toEqual([undefined])
  })
})

describe('what is refused', () => {
  test('a bucket that is not there, and an address that nobody allowed', async () => {
    expect(await look()).toMatchObject(refused(`indexation of objects from bucket '${name}' failed`))
    expect(await look()).toMatchObject(refused('not found (HTTP 404) (NoSuchBucket'))
    expect(await look({}, { allow: [] })).toMatchObject({ problem: { reason: 'URLInvalid', stalled: true } })
    expect(await look({}, { hosts: ['s3.example.com'] })).toMatchObject({ problem: { reason: 'AccessDenied', stalled: true } })
  })

  test.each([
    ['a key that leads out', ['../../etc/passwd', 'a'], undefined, '"../../etc/passwd", which no file may have'],
    ['a file that is a directory too', ['a', 'a/b'], undefined, 'cannot be a file and a directory'],
    ['many files', Array.from({ length: 1600 }, (_, i) => `f${i}`), undefined, 'more than 1500 files'],
    ['many objects', Array.from({ length: 3100 }, (_, i) => `f${i}/`), undefined, 'it has more than 3000 objects'],
    ['a large file', ['big'], 2 << 20, 'big has 2097152 bytes, 1048576 are allowed'],
    ['much content', ['a', 'b', 'c', 'd', 'e', 'f'], 900_000, 'the bucket has more than 4194304 bytes'],
  ])('%s', async (_, list, size, message) => {
    await using server = await openStorageOf({ list, ...(size === undefined ? {} : { size }) })
    expect(await look({}, { at: `${server.url}/x` })).toMatchObject(refused(message))
    expect(server.seen.every(({ url }) => url.includes('list-type=2'))).toBe(true)
  })

  test('such a key can be left out', async () => {
    await using server = await openStorageOf({ list: ['../up', 'a'] })
    expect(texts(await look({ ignore: '/..' }, { at: `${server.url}/x` }))).toEqual({ a: 'a' })
  })

  test('an object that is larger than its list says', async () => {
    await using server = await openStorageOf({ list: ['a'], content: () => Buffer.alloc(2 << 20) })
    expect(await look({}, { at: `${server.url}/x` })).toMatchObject(refused("failed to get 'a' object: a: the server sends more than"))
  })

  test.each([
    ['403', { status: 403, headers: {} }, 'HTTP 403', undefined],
    ['404', { status: 404, headers: {} }, 'HTTP 404', undefined],
    ['429', { status: 429, headers: { 'retry-after': '120' } }, 'HTTP 429', 120_000],
    ['500', { status: 500, headers: {} }, 'HTTP 500', undefined],
    ['503', { status: 503, headers: { 'retry-after': '7' } }, 'HTTP 503', 7000],
  ])('a server that answers %s', async (_, { headers, status }, message, retryAfterMs) => {
    await using server = await openRawServer(({ response }) => response.writeHead(status, headers).end())
    expect(await look({}, { at: `${server.url}/x` })).toMatchObject({ ...refused(message), retryAfterMs })
  })

  test.each([
    ['a page of something else', '<html>hello</html>', 'not what an object storage answers'],
    ['a list without end', page(['a', 'b', 'c', 'd'], 'again'), 'it has more than 3000 objects'],
    ['an empty list without end', page([], 'again'), 'more than 1000 pages'],
    [
      'a list of many megabytes',
      page([], 'again').replace('<IsTruncated>', `<Odd>${'x'.repeat(3 << 20)}</Odd><IsTruncated>`),
      'has more than 67108864 bytes',
    ],
    ['a page of many megabytes', 'x'.repeat(5 << 20), 'has more than 4194304 bytes'],
  ])('a server that sends %s', async (_, text, message) => {
    await using server = await openRawServer(({ response }) => response.end(text))
    expect(await look({}, { at: `${server.url}/x` })).toMatchObject(refused(message))
  })

  test('half an object; what came before it is not fetched again', async () => {
    const list = ['a', 'b', 'c', 'd']
    let breaks = true
    await using server = await openStorageOf({
      list,
      answer({ response, url }) {
        if (!url.endsWith('/d') || !breaks) return false
        response.writeHead(200, { 'content-length': 100, etag: '"old"' }).write('half')
        setTimeout(() => response.destroy(), 200)
        return true
      },
    })
    const at = `${server.url}/x`
    expect(await look({}, { at })).toMatchObject(refused(`fetch from bucket '${name}' failed: failed to get 'd' object`))
    breaks = false
    const before = server.seen.length
    expect(texts(await look({}, { at }))).toEqual({ a: 'a', b: 'b', c: 'c', d: 'd' })
    expect(server.seen.slice(before).map(({ url }) => url.replace(/\?.*/, ''))).toEqual(['/x/', '/x/d'])
  })

  test('a server that does not answer in time, and one that sends slowly', async () => {
    await using silent = await openRawServer(() => undefined)
    expect(await look({}, { at: `${silent.url}/x`, timeoutMs: 300 })).toMatchObject(refused('no answer within 300 ms'))
    await using slow = await openStorageOf({
      list: ['a'],
      answer({ response, url }) {
        if (!url.endsWith('/a')) return false
        response.writeHead(200, { etag: '"old"' }).write('x')
        return true
      },
    })
    expect(await look({}, { at: `${slow.url}/x`, timeoutMs: 600 })).toMatchObject(refused('no answer within 600 ms'))
  })
})

describe('charts in a bucket', () => {
  const git = new GitFetcher({ folder: join(dir.path, 'git') })
  const charts = createChartFetcher({
    indexes: new IndexCache({ clock: systemClock }),
    git,
    bucket: fetcher,
    stored: async () => undefined,
    credential: async () => undefined,
  })
  const chart = (options: Partial<ChartOptions>, over: Look = {}) =>
    lookAt(
      charts,
      {
        kind: 'HelmChart',
        url: `${storage.url}/${name}`,
        options: { chart: 'web', version: '', bucket: { bucket: name, keyed: true }, ...options },
      },
      { credential, ...over },
    )

  test('are packed the same each time; several of one bucket fetch its objects once', async () => {
    await filled({
      'web/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 1.2.0\n',
      'web/templates/x.yaml': 'x: {{ .Values.a }}',
      'web/values.yaml': 'a: 1\n',
      'api/Chart.yaml': 'apiVersion: v2\nname: api\nversion: 0.1.0\n',
      'prod.yaml': 'a: 2\n',
    })
    const tree = revision(await look())
    const before = (await storage.requests()).length
    const found = (await chart({})) as Seen
    expect(found).toMatchObject({ revision: '1.2.0', metadata: { chart: 'web', packaged: 'true', source: tree } })
    expect(await chart({ chart: 'api' })).toMatchObject({ revision: '0.1.0' })
    expect(await asked(before)).toEqual([`ListObjectsV2 /${name}/`, `ListObjectsV2 /${name}/`])
    expect(((await chart({})) as Seen).files).toEqual(found.files)
    expect(await chart({}, { known: '1.2.0' })).toEqual({ kind: 'unchanged' })
    const merged = (await chart({ valuesFiles: ['web/values.yaml', 'prod.yaml'], generation: 3, byRevision: true })) as Seen
    expect(merged.revision).toBe(`1.2.0+${tree.slice('sha256:'.length, 'sha256:'.length + 12)}.3`)
    const [archive = Buffer.of()] = Object.values(merged.files)
    const { files } = await readChart(
      archive,
      { maxChartBytes: 1e7, maxFileBytes: 1e7, maxFiles: 1e4, maxUnpackedBytes: 1e8 },
      AbortSignal.timeout(5000),
    )
    expect(metadataIn(files).version).toBe(merged.revision)
    expect(files.get('values.yaml')?.toString()).toBe('a: 2\n')
    await storage.put(name, { 'web/values.yaml': 'a: 3\n' })
    const then = (await storage.requests()).length
    await Promise.all([look(), chart({}), chart({ chart: 'api' })])
    expect((await asked(then)).filter((line) => line.startsWith('GetObject'))).toEqual([`GetObject /${name}/web/values.yaml`])
    expect(await chart({ chart: 'none' })).toMatchObject(problem('InvalidChartReference', "no chart found at 'none'"))
  })
})

test('what is kept of buckets that nobody asks for goes; the others stay', async () => {
  await filled({ v: '1' })
  await look()
  const before = await readdir(folder)
  expect(before.length).toBeGreaterThan(1)
  const url = `${storage.url}/${name}`
  await fetcher.sweep(async () => [{ url, credentialId: sha256(JSON.stringify(['keys'])) }])
  expect(await readdir(folder)).toHaveLength(1)
  const asks = (await storage.requests()).length
  expect(texts(await look())).toEqual({ v: '1' })
  expect(await asked(asks)).toEqual([`ListObjectsV2 /${name}/`])
})

/** The folders of the bucket that was looked at last. */
async function newest(root: string): Promise<readonly string[]> {
  const parts = await readdir(root, { recursive: true, withFileTypes: true })
  const indexes = parts.filter(({ name: file }) => file === 'index.json').map(({ parentPath }) => parentPath)
  const dated = await Promise.all(indexes.map(async (path) => ({ path, at: (await stat(join(path, 'index.json'))).mtimeMs })))
  return dated.toSorted((a, b) => b.at - a.at).map(({ path }) => path)
}

interface Odd {
  readonly list: readonly string[]
  readonly size?: number
  /** Entity tag of what is sent, where it is not that of the list. */
  readonly etagOf?: (key: string) => string
  readonly gone?: readonly string[]
  readonly content?: (key: string) => string | Buffer
  /** True where it has answered by itself. */
  readonly answer?: (exchange: RawExchange) => boolean
}

/** A server with one bucket that behaves as no good one does. */
function openStorageOf({ answer = () => false, content = (key) => key, etagOf = () => 'old', gone = [], list, size }: Odd) {
  return openRawServer((exchange) => {
    if (answer(exchange)) return
    const { response, url } = exchange
    if (url.includes('list-type=2')) return response.end(page(list, undefined, size))
    const key = decodeURIComponent(url.slice('/x/'.length))
    if (gone.includes(key) || !list.includes(key)) return response.writeHead(404).end('<Error><Code>NoSuchKey</Code></Error>')
    return response.writeHead(200, { etag: `"${etagOf(key)}"` }).end(content(key))
  })
}

function page(keys: readonly string[], next?: string, size = 1): string {
  const contents = keys.map((key) => `<Contents><Key>${key}</Key><ETag>"old"</ETag><Size>${size}</Size></Contents>`)
  const more = next === undefined ? 'false' : `true</IsTruncated><NextContinuationToken>${next}</NextContinuationToken><IsTruncated>true`
  return `<?xml version="1.0"?><ListBucketResult><IsTruncated>${more}</IsTruncated>${contents.join('')}</ListBucketResult>`
}
