import { generateKeyPairSync, sign } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type GitServer, openGitServer } from '../../deploy/local/git-server.ts'
import type { SourceCredential } from '../../hub/sources/credential.ts'
import { BucketFetcher } from '../../hub/sources/io/bucket/fetcher.ts'
import { GitFetcher } from '../../hub/sources/io/git/fetcher.ts'
import { createChartFetcher } from '../../hub/sources/io/helm/chart-fetcher.ts'
import { metadataIn, readChart } from '../../hub/sources/io/helm/chart-files.ts'
import { IndexCache } from '../../hub/sources/io/helm/index-cache.ts'
import { createIndexFetcher } from '../../hub/sources/io/helm/index-fetcher.ts'
import type { ChartOptions } from '../../hub/sources/model.ts'
import type { StoredTree } from '../../hub/sources/ports.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { sha256 } from '../../proto/base/hash.ts'
import { silentLog } from '../../proto/base/log.ts'
import { Secret } from '../../proto/base/secret.ts'
import { createRepository, type TestRepository } from '../support/git-repository.ts'
import { type HelmServer, openHelmServer } from '../support/helm-repository.ts'
import { HELM_CONFIG, HELM_CONTENT, openTestRegistry, type TestRegistry } from '../support/oci-registry.ts'
import { openRawServer } from '../support/raw-server.ts'
import { type Look, lookAt, type Seen } from '../support/source-looks.ts'
import { chartArchive, tarGz } from '../support/tar.ts'
import { openTempDir } from '../support/temp-dir.ts'

const CANARY = 'canary-7f3a91'
const BASIC = { basic: { username: 'bob', password: new Secret(CANARY) } }
const SHOWN = `Basic ${Buffer.from(`bob:${CANARY}`).toString('base64')}`
const dir = openTempDir('sources-helm')
const bucket = new BucketFetcher({ folder: join(dir.path, 'bucket') })
let git: GitFetcher
let gitServer: GitServer
let registry: TestRegistry
let helm: HelmServer
let indexes: IndexCache
let repositories = 0
const keys = new Map<string, SourceCredential>()
const trees = new Map<string, StoredTree>()

beforeAll(async () => {
  gitServer = await openGitServer({ dir: dir.path, log: silentLog })
  git = new GitFetcher({ folder: join(dir.path, 'cache') })
  registry = await openTestRegistry()
})
afterAll(async () => {
  await git[Symbol.asyncDispose]()
  await gitServer[Symbol.asyncDispose]()
  await registry[Symbol.asyncDispose]()
  await dir[Symbol.asyncDispose]()
})
beforeEach(async () => {
  helm = await openHelmServer()
  indexes = new IndexCache({ clock: systemClock })
  return () => helm[Symbol.asyncDispose]()
})

const index = (over: Look & { readonly url?: string; readonly passCredentials?: true } = {}) =>
  lookAt(
    createIndexFetcher({ indexes }),
    {
      kind: 'HelmRepository',
      url: over.url ?? helm.url,
      options: over.passCredentials ? { passCredentials: true } : {},
    },
    over,
  )
const chart = (options: Partial<ChartOptions> = {}, over: Look & { readonly url?: string } = {}) =>
  lookAt(
    createChartFetcher({ indexes, git, bucket, stored: async (artifact) => trees.get(artifact), credential: async (id) => keys.get(id) }),
    {
      kind: 'HelmChart',
      url: over.url ?? helm.url,
      options: { chart: 'app', version: '*', ...options },
    },
    over,
  )
const problem = (reason: string, message: string) => ({ kind: 'problem', problem: { reason, message: expect.stringContaining(message) } })
const only = (found: unknown): [string, Buffer] => {
  const [file] = Object.entries((found as Seen).files ?? {})
  return file ?? expect.fail(JSON.stringify(found))
}
const unpacked = async (found: unknown) => {
  const { files } = await readChart(
    only(found)[1],
    { maxChartBytes: 1e7, maxFileBytes: 1e7, maxFiles: 1e4, maxUnpackedBytes: 1e8 },
    AbortSignal.timeout(5000),
  )
  return { files: Object.fromEntries([...files].map(([path, bytes]) => [path, bytes.toString()])), metadata: metadataIn(files) }
}
const asked = () => helm.seen.map(({ url }) => url)

