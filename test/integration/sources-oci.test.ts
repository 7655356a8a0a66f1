import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openAuthority } from '../../hub/clusters/io/authority.ts'
import { createOciFetcher } from '../../hub/sources/io/oci/fetcher.ts'
import type { OciOptions } from '../../hub/sources/model.ts'
import { sha256 } from '../../proto/base/hash.ts'
import { Secret } from '../../proto/base/secret.ts'
import { LAYER_DIGEST } from '../../proto/model/names.ts'
import { FLUX_CONTENT, HTPASSWD, openTestRegistry, type TestRegistry } from '../support/oci-registry.ts'
import { openRawServer } from '../support/raw-server.ts'
import { type Look, lookAt, texts } from '../support/source-looks.ts'
import { tarGz } from '../support/tar.ts'
import { openTempDir } from '../support/temp-dir.ts'

const CANARY = 'canary-7f3a91'
const dir = openTempDir('sources-oci')
const folder = join(dir.path, 'oci')
const budget = { maxLayerBytes: 4 << 20, maxFiles: 2000, maxFileBytes: 1 << 20, maxTreeBytes: 4 << 20 }
const fetcher = createOciFetcher({ folder, budget })
let open: TestRegistry
let closed: TestRegistry
let repositories = 0
let name: string

beforeAll(async () => {
  open = await openTestRegistry()
  closed = await openTestRegistry({ htpasswd: HTPASSWD })
})
afterAll(async () => {
  await open[Symbol.asyncDispose]()
  await closed[Symbol.asyncDispose]()
  await dir[Symbol.asyncDispose]()
})
beforeEach(() => {
  name = `team/app-${++repositories}`
})

const look = (options: Partial<OciOptions> = {}, over: Look & { readonly at?: string } = {}) =>
  lookAt(
    fetcher,
    { kind: 'OCIRepository', url: over.at ?? `oci://${open.host}/${name}`, options: { ref: {}, insecure: true, ...options } },
    over,
  )
const problem = (reason: string, message: string) => ({ kind: 'problem', problem: { reason, message: expect.stringContaining(message) } })
const content = async (files: Readonly<Record<string, string>>) => ({ mediaType: FLUX_CONTENT, bytes: await tarGz(files) })

