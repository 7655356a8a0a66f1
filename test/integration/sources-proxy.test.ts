import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type GitServer, openGitServer } from '../../deploy/local/git-server.ts'
import { openAuthority } from '../../hub/clusters/io/authority.ts'
import type { SourceCredential } from '../../hub/sources/credential.ts'
import { BucketFetcher } from '../../hub/sources/io/bucket/fetcher.ts'
import { GitFetcher } from '../../hub/sources/io/git/fetcher.ts'
import { createChartFetcher } from '../../hub/sources/io/helm/chart-fetcher.ts'
import { IndexCache } from '../../hub/sources/io/helm/index-cache.ts'
import { createOciFetcher } from '../../hub/sources/io/oci/fetcher.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { silentLog } from '../../proto/base/log.ts'
import { Secret } from '../../proto/base/secret.ts'
import { type ForwardProxy, openForwardProxy } from '../support/forward-proxy.ts'
import { createRepository } from '../support/git-repository.ts'
import { openTestStorage, STORAGE_KEYS } from '../support/object-storage.ts'
import { FLUX_CONTENT, HTPASSWD, openTestRegistry, type TestRegistry } from '../support/oci-registry.ts'
import { type Look, lookAt, texts } from '../support/source-looks.ts'
import { tarGz } from '../support/tar.ts'
import { openTempDir } from '../support/temp-dir.ts'

const CANARY = 'canary-7f3a91'
const LOGIN = { username: 'mando', password: 'gr@gu:1' }
const dir = openTempDir('sources-proxy')
const oci = createOciFetcher({ folder: join(dir.path, 'oci') })
const bucket = new BucketFetcher({ folder: join(dir.path, 'bucket') })
let git: GitFetcher
let proxy: ForwardProxy
/** A CA that nobody else trusts. */
let ca: string
let tls: { readonly key: string; readonly cert: string }
let registry: { readonly http: TestRegistry; readonly https: TestRegistry }
let server: { readonly http: GitServer; readonly https: GitServer }
let commit: string

beforeAll(async () => {
  const authority = await openAuthority((make) => make(), new Date())
  const { certificate: cert, privateKey: key } = authority.issueServer(['127.0.0.1'], new Date())
  ca = authority.certificate
  tls = { key, cert }
  registry = {
    http: await openTestRegistry({ htpasswd: HTPASSWD }),
    https: await openTestRegistry({ htpasswd: HTPASSWD, tls: { key, cert } }),
  }
  server = {
    http: await openGitServer({ dir: dir.path, log: silentLog }),
    https: await openGitServer({ dir: dir.path, log: silentLog, tls: { key, cert } }),
  }
  const layer = { mediaType: FLUX_CONTENT, bytes: await tarGz({ v: '1' }) }
  for (const one of [registry.http, registry.https]) await one.push('team/app', 'latest', { layers: [layer] })
  const chart = { 'app/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 0.1.0\n' }
  commit = await (await createRepository(dir.path, 'app')).commit({ v: '1', ...chart })
  git = new GitFetcher({ folder: join(dir.path, 'cache') })
})
afterAll(async () => {
  await git[Symbol.asyncDispose]()
  for (const one of [server.http, server.https, registry.http, registry.https]) await one[Symbol.asyncDispose]()
  await dir[Symbol.asyncDispose]()
})
beforeEach(async () => {
  proxy = await openForwardProxy({ login: LOGIN })
  return () => proxy[Symbol.asyncDispose]()
})

const docker = (host: string) => new Secret(JSON.stringify({ auths: { [host]: { auth: Buffer.from('bob:right').toString('base64') } } }))
const login = (password: string = LOGIN.password) => ({ username: LOGIN.username, password: new Secret(password) })
const through = (over: SourceCredential['proxy'] = { address: proxy.url, login: login() }) => ({ proxy: over, ca })

type Scheme = 'http' | 'https'
const artifact = (scheme: Scheme, credential: SourceCredential, over: Look = {}) => {
  const { host } = registry[scheme]
  const options = { ref: {}, proxied: true as const, ...(scheme === 'http' ? { insecure: true as const } : {}) }
  const what = { kind: 'OCIRepository', url: `oci://${host}/team/app`, options } as const
  return lookAt(oci, what, { ...over, credential: { docker: docker(host), ...credential } })
}
const branch = (scheme: Scheme, credential: SourceCredential, over: Look = {}) => {
  const what = { kind: 'GitRepository', url: `${server[scheme].url}/app.git`, options: { ref: { branch: 'main' }, proxied: true } } as const
  return lookAt(git, what, { ...over, credential })
}
const KINDS = [
  ['an artifact', artifact, 'OCIArtifactPullFailed'],
  ['a repository', branch, 'GitOperationFailed'],
] as const
const problem = (reason: string, message: string) => ({ kind: 'problem', problem: { reason, message: expect.stringContaining(message) } })