describe('an index', () => {
  test('is fetched as it is, and not again while it does not change', async () => {
    await helm.add('app', '1.0.0')
    const found = await index()
    const [path, bytes] = only(found)
    expect([path, (found as Seen).revision]).toEqual(['index.yaml', sha256(bytes)])
    expect(await index({ known: sha256(bytes) })).toEqual({ kind: 'unchanged' })
    expect(helm.seen.at(-1)?.headers['if-none-match']).toBeDefined()
    await helm.add('app', '1.1.0')
    expect(await index({ known: sha256(bytes) })).toMatchObject({ revision: expect.stringMatching(/^sha256:/) })
  })

  test('behind basic auth, whose secret goes nowhere else', async () => {
    await helm.add('app', '1.0.0')
    helm.authorization = SHOWN
    expect(await index()).toMatchObject(problem('Failed', 'HTTP 401'))
    expect(await index({ credential: BASIC })).toMatchObject({ revision: expect.any(String) })
    await using elsewhere = await openRawServer(({ response, url }) => response.writeHead(302, { location: `${helm.url}${url}` }).end())
    expect(await index({ url: elsewhere.url, credential: BASIC })).toMatchObject(problem('Failed', 'HTTP 401'))
    expect(elsewhere.seen[0]?.headers.authorization).toBe(SHOWN)
    expect(await index({ url: elsewhere.url, credential: BASIC, passCredentials: true })).toMatchObject({ revision: expect.any(String) })
  })

  test.each([
    ['no index', 'hello: world\n', 'no API version specified'],
    ['no entries', 'apiVersion: v1\n', 'it has no entries'],
  ])('that is %s', async (_, text, message) => {
    helm.index = Buffer.from(text)
    expect(await index()).toMatchObject(problem('IndexationFailed', message))
  })

  test('of 60 MiB is refused before it is read, announced or not', async () => {
    helm.index = Buffer.alloc(60 << 20, '#')
    expect(await index()).toMatchObject(problem('IndexationFailed', 'the index has 62914560 bytes, 52428800 are allowed'))
    const chunk = Buffer.alloc(1 << 20, '#')
    await using endless = await openRawServer(({ response }) => {
      const pour = () => {
        while (response.write(chunk));
      }
      response.on('drain', pour)
      pour()
    })
    expect(await index({ url: endless.url })).toMatchObject(problem('IndexationFailed', 'the index has more than 52428800 bytes'))
  })
})