describe('what is fetched', () => {
  test('a tag comes with its files and annotations, and only its digest is asked for while nothing moves', async () => {
    const annotations = { 'org.opencontainers.image.revision': 'main@sha1:abc', 'org.opencontainers.image.source': 'https://git.example/a' }
    const digest = await open.push(name, 'latest', {
      layers: [await content({ './a.yaml': 'a', 'd/b.yaml': 'b', 'x.png': 'p' })],
      annotations,
    })
    const found = await look()
    expect(found).toMatchObject({ revision: `latest@${digest}`, metadata: annotations })
    expect(texts(found)).toEqual({ 'a.yaml': 'a', 'd/b.yaml': 'b' })
    const before = (await open.requests()).length
    expect(await look({}, { known: `latest@${digest}` })).toEqual({ kind: 'unchanged' })
    expect((await open.requests()).slice(before)).toEqual([`HEAD /v2/${name}/manifests/latest`])
    expect(await readdir(folder)).toEqual([])
  })

  test('tags, ranges and digests are resolved as in Flux', async () => {
    const digests: Record<string, string> = {}
    for (const tag of ['1.0.0', '1.1.0', '1.2.0-rc.1', '2.0.0', 'v1.0.5', '1.1.1-arm'])
      digests[tag] = await open.push(name, tag, { layers: [await content({ v: tag })] })
    const at = async (ref: OciOptions['ref']) => {
      const found = await look({ ref })
      return 'revision' in found ? [found.revision, texts(found).v] : found
    }
    expect(await at({ tag: '1.0.0' })).toEqual([`1.0.0@${digests['1.0.0']}`, '1.0.0'])
    expect(await at({ semver: '1.x', tag: '2.0.0' })).toEqual([`1.1.0@${digests['1.1.0']}`, '1.1.0'])
    expect(await at({ semver: '>=1.0.0-0 <2.0.0-0', semverFilter: '-rc' })).toEqual([`1.2.0-rc.1@${digests['1.2.0-rc.1']}`, '1.2.0-rc.1'])
    expect(await at({ digest: digests['2.0.0'], semver: '1.x' })).toEqual([digests['2.0.0'], '2.0.0'])
    expect(await at({ semver: '>=3' })).toMatchObject(problem('ReadOperationFailed', 'no match found for semver: >=3'))
    expect(await at({ semver: 'nonsense' })).toMatchObject({ problem: { reason: 'ReadOperationFailed', stalled: true } })
  })

  test('a layer is chosen by its media type, and copied as it is where that is asked for', async () => {
    const chart = { mediaType: 'application/x-chart', bytes: await tarGz({ 'app/Chart.yaml': 'name: app' }) }
    const digest = await open.push(name, 'latest', { layers: [await content({ first: '1' }), chart] })
    expect(texts(await look({ mediaType: chart.mediaType }))).toEqual({ 'app/Chart.yaml': 'name: app' })
    expect(await look({ mediaType: chart.mediaType, copy: true })).toMatchObject({
      files: { [`${digest}.tgz`]: chart.bytes },
      metadata: { [LAYER_DIGEST]: sha256(chart.bytes) },
    })
    expect(await look({ mediaType: 'application/none' })).toMatchObject(
      problem('OCIArtifactLayerOperationFailed', "failed to find layer with media type 'application/none' in artifact"),
    )
  })

  test('ignore rules of the tree and of the object hold', async () => {
    await open.push(name, 'latest', {
      layers: [await content({ 'a.yaml': 'a', 'b.md': 'b', 'd/c.txt': 'c', 'd/.sourceignore': '*.txt\n' })],
    })
    expect(texts(await look())).toEqual({ 'a.yaml': 'a', 'b.md': 'b', 'd/.sourceignore': '*.txt\n' })
    expect(texts(await look({ ignore: '*.md\n/d' }))).toEqual({ 'a.yaml': 'a' })
  })

  test('many large files come without being held in memory, each once', async () => {
    const files = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`f${i}`, `${i % 50} `.repeat(10_000)]))
    await open.push(name, 'latest', { layers: [await content(files)] })
    expect(texts(await look())).toEqual(files)
  })
})

describe('who is let in', () => {
  const at = () => `oci://${closed.host}/${name}`
  const docker = (password: string, host = closed.host) =>
    new Secret(JSON.stringify({ auths: { [host]: { auth: Buffer.from(`bob:${password}`).toString('base64') } } }))

  test('a registry with basic auth gets the login of the docker config, and no other', async () => {
    await closed.push(name, 'latest', { layers: [await content({ v: '1' })] })
    expect(texts(await look({}, { at: at(), credential: { docker: docker('right') } }))).toEqual({ v: '1' })
    expect(await look({}, { at: at() })).toMatchObject(problem('OCIArtifactPullFailed', 'HTTP 401'))
    expect(await look({}, { at: at(), credential: { docker: docker('right', 'ghcr.io') } })).toMatchObject(
      problem('OCIArtifactPullFailed', 'HTTP 401'),
    )
    const wrong = await look({}, { at: at(), credential: { docker: docker(CANARY) } })
    expect(wrong).toMatchObject(problem('OCIArtifactPullFailed', 'HTTP 401'))
    expect(JSON.stringify(wrong)).not.toContain(CANARY)
  })

  test('a token is fetched from the realm that the registry names; blobs elsewhere are fetched without it', async () => {
    const blob = await tarGz({ v: '1' })
    await using store = await openRawServer(({ response }) => response.end(blob))
    await using tokens = await openRawServer(({ request, response }) => {
      const right = request.headers.authorization === `Basic ${Buffer.from(`bob:${CANARY}`).toString('base64')}`
      response.writeHead(right ? 200 : 401).end(JSON.stringify({ token: 'tok' }))
    })
    await using registry = await openRawServer(({ request, response, url }) => {
      if (request.headers.authorization !== 'Bearer tok')
        return response.writeHead(401, { 'www-authenticate': `Bearer realm="${tokens.url}/token",service="s",scope="x"` }).end()
      if (url.includes('/blobs/')) return response.writeHead(307, { location: `${store.url}/b` }).end()
      return response.writeHead(200, { 'docker-content-digest': manifest.digest }).end(url.includes('/manifests/') ? manifest.text : '')
    })
    const manifest = manifestOf(blob)
    const host = new URL(registry.url).host
    const credential = { docker: docker(CANARY, host) }
    const found = await look({}, { at: `oci://${host}/${name}`, credential })
    expect(texts(found)).toEqual({ v: '1' })
    expect(tokens.seen.map(({ url }) => url)).toEqual([`/token?service=s&scope=${encodeURIComponent(`repository:${name}:pull`)}`])
    expect(store.seen.map(({ headers }) => headers.authorization)).toEqual([undefined])
    const beyond = await look({}, { at: `oci://${host}/${name}`, credential, hosts: [host] })
    expect(beyond).toMatchObject(problem('AccessDenied', 'is not among the hosts'))
  })

  test('a server whose certificate comes from a CA that is not given, and one that is', async () => {
    const now = new Date()
    const authority = await openAuthority((make) => make(), now)
    const { certificate: cert, privateKey: key } = authority.issueServer(['127.0.0.1'], now)
    await using secure = await openTestRegistry({ tls: { key, cert } })
    await secure.push(name, 'latest', { layers: [await content({ v: '1' })] })
    const url = `oci://${secure.host}/${name}`
    const options = { kind: 'OCIRepository', url, options: { ref: {} } } as const
    expect(await lookAt(fetcher, options)).toMatchObject(problem('OCIArtifactPullFailed', 'certificate'))
    expect(texts(await lookAt(fetcher, options, { credential: { ca: authority.certificate } }))).toEqual({ v: '1' })
  })
})

