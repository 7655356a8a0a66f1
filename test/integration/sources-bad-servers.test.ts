import { readdir } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type GitServer, openGitServer } from '../../deploy/local/git-server.ts'
import { BucketFetcher } from '../../hub/sources/io/bucket/fetcher.ts'
import { GitFetcher } from '../../hub/sources/io/git/fetcher.ts'
import { createChartFetcher } from '../../hub/sources/io/helm/chart-fetcher.ts'
import { IndexCache } from '../../hub/sources/io/helm/index-cache.ts'
import { createIndexFetcher } from '../../hub/sources/io/helm/index-fetcher.ts'
import { createOciFetcher } from '../../hub/sources/io/oci/fetcher.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { sha256 } from '../../proto/base/hash.ts'
import { silentLog } from '../../proto/base/log.ts'
import { createRepository } from '../support/git-repository.ts'
import { FLUX_CONTENT, HELM_CONTENT } from '../support/oci-registry.ts'
import { openRawServer, type RawServer } from '../support/raw-server.ts'
import { lookAt } from '../support/source-looks.ts'
import { chartArchive, tarGz } from '../support/tar.ts'
import { openTempDir } from '../support/temp-dir.ts'

// Servers that refuse, break off, or take for ever, at each thing that is asked of them: one problem of the source, in bounded
// time, while others are fetched by the same fetcher.

const LIMIT_MS = 1500
const dir = openTempDir('sources-bad')
const indexes = new IndexCache({ clock: systemClock })
const oci = createOciFetcher({ folder: join(dir.path, 'oci') })
const bucket = new BucketFetcher({ folder: join(dir.path, 'bucket') })
let git: GitFetcher
let gitServer: GitServer
let archive: Buffer

beforeAll(async () => {
  gitServer = await openGitServer({ dir: dir.path, log: silentLog })
  git = new GitFetcher({ folder: join(dir.path, 'cache') })
  await (await createRepository(dir.path, 'app')).commit({ v: 'x'.repeat(100_000) })
  archive = await chartArchive('app', '1.0.0')
})
afterAll(async () => {
  await git[Symbol.asyncDispose]()
  await gitServer[Symbol.asyncDispose]()
  await dir[Symbol.asyncDispose]()
})

/** What the server would answer if it behaved. */
type Good = (url: string, method: string, body: Buffer) => Promise<Buffer> | Buffer

interface Source {
  readonly good: Good
  readonly look: (url: string) => Promise<unknown>
  readonly refused: string
  readonly failed: string
  /** The registry wants a token, which it gives itself. */
  readonly token?: true
}

const over = { timeoutMs: LIMIT_MS }
const charts = () =>
  createChartFetcher({
    indexes: new IndexCache({ clock: systemClock }),
    git,
    bucket,
    stored: async () => undefined,
    credential: async () => undefined,
  })
const chart = (url: string) =>
  lookAt(charts(), { kind: 'HelmChart', url, options: { chart: 'app', version: '1.0.0', insecure: true } }, over)

const ARTIFACT: Source = {
  good: async (url) => inRegistry(url, FLUX_CONTENT, await tarGz({ v: '1' })),
  look: (url) => lookAt(oci, { kind: 'OCIRepository', url: `${asRegistry(url)}/app`, options: { ref: {}, insecure: true } }, over),
  refused: 'OCIArtifactPullFailed',
  failed: 'OCIArtifactPullFailed',
}
const INDEX: Source = {
  good: () => Buffer.from('apiVersion: v1\nentries:\n  app:\n  - version: 1.0.0\n    urls: [app.tgz]\n'),
  look: (url) => lookAt(createIndexFetcher({ indexes }), { kind: 'HelmRepository', url, options: {} }, over),
  refused: 'Failed',
  failed: 'Failed',
}
const CHART: Source = {
  good: (url, method) => (url.endsWith('.tgz') ? archive : INDEX.good(url, method, Buffer.alloc(0))),
  look: chart,
  refused: 'ChartPullError',
  failed: 'ChartPullError',
}
const REGISTRY_CHART: Source = { ...CHART, good: (url) => inRegistry(url, HELM_CONTENT, archive), look: (url) => chart(asRegistry(url)) }
const REPOSITORY: Source = {
  good: async (url, method, body) => {
    const headers = { 'content-type': 'application/x-git-upload-pack-request' }
    const asked = method === 'GET' ? {} : { method, headers, body: new Uint8Array(body) }
    return Buffer.from(await (await fetch(`${gitServer.url}${url}`, asked)).arrayBuffer())
  },
  look: (url) => lookAt(git, { kind: 'GitRepository', url: `${url}/app.git`, options: { ref: { branch: 'main' } } }, over),
  refused: 'AuthenticationFailed',
  failed: 'GitOperationFailed',
}