describe('a chart of a repository', () => {
  test('comes in the newest version of its range, as it is, and is not downloaded while that stays', async () => {
    for (const version of ['1.0.0', '1.2.0', '1.10.0', '2.0.0', '3.0.0-beta.1']) await helm.add('app', version)
    const found = await chart({ version: '1.x' })
    expect(found).toMatchObject({ revision: '1.10.0', metadata: { chart: 'app', source: expect.stringMatching(/^sha256:/) } })
    expect(only(found)).toEqual(['app-1.10.0.tgz', await chartArchive('app', '1.10.0')])
    expect(await chart()).toMatchObject({ revision: '2.0.0' })
    expect(await chart({ version: '>=1.0.0-0' })).toMatchObject({ revision: '3.0.0-beta.1' })
    expect(await chart({ version: '1.0.0' })).toMatchObject({ revision: '1.0.0' })
    const before = asked().length
    expect(await chart({ version: '1.x' }, { known: '1.10.0' })).toEqual({ kind: 'unchanged' })
    expect(
      asked()
        .slice(before)
        .filter((url) => url.endsWith('.tgz')),
    ).toEqual([])
  })

  test('shares the index with other charts of its repository', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, i) => helm.add(`app-${i}`, '1.0.0')))
    helm.validators = false
    const found = await Promise.all(Array.from({ length: 20 }, (_, i) => chart({ chart: `app-${i}` })))
    expect(found.every((one) => 'revision' in one && one.revision === '1.0.0')).toBe(true)
    expect(asked().filter((url) => url === '/index.yaml')).toHaveLength(1)
  })

  test('is downloaded once for all ranges that come to its version', async () => {
    await helm.add('app', '1.2.0')
    const charts = createChartFetcher({
      indexes,
      git,
      bucket,
      stored: async (artifact) => trees.get(artifact),
      credential: async (id) => keys.get(id),
    })
    const at = (version: string, over: Look = {}) =>
      lookAt(charts, { kind: 'HelmChart', url: helm.url, options: { chart: 'app', version } }, over)
    const found = await Promise.all(['1.x', '>=1', '~1.2', '*', '1.2.0'].map((version) => at(version)))
    expect(found.every((one) => 'revision' in one && one.revision === '1.2.0')).toBe(true)
    const downloads = () => asked().filter((url) => url.endsWith('.tgz')).length
    expect(downloads()).toBe(1)
    await at('1.x', { credential: BASIC })
    expect(downloads()).toBe(2)
  })

  test('in an index of 40 MiB is found', async () => {
    const entry = (name: string) =>
      `  ${name}:\n${Array.from({ length: 100 }, (_, i) => `  - apiVersion: v2\n    name: ${name}\n    description: ${'x'.repeat(400)}\n    version: 1.${i}.0\n    urls:\n    - charts/app-1.99.0.tgz\n`).join('')}`
    await helm.add('app', '1.99.0')
    helm.index = Buffer.from(
      `apiVersion: v1\nentries:\n${Array.from({ length: 800 }, (_, i) => entry(i === 400 ? 'app' : `c${i}`)).join('')}`,
    )
    expect(helm.index.length).toBeGreaterThan(36 << 20)
    expect(await chart()).toMatchObject({ revision: '1.99.0' })
  })

  test('with values files is packed anew, and its version says so', async () => {
    await helm.add('app', '1.0.0', {
      'values.yaml': 'a: 1\nb: {c: 1, d: [1]}\n',
      'prod.yaml': 'b: {c: 2, d: [2]}\n',
      'templates/x.yaml': 'x',
    })
    const options = { valuesFiles: ['values.yaml', 'prod.yaml'], generation: 3 }
    const found = await chart(options)
    expect(found).toMatchObject({ revision: '1.0.0+3', metadata: { packaged: 'true', valuesFiles: '["values.yaml","prod.yaml"]' } })
    const { files, metadata } = await unpacked(found)
    expect(metadata).toMatchObject({ name: 'app', version: '1.0.0+3' })
    expect(files).toMatchObject({ 'values.yaml': 'a: 1\nb:\n  c: 2\n  d:\n    - 2\n', 'templates/x.yaml': 'x' })
    expect(only(await chart(options))[1]).toEqual(only(found)[1])
    expect(await chart(options, { known: '1.0.0+3' })).toEqual({ kind: 'unchanged' })
    expect(await chart({ valuesFiles: ['none.yaml'], generation: 1 })).toMatchObject(
      problem('ValuesFilesError', "no values file found at path 'none.yaml'"),
    )
    expect(await chart({ valuesFiles: ['none.yaml', 'prod.yaml'], ignoreMissingValuesFiles: true, generation: 1 })).toMatchObject({
      revision: '1.0.0+1',
    })
  })

  test('elsewhere is fetched without the credential, unless that is passed on', async () => {
    const archive = await chartArchive('app', '1.0.0')
    await using elsewhere = await openRawServer(({ response }) => response.end(archive))
    await helm.add('app', '1.0.0', {}, { urls: [`${elsewhere.url}/app.tgz`] })
    helm.authorization = SHOWN
    expect(await chart({}, { credential: BASIC })).toMatchObject({ revision: '1.0.0' })
    expect(await chart({ passCredentials: true }, { credential: BASIC })).toMatchObject({ revision: '1.0.0' })
    expect(elsewhere.seen.map(({ headers }) => headers.authorization)).toEqual([undefined, SHOWN])
  })

  test('that is not there, in no version that fits, or not where the index says', async () => {
    await helm.add('app', '1.0.0')
    expect(await chart({ chart: 'none' })).toMatchObject(problem('InvalidChartReference', 'no chart name found'))
    expect(await chart({ version: '>=2' })).toMatchObject(
      problem('InvalidChartReference', "no 'app' chart with version matching '>=2' found"),
    )
    expect(await chart({ version: 'x y z' })).toMatchObject({ problem: { reason: 'InvalidChartReference', stalled: true } })
    await helm.add('lost', '1.0.0', {}, { urls: ['charts/lost-9.tgz'] })
    expect(await chart({ chart: 'lost' })).toMatchObject(problem('ChartPullError', 'HTTP 404'))
  })

  test('whose archive is not the one that the index means', async () => {
    await helm.add('app', '1.0.0', {}, { digest: '0'.repeat(64) })
    expect(await chart()).toMatchObject(problem('ChartPullError', `the index says ${'0'.repeat(64)}`))
    await helm.add('other', '1.0.0')
    await helm.add('two', '1.0.0', {}, { urls: ['charts/other-1.0.0.tgz'], digest: undefined })
    expect(await chart({ chart: 'two' })).toMatchObject(
      problem('ChartPackageError', "the archive is of 'other' 1.0.0, 'two' 1.0.0 was asked for"),
    )
  })

  const yaml = { name: 'app/Chart.yaml', content: 'apiVersion: v2\nname: app\nversion: 1.0.0\n' }
  test.each([
    ['a path that leads out', [yaml, { name: 'app/../../up', content: 'x' }], 'which no file may have'],
    ['a symbolic link', [yaml, { name: 'app/l', type: 'symlink' as const, linkname: '/etc/passwd' }], 'symbolic link'],
    ['a file beside the chart', [yaml, { name: 'beside', content: 'x' }], 'outside its base directory'],
    ['no Chart.yaml', [{ name: 'app/values.yaml', content: '' }], 'Chart.yaml file is missing'],
    ['a Chart.yaml without version', [{ name: 'app/Chart.yaml', content: 'apiVersion: v2\nname: app\n' }], 'version'],
    ['a file of 6 MiB', [yaml, { name: 'app/big', content: '0'.repeat(6 << 20) }], 'app/big has 6291456 bytes'],
    [
      '200 MiB in few bytes',
      [yaml, ...Array.from({ length: 50 }, (_, i) => ({ name: `app/${i}`, content: '0'.repeat(4 << 20) }))],
      'unpacks to more than',
    ],
  ])('with %s', async (_, entries, message) => {
    const bytes = await tarGz(entries)
    await using server = await openRawServer(({ response, url }) =>
      response.end(url.endsWith('.yaml') ? 'apiVersion: v1\nentries:\n  app:\n  - version: 1.0.0\n    urls: [a.tgz]\n' : bytes),
    )
    const found = await chart({}, { url: server.url })
    expect(found).toMatchObject({
      kind: 'problem',
      problem: { reason: expect.stringMatching(/^Chart(Package|Pull)Error$/), message: expect.stringContaining(message) },
    })
  })

  test.each([
    ['401', 401, {}, undefined],
    ['429', 429, { 'retry-after': '60' }, 60_000],
    ['500', 500, {}, undefined],
  ])('whose repository answers %s', async (_, status, headers, retryAfterMs) => {
    await using server = await openRawServer(({ response }) => response.writeHead(status, headers).end())
    expect(await index({ url: server.url })).toMatchObject({ ...problem('Failed', `HTTP ${status}`), retryAfterMs })
    expect(await chart({}, { url: server.url })).toMatchObject({ ...problem('ChartPullError', `HTTP ${status}`), retryAfterMs })
  })

  test('of which half is sent', async () => {
    const archive = await chartArchive('app', '1.0.0')
    await using server = await openRawServer(({ response, url }) => {
      if (url.endsWith('.yaml')) return response.end('apiVersion: v1\nentries:\n  app:\n  - version: 1.0.0\n    urls: [a.tgz]\n')
      response.writeHead(200, { 'content-length': archive.length }).write(archive.subarray(0, 30))
      return setImmediate(() => response.destroy())
    })
    expect(await chart({}, { url: server.url })).toMatchObject(problem('ChartPullError', 'a.tgz'))
  })
})