describe('signatures', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString()
  const signed = async (digest: string, key = privateKey, tag = digest) => {
    const payload = Buffer.from(
      JSON.stringify({
        critical: { identity: {}, image: { 'docker-manifest-digest': digest }, type: 'cosign container image signature' },
        optional: null,
      }),
    )
    const annotations = { 'dev.cosignproject.cosign/signature': sign('sha256', payload, key).toString('base64') }
    const layer = { mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json', bytes: payload, annotations }
    await open.push(name, `${tag.replace(':', '-')}.sig`, { layers: [layer] })
  }
  const verified = (...signers: readonly string[]) => look({ signed: true }, { credential: { signers } })

  test('an artifact is taken only when one of the keys has signed it', async () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const digest = await open.push(name, 'latest', { layers: [await content({ v: '1' })] })
    const missing = problem(
      'VerificationError',
      "failed to verify the signature using provider 'cosign': no matching signatures were found",
    )
    expect(await verified(pem(publicKey))).toMatchObject(missing)
    await signed(digest)
    expect(texts(await verified(pem(other.publicKey), pem(publicKey)))).toEqual({ v: '1' })
    expect(await verified(pem(other.publicKey))).toMatchObject(missing)
    await signed(digest, other.privateKey)
    expect(await verified(pem(publicKey))).toMatchObject(missing)
    expect(await verified()).toMatchObject(problem('VerificationError', 'has no public key'))
    expect(await verified('junk')).toMatchObject(problem('VerificationError', 'cannot be read'))
  })

  test('a signature of another artifact is none', async () => {
    const digest = await open.push(name, 'latest', { layers: [await content({ v: '1' })] })
    await signed(`sha256:${'0'.repeat(64)}`, privateKey, digest)
    expect(await verified(pem(publicKey))).toMatchObject(problem('VerificationError', 'no matching signatures'))
  })
})