/** What is asked for, and at which request for it the server misbehaves. */
const STAGES: readonly (readonly [string, Source, (url: string, method: string) => boolean])[] = [
  ['the tag of an artifact', ARTIFACT, (url) => url.endsWith('/manifests/latest')],
  ['the manifest of an artifact', ARTIFACT, (url) => url.includes('/manifests/sha256:')],
  ['the layer of an artifact', ARTIFACT, (url) => url.includes('/blobs/')],
  ['the token for an artifact', { ...ARTIFACT, token: true }, (url) => url.startsWith('/token')],
  ['an index', INDEX, () => true],
  ['the archive of a chart', CHART, (url) => url.endsWith('.tgz')],
  ['the manifest of a chart in a registry', REGISTRY_CHART, (url) => url.includes('/manifests/')],
  ['the layer of a chart in a registry', REGISTRY_CHART, (url) => url.includes('/blobs/')],
  ['the refs of a repository', REPOSITORY, (_, method) => method === 'GET'],
  ['the objects of a repository', REPOSITORY, (_, method) => method === 'POST'],
]

describe.each(STAGES)('%s', (_, source, isBad) => {
  const bad = (answer: (response: ServerResponse, content: Buffer) => unknown): Promise<RawServer> =>
    openRawServer(async ({ request, response, url }) => {
      const method = request.method ?? 'GET'
      const isToken = url.startsWith('/token')
      if (source.token && !isToken && request.headers.authorization !== 'Bearer tok')
        return response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token"` }).end()
      const content = isToken ? Buffer.from('{"token":"tok"}') : await source.good(url, method, await buffer(request))
      if (isBad(url, method)) return answer(response, content)
      return response.writeHead(200, url.includes('/manifests/') ? { 'docker-content-digest': sha256(content) } : {}).end(content)
    })
  const expectProblem = async (server: RawServer, problem: { readonly reason: unknown; readonly message: unknown }) => {
    const startedAt = performance.now()
    const [found, other] = await Promise.all([source.look(server.url), anotherIndex()])
    expect(found).toMatchObject({ kind: 'problem', problem })
    expect(performance.now() - startedAt).toBeLessThan(LIMIT_MS + 3000)
    expect(other).toMatchObject({ revision: expect.stringMatching(/^sha256:/) })
    expect(await readdir(join(dir.path, 'oci')).catch(() => [])).toEqual([])
    return found
  }

  test.each([401, 403, 429, 500, 503])('answered with HTTP %d', async (status) => {
    await using server = await bad((response) => response.writeHead(status, { 'retry-after': '60' }).end('no'))
    const isRefused = status === 401 || status === 403
    const problem = { reason: isRefused ? source.refused : source.failed, message: expect.stringContaining(`HTTP ${status}`) }
    const found = await expectProblem(server, problem)
    if (!isRefused) expect(found).toMatchObject({ retryAfterMs: 60_000 })
  })

  test('of which half comes', async () => {
    await using server = await bad((response, content) => {
      response.writeHead(200, { 'content-length': content.length + 100, 'docker-content-digest': sha256(content) })
      response.write(content.subarray(0, content.length >> 1), () => response.destroy())
    })
    await expectProblem(server, { reason: source.failed, message: expect.stringMatching(/^http.*: other side closed$/) })
  })

  test('that never ends', async () => {
    const chunk = Buffer.alloc(1 << 20, '0')
    await using server = await bad((response) => {
      // What has no body cannot be endless.
      if (response.req.method === 'HEAD') return response.writeHead(404).end()
      const pour = () => {
        while (!response.destroyed && response.write(chunk));
      }
      response.on('drain', pour)
      return pour()
    })
    await expectProblem(server, { reason: expect.any(String), message: expect.stringMatching(/more than \d+ bytes|no answer|hexadecimal/) })
  })

  test('that comes drop by drop', async () => {
    const timers: NodeJS.Timeout[] = []
    await using server = await bad((response, content) => {
      response.writeHead(200, { 'content-length': content.length + 1_000_000, 'docker-content-digest': sha256(content) })
      const drops = content.values()
      timers.push(setInterval(() => response.write(Uint8Array.of(drops.next().value ?? 0)), 50))
    })
    await expectProblem(server, { reason: source.failed, message: expect.stringMatching(/: no answer (within 1500 ms|in time)$/) })
    for (const timer of timers) clearInterval(timer)
  })
})

/** A source that nothing is wrong with. */
async function anotherIndex(): Promise<unknown> {
  await using server = await openRawServer(async ({ response, url }) => response.end(await INDEX.good(url, 'GET', Buffer.alloc(0))))
  return await INDEX.look(server.url)
}

function asRegistry(url: string): string {
  return `oci://${new URL(url).host}`
}

function inRegistry(url: string, mediaType: string, layer: Buffer): Buffer {
  const descriptor = { mediaType, digest: sha256(layer), size: layer.length }
  return url.includes('/blobs/') ? layer : Buffer.from(JSON.stringify({ schemaVersion: 2, config: descriptor, layers: [descriptor] }))
}