describe('a chart of a suspended repository', () => {
  const keep = (artifact: string, files: Readonly<Record<string, Buffer>>) => {
    const stored = Object.entries(files).map(([path, bytes]) => ({
      path,
      mode: '100644' as const,
      size: bytes.length,
      sha256: sha256(bytes),
      bytes,
    }))
    trees.set(artifact, {
      files: stored.map(({ bytes: _, ...file }) => file),
      async *blobs(digests) {
        yield stored.filter(({ sha256: digest }) => digests.includes(digest)).map(({ bytes, sha256: digest }) => ({ digest, bytes }))
      },
    })
    return artifact
  }

  test('is looked for in the index that it had, and downloaded', async () => {
    for (const version of ['1.0.0', '1.1.0']) await helm.add('app', version)
    const [, bytes] = only(await index())
    const frozen = { revision: sha256(bytes), artifact: keep('index', { 'index.yaml': bytes }) }
    await helm.add('app', '1.2.0')
    const before = asked().length
    const found = await chart({ version: '1.x', frozen })
    expect(found).toMatchObject({ revision: '1.1.0', metadata: { source: frozen.revision } })
    expect(await chart({ version: '1.2.0', frozen })).toMatchObject(
      problem('InvalidChartReference', "no 'app' chart with version matching '1.2.0' found"),
    )
    expect(asked().slice(before)).toEqual(['/charts/app-1.1.0.tgz'])
    expect(await chart({ version: '1.2.0' })).toMatchObject({ revision: '1.2.0' })
  })

  test('that it has already stays, whatever becomes of the server', async () => {
    const frozen = { revision: 'sha256:x', artifact: 'gone' }
    expect(await chart({ frozen }, { known: '1.0.0', url: 'http://127.0.0.1:1' })).toEqual({ kind: 'unchanged' })
    expect(await chart({ frozen })).toMatchObject(problem('ChartPullError', 'is not stored any more; resume it'))
  })

  test('in a bucket is packed from the objects that it had', async () => {
    const artifact = keep('objects', { 'web/Chart.yaml': Buffer.from('apiVersion: v2\nname: web\nversion: 0.2.0\n') })
    const frozen = { revision: `sha256:${'c'.repeat(64)}`, artifact }
    const options = { chart: 'web', version: '', bucket: { bucket: 'apps' }, byRevision: true, frozen } as const
    expect(await chart(options, { url: 'http://127.0.0.1:1/apps' })).toMatchObject({ revision: `0.2.0+${'c'.repeat(12)}` })
  })

  test('in git is packed from the commit that it had', async () => {
    const files = { 'web/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 0.1.0\n', 'web/values.yaml': 'a: 1\n' }
    const artifact = keep('tree', Object.fromEntries(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)])))
    const frozen = { revision: `main@sha1:${'a'.repeat(40)}`, artifact }
    const options = { chart: 'web', version: '', git: { ref: { branch: 'main' } }, byRevision: true, frozen } as const
    const found = await chart(options, { url: 'http://127.0.0.1:1/app.git' })
    expect(found).toMatchObject({ revision: `0.1.0+${'a'.repeat(12)}`, metadata: { source: frozen.revision } })
    expect((await unpacked(found)).files['values.yaml']).toBe('a: 1\n')
  })
})