describe.each(KINDS)('%s', (_, look, reason) => {
  test('that is served over https comes through a tunnel, which shows the server nothing of the proxy', async () => {
    const found = await look('https', through())
    expect(texts(found).v).toBe('1')
    const target = new URL(look === artifact ? registry.https.url : server.https.url).host
    expect(new Set(proxy.passed)).toEqual(new Set([`CONNECT ${target}`]))
    expect(await look('https', { proxy: { address: proxy.url, login: login() } })).toMatchObject(problem(reason, 'certificate'))
  })

  test('that is served over http is asked of the proxy', async () => {
    expect(texts(await look('http', through())).v).toBe('1')
    const { host } = new URL(look === artifact ? registry.http.url : server.http.url)
    expect(proxy.passed.length).toBeGreaterThan(1)
    for (const one of proxy.passed) expect(one).toMatch(new RegExp(`^(GET|HEAD|POST) http://${host}/`))
  })

  test.each(['http', 'https'] as const)('over %s, with a wrong password, or none, says so once, and shows none of it', async (scheme) => {
    const wrong = await look(scheme, through({ address: proxy.url, login: login(CANARY) }))
    const refused = problem(reason, `the proxy ${proxy.url} refuses access (HTTP 407); check username and password of its secret`)
    expect(wrong).toMatchObject(refused)
    expect(JSON.stringify(wrong)).not.toContain(CANARY)
    expect(await look(scheme, through({ address: proxy.url }))).toMatchObject(refused)
    expect(proxy.passed).toEqual([])
  })

  test.each(['http', 'https'] as const)('over %s, with a proxy that is down, or hangs up, or never answers', async (scheme) => {
    await using gone = await openForwardProxy()
    const { url } = gone
    await gone[Symbol.asyncDispose]()
    const unreached = (address: string) => problem(reason, `the proxy ${address} cannot be reached: `)
    expect(await look(scheme, through({ address: url }))).toMatchObject(unreached(url))
    await using rude = await openSocketServer((socket) => socket.destroy())
    expect(await look(scheme, through({ address: rude.url }))).toMatchObject(unreached(rude.url))
    await using silent = await openSocketServer(() => undefined)
    const late = await look(scheme, through({ address: silent.url }), { timeoutMs: 500 })
    expect(late).toMatchObject({ kind: 'problem', problem: { reason, message: expect.stringMatching(/no answer|Timeout/) } })
  })

  test.each(['http', 'https'] as const)('over %s, with a proxy that is spoken to over TLS', async (scheme) => {
    await using secure = await openForwardProxy({ login: LOGIN, tls })
    expect(texts(await look(scheme, through({ address: secure.url, login: login() }))).v).toBe('1')
    expect(secure.passed.length).toBeGreaterThan(0)
    const distrusted = await look(scheme, { proxy: { address: secure.url, login: login() } })
    expect(distrusted).toMatchObject(problem(reason, `the proxy ${secure.url} cannot be reached: `))
  })

  test('is not fetched through a proxy that nobody allowed, nor past one', async () => {
    const elsewhere = { proxy: { address: 'http://10.1.2.3:3128' } }
    expect(await look('http', elsewhere)).toMatchObject(problem('URLInvalid', '10.1.2.3 is in a private network'))
    const target = new URL(look === artifact ? registry.http.url : server.http.url).host
    expect(await look('http', through(), { hosts: [target] })).toMatchObject(problem('AccessDenied', 'is not among the hosts'))
    expect(await look('http', through(), { hosts: [target, new URL(proxy.url).host] })).toMatchObject({ files: { v: Buffer.from('1') } })
  })
})

test('a server that the proxy cannot reach is no fault of the proxy', async () => {
  const { port } = new URL(proxy.url)
  await using spare = await openForwardProxy({ login: LOGIN })
  await proxy[Symbol.asyncDispose]()
  const what = { kind: 'OCIRepository', url: `oci://127.0.0.1:${port}/a`, options: { ref: {} } } as const
  const found = await lookAt(oci, what, { credential: through({ address: spare.url, login: login() }) })
  expect(found).toMatchObject(problem('OCIArtifactPullFailed', `the proxy ${spare.url} does not connect to 127.0.0.1:${port} (HTTP 502)`))
})

test('the objects of a bucket come through the proxy, signed for the storage behind it', async () => {
  await using storage = await openTestStorage()
  await storage.create('apps')
  await storage.put('apps', { 'a b.yaml': 'a' })
  const keys = { accessKey: STORAGE_KEYS.accessKey, secretKey: new Secret(STORAGE_KEYS.secretKey) }
  const options = { bucket: 'apps', keyed: true as const, proxied: true as const }
  const what = { kind: 'Bucket', url: `${storage.url}/apps`, options } as const
  expect(texts(await lookAt(bucket, what, { credential: { keys, ...through() } }))).toEqual({ 'a b.yaml': 'a' })
  expect(proxy.passed).toContain(`GET ${storage.url}/apps/a%20b.yaml`)
  const wrong = await lookAt(bucket, what, { credential: { keys, ...through({ address: proxy.url }) } })
  expect(wrong).toMatchObject(problem('BucketOperationFailed', 'refuses access (HTTP 407)'))
})

test('a chart in a repository comes through the proxy of its repository', async () => {
  const charts = createChartFetcher({
    indexes: new IndexCache({ clock: systemClock }),
    git,
    bucket,
    stored: async () => undefined,
    credential: async () => undefined,
  })
  const options = { chart: 'app', version: '', git: { ref: { branch: 'main' }, proxied: true as const } }
  const what = { kind: 'HelmChart', url: `${server.https.url}/app.git`, options } as const
  expect(await lookAt(charts, what, { credential: through() })).toMatchObject({
    revision: '0.1.0',
    metadata: { source: `main@sha1:${commit}` },
  })
  expect(proxy.passed.length).toBeGreaterThan(0)
})

async function openSocketServer(met: (socket: Socket) => unknown) {
  const sockets = new Set<Socket>()
  const listening = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    met(socket)
  })
  await once(listening.listen(0, '127.0.0.1'), 'listening')
  const address = listening.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    async [Symbol.asyncDispose]() {
      const closed = once(listening, 'close')
      listening.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