describe('what is refused', () => {
  test('artifacts that are not there, and addresses that nobody allowed', async () => {
    expect(await look()).toMatchObject(problem('OCIArtifactPullFailed', 'not found (HTTP 404)'))
    expect(await look({}, { allow: [] })).toMatchObject({ problem: { reason: 'URLInvalid', stalled: true } })
    expect(await look({}, { at: 'oci://127.0.0.1' })).toMatchObject({ problem: { reason: 'URLInvalid' } })
  })

  test.each([
    ['a path that leads out', [{ name: '../up', content: 'x' }], 'which no file may have'],
    ['an absolute path', [{ name: '/etc/passwd', content: 'x' }], 'which no file may have'],
    [
      'a hard link',
      [
        { name: 'a', content: 'x' },
        { name: 'b', type: 'link' as const, linkname: 'a' },
      ],
      'which is not allowed',
    ],
    ['a device', [{ name: 'dev', type: 'character-device' as const }], 'which is not allowed'],
    ['a header without end', [{ name: 'a', pax: { comment: 'x'.repeat(2 << 20) }, content: 'x' }], 'a header of more than a megabyte'],
    ['a large file', [{ name: 'big', content: 'x'.repeat(2 << 20) }], 'big has 2097152 bytes'],
    ['many files', Array.from({ length: 2100 }, (_, i) => ({ name: `f${i}`, content: '' })), 'more than 2000 files'],
    ['much content', Array.from({ length: 9 }, (_, i) => ({ name: `f${i}`, content: '0'.repeat(1 << 20) })), 'unpacks to more than'],
  ])('%s in an archive', async (_, entries, message) => {
    await open.push(name, 'latest', { layers: [{ mediaType: FLUX_CONTENT, bytes: await tarGz(entries) }] })
    expect(await look()).toMatchObject(problem('OCIArtifactLayerOperationFailed', message))
    expect(await readdir(folder)).toEqual([])
  })

  test('links are left out, as Flux does', async () => {
    const bytes = await tarGz([
      { name: 'a', content: 'x' },
      { name: 'l', type: 'symlink', linkname: '/etc/passwd' },
    ])
    await open.push(name, 'latest', { layers: [{ mediaType: FLUX_CONTENT, bytes }] })
    expect(texts(await look())).toEqual({ a: 'x' })
  })

  test('a layer that is no archive', async () => {
    await open.push(name, 'latest', { layers: [{ mediaType: FLUX_CONTENT, bytes: Buffer.from('plain') }] })
    expect(await look()).toMatchObject(problem('OCIArtifactLayerOperationFailed', 'not compressed with gzip'))
  })

  test.each([
    ['401', { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } }, 'HTTP 401', undefined],
    ['429', { status: 429, headers: { 'retry-after': '120' } }, 'HTTP 429', 120_000],
    ['500', { status: 500, headers: {} }, 'HTTP 500', undefined],
    ['503', { status: 503, headers: { 'retry-after': '7' } }, 'HTTP 503', 7000],
  ])('a registry that answers %s', async (_, { headers, status }, message, retryAfterMs) => {
    await using registry = await openRawServer(({ response }) => response.writeHead(status, headers).end())
    const found = await look({}, { at: `oci://${new URL(registry.url).host}/${name}` })
    expect(found).toMatchObject({ ...problem('OCIArtifactPullFailed', message), retryAfterMs })
  })

  test.each(['half', 'other', 'endless'])('a registry that sends %s content', async (how) => {
    const blob = await tarGz({ v: '1' })
    const manifest = manifestOf(blob)
    await using registry = await openRawServer(({ response, url }) => {
      if (!url.includes('/blobs/')) return response.writeHead(200, { 'docker-content-digest': manifest.digest }).end(manifest.text)
      if (how === 'other') return response.end(Buffer.alloc(blob.length))
      response.writeHead(200, how === 'half' ? { 'content-length': blob.length } : {}).write(blob.subarray(0, 20))
      if (how === 'half') return response.destroy()
      return response.write(Buffer.alloc(1 << 20))
    })
    const found = await look({}, { at: `oci://${new URL(registry.url).host}/${name}`, timeoutMs: 5000 })
    expect(found).toMatchObject({ kind: 'problem', problem: { reason: expect.stringMatching(/^OCIArtifact/) } })
    expect(await readdir(folder)).toEqual([])
  })

  test('a registry that does not answer in time', async () => {
    await using registry = await openRawServer(() => undefined)
    const found = await look({}, { at: `oci://${new URL(registry.url).host}/${name}`, timeoutMs: 300 })
    expect(found).toMatchObject(problem('OCIArtifactPullFailed', 'no answer within 300 ms'))
  })
})

function manifestOf(blob: Buffer): { readonly text: string; readonly digest: string } {
  const descriptor = { mediaType: FLUX_CONTENT, digest: sha256(blob), size: blob.length }
  const text = JSON.stringify({ schemaVersion: 2, config: descriptor, layers: [descriptor] })
  return { text, digest: sha256(text) }
}