describe('a chart of a registry', () => {
  const url = () => `oci://${registry.host}/charts`
  const push = async (name: string, version: string) =>
    registry.push(`charts/${name}`, version.replace('+', '_'), {
      config: { mediaType: HELM_CONFIG, bytes: Buffer.from('{}') },
      layers: [{ mediaType: HELM_CONTENT, bytes: await chartArchive(name, version) }],
    })

  test('comes in the newest version of its range; plus signs are underscores in tags', async () => {
    for (const version of ['1.0.0', '1.1.0+build.5', '2.0.0']) await push('reg', version)
    const found = await chart({ chart: 'reg', version: '1.x', insecure: true }, { url: url() })
    expect(found).toMatchObject({ revision: '1.1.0+build.5' })
    expect(only(found)[0]).toBe('reg-1.1.0+build.5.tgz')
    expect(await chart({ chart: 'reg', version: '2.0.0', insecure: true }, { url: url(), known: '2.0.0' })).toEqual({ kind: 'unchanged' })
    expect(await chart({ chart: 'reg', version: '>3', insecure: true }, { url: url() })).toMatchObject(
      problem('InvalidChartReference', "matching '>3'"),
    )
    expect(await chart({ chart: 'none', insecure: true }, { url: url() })).toMatchObject(problem('ChartPullError', 'HTTP 404'))
  })
})

test('a chart of a registry is taken only when one of the keys has signed it', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  keys.set('k', { signers: [publicKey.export({ type: 'spki', format: 'pem' }).toString()] })
  const layer = { mediaType: HELM_CONTENT, bytes: await chartArchive('safe', '1.0.0') }
  const digest = await registry.push('charts/safe', '1.0.0', {
    config: { mediaType: HELM_CONFIG, bytes: Buffer.from('{}') },
    layers: [layer],
  })
  const taken = (signers: string) =>
    chart({ chart: 'safe', version: '1.0.0', insecure: true, signers }, { url: `oci://${registry.host}/charts` })
  expect(await taken('k')).toMatchObject(problem('ChartVerificationError', 'no matching signatures were found'))
  const payload = Buffer.from(
    JSON.stringify({ critical: { image: { 'docker-manifest-digest': digest }, type: 'cosign container image signature' } }),
  )
  const annotations = { 'dev.cosignproject.cosign/signature': sign('sha256', payload, privateKey).toString('base64') }
  await registry.push('charts/safe', `${digest.replace(':', '-')}.sig`, {
    layers: [{ mediaType: 'application/json', bytes: payload, annotations }],
  })
  expect(await taken('k')).toMatchObject({ revision: '1.0.0' })
  expect(await taken('gone')).toMatchObject(problem('ChartVerificationError', 'has no public key'))
})

describe('a chart in a git repository', () => {
  let repository: TestRepository
  let url: string
  beforeEach(async () => {
    const name = `charts-${++repositories}`
    repository = await createRepository(dir.path, name)
    url = `${gitServer.url}/${name}.git`
  })
  const ref = { ref: { branch: 'main' } }
  const files = {
    'charts/app/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 0.1.0\n',
    'charts/app/values.yaml': 'a: 1\n',
    'charts/app/.helmignore': '*.md\n',
    'charts/app/README.md': 'read me',
    'charts/app/charts/dep/Chart.yaml': 'apiVersion: v2\nname: dep\nversion: 0.0.1\n',
    'env/prod.yaml': 'a: 2\n',
  }
  const inGit = (options: Partial<ChartOptions> = {}, over: Look = {}) =>
    chart({ chart: 'charts/app', version: '', git: ref, ...options }, { url, ...over })

  test('is packed, the same way each time, with what is in charts/', async () => {
    const commit = await repository.commit(files)
    const found = await inGit()
    expect(found).toMatchObject({ revision: '0.1.0', metadata: { chart: 'app', packaged: 'true', source: `main@sha1:${commit}` } })
    expect(Object.keys((await unpacked(found)).files)).toEqual(['Chart.yaml', '.helmignore', 'charts/dep/Chart.yaml', 'values.yaml'])
    expect(only(await inGit())[1]).toEqual(only(found)[1])
    expect(await inGit({}, { known: '0.1.0' })).toEqual({ kind: 'unchanged' })
  })

  test('follows each commit where the object says so, and takes values from the whole repository', async () => {
    const commit = await repository.commit(files)
    const hash = commit.slice(0, 12)
    expect(await inGit({ byRevision: true })).toMatchObject({ revision: `0.1.0+${hash}` })
    const found = await inGit({ byRevision: true, valuesFiles: ['./env/prod.yaml'], generation: 2 })
    expect(found).toMatchObject({ revision: `0.1.0+${hash}.2` })
    expect((await unpacked(found)).files['values.yaml']).toBe('a: 2\n')
  })

  test('takes charts of the same repository that it depends on by their path, and none from outside', async () => {
    const chartOf = (at: string) => ({
      'charts/app/Chart.yaml': `${files['charts/app/Chart.yaml']}dependencies: [{name: common, version: 1.x, repository: 'file://${at}'}]\n`,
      'charts/common/Chart.yaml': 'apiVersion: v2\nname: common\nversion: 1.0.0\n',
      'charts/common/templates/x.tpl': 'x',
    })
    await repository.commit({ ...files, ...chartOf('../common') })
    expect((await unpacked(await inGit())).files).toMatchObject({
      'charts/common/templates/x.tpl': 'x',
      'charts/dep/Chart.yaml': expect.anything(),
    })
    await repository.commit(chartOf('../../../../etc'))
    expect(await inGit()).toMatchObject(problem('DependencyBuildError', "no chart found at 'etc'"))
  })

  test('that is not there, or whose dependency is not', async () => {
    await repository.commit({
      ...files,
      'charts/app/Chart.yaml': `${files['charts/app/Chart.yaml']}dependencies: [{name: redis, version: 1.x, repository: 'https://x.example'}]\n`,
    })
    expect(await inGit()).toMatchObject(problem('DependencyBuildError', "'redis' is not in charts/"))
    expect(await inGit({ chart: 'charts/none' })).toMatchObject(problem('InvalidChartReference', "no chart found at 'charts/none'"))
  })
})
