import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { sha256 } from '../../proto/base/hash.ts'
import { Secret } from '../../proto/base/secret.ts'
import { type ChartWorld, only, openChartWorld, problem, unpacked } from '../support/chart-world.ts'
import { openRawServer } from '../support/raw-server.ts'
import { type Look, lookAt, type Seen } from '../support/source-looks.ts'
import { chartArchive, tarGz } from '../support/tar.ts'

const CANARY = 'canary-7f3a91'
const BASIC = { basic: { username: 'bob', password: new Secret(CANARY) } }
const SHOWN = `Basic ${Buffer.from(`bob:${CANARY}`).toString('base64')}`
let world: ChartWorld
beforeAll(async () => {
  world = await openChartWorld()
})
afterAll(() => world?.[Symbol.asyncDispose]())
beforeEach(() => world.fresh())

describe('an index', () => {
  test('is fetched as it is, and not again while it does not change', async () => {
    await world.helm().add('app', '1.0.0')
    const found = await world.index()
    const [path, bytes] = only(found)
    expect([path, (found as Seen).revision]).toEqual(['index.yaml', sha256(bytes)])
    expect(await world.index({ known: sha256(bytes) })).toEqual({ kind: 'unchanged' })
    expect(world.helm().seen.at(-1)?.headers['if-none-match']).toBeDefined()
    await world.helm().add('app', '1.1.0')
    expect(await world.index({ known: sha256(bytes) })).toMatchObject({ revision: expect.stringMatching(/^sha256:/) })
  })

  test('behind basic auth, whose secret goes nowhere else', async () => {
    await world.helm().add('app', '1.0.0')
    world.helm().authorization = SHOWN
    expect(await world.index()).toMatchObject(problem('Failed', 'HTTP 401'))
    expect(await world.index({ credential: BASIC })).toMatchObject({ revision: expect.any(String) })
    await using elsewhere = await openRawServer(({ response, url }) =>
      response.writeHead(302, { location: `${world.helm().url}${url}` }).end(),
    )
    expect(await world.index({ url: elsewhere.url, credential: BASIC })).toMatchObject(problem('Failed', 'HTTP 401'))
    expect(elsewhere.seen[0]?.headers.authorization).toBe(SHOWN)
    expect(await world.index({ url: elsewhere.url, credential: BASIC, passCredentials: true })).toMatchObject({
      revision: expect.any(String),
    })
  })

  test.each([
    ['no index', 'hello: world\n', 'no API version specified'],
    ['no entries', 'apiVersion: v1\n', 'it has no entries'],
  ])('that is %s', async (_, text, message) => {
    world.helm().index = Buffer.from(text)
    expect(await world.index()).toMatchObject(problem('IndexationFailed', message))
  })

  test('of 60 MiB is refused before it is read, announced or not', async () => {
    world.helm().index = Buffer.alloc(60 << 20, '#')
    expect(await world.index()).toMatchObject(problem('IndexationFailed', 'the index has 62914560 bytes, 52428800 are allowed'))
    const chunk = Buffer.alloc(1 << 20, '#')
    await using endless = await openRawServer(({ response }) => {
      const pour = () => {
        while (response.write(chunk));
      }
      response.on('drain', pour)
      pour()
    })
    expect(await world.index({ url: endless.url })).toMatchObject(problem('IndexationFailed', 'the index has more than 52428800 bytes'))
  })
})

describe('a chart of a repository', () => {
  test('comes in the newest version of its range, as it is, and is not downloaded while that stays', async () => {
    for (const version of ['1.0.0', '1.2.0', '1.10.0', '2.0.0', '3.0.0-beta.1']) await world.helm().add('app', version)
    const found = await world.chart({ version: '1.x' })
    expect(found).toMatchObject({ revision: '1.10.0', metadata: { chart: 'app', source: expect.stringMatching(/^sha256:/) } })
    expect(only(found)).toEqual(['app-1.10.0.tgz', await chartArchive('app', '1.10.0')])
    expect(await world.chart()).toMatchObject({ revision: '2.0.0' })
    expect(await world.chart({ version: '>=1.0.0-0' })).toMatchObject({ revision: '3.0.0-beta.1' })
    expect(await world.chart({ version: '1.0.0' })).toMatchObject({ revision: '1.0.0' })
    const before = world.asked().length
    expect(await world.chart({ version: '1.x' }, { known: '1.10.0' })).toEqual({ kind: 'unchanged' })
    expect(
      world
        .asked()
        .slice(before)
        .filter((url) => url.endsWith('.tgz')),
    ).toEqual([])
  })

  test('shares the index with other charts of its repository', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, i) => world.helm().add(`app-${i}`, '1.0.0')))
    world.helm().validators = false
    const found = await Promise.all(Array.from({ length: 20 }, (_, i) => world.chart({ chart: `app-${i}` })))
    expect(found.every((one) => 'revision' in one && one.revision === '1.0.0')).toBe(true)
    expect(world.asked().filter((url) => url === '/index.yaml')).toHaveLength(1)
  })

  test('is downloaded once for all ranges that come to its version', async () => {
    await world.helm().add('app', '1.2.0')
    const charts = world.charts()
    const at = (version: string, over: Look = {}) =>
      lookAt(charts, { kind: 'HelmChart', url: world.helm().url, options: { chart: 'app', version } }, over)
    const found = await Promise.all(['1.x', '>=1', '~1.2', '*', '1.2.0'].map((version) => at(version)))
    expect(found.every((one) => 'revision' in one && one.revision === '1.2.0')).toBe(true)
    const downloads = () => world.asked().filter((url) => url.endsWith('.tgz')).length
    expect(downloads()).toBe(1)
    await at('1.x', { credential: BASIC })
    expect(downloads()).toBe(2)
  })

  test('in an index of 40 MiB is found', async () => {
    const entry = (name: string) =>
      `  ${name}:\n${Array.from({ length: 100 }, (_, i) => `  - apiVersion: v2\n    name: ${name}\n    description: ${'x'.repeat(400)}\n    version: 1.${i}.0\n    urls:\n    - charts/app-1.99.0.tgz\n`).join('')}`
    await world.helm().add('app', '1.99.0')
    const entries = Array.from({ length: 800 }, (_, i) => entry(i === 400 ? 'app' : `c${i}`))
    const large = Buffer.from(`apiVersion: v1\nentries:\n${entries.join('')}`)
    expect(large.length).toBeGreaterThan(36 << 20)
    world.helm().index = large
    expect(await world.chart()).toMatchObject({ revision: '1.99.0' })
  })

  test('with values files is packed anew, and its version says so', async () => {
    await world.helm().add('app', '1.0.0', {
      'values.yaml': 'a: 1\nb: {c: 1, d: [1]}\n',
      'prod.yaml': 'b: {c: 2, d: [2]}\n',
      'templates/x.yaml': 'x',
    })
    const options = { valuesFiles: ['values.yaml', 'prod.yaml'], generation: 3 }
    const found = await world.chart(options)
    expect(found).toMatchObject({ revision: '1.0.0+3', metadata: { packaged: 'true', valuesFiles: '["values.yaml","prod.yaml"]' } })
    const { files, metadata } = await unpacked(found)
    expect(metadata).toMatchObject({ name: 'app', version: '1.0.0+3' })
    expect(files).toMatchObject({ 'values.yaml': 'a: 1\nb:\n  c: 2\n  d:\n    - 2\n', 'templates/x.yaml': 'x' })
    expect(only(await world.chart(options))[1]).toEqual(only(found)[1])
    expect(await world.chart(options, { known: '1.0.0+3' })).toEqual({ kind: 'unchanged' })
    expect(await world.chart({ valuesFiles: ['none.yaml'], generation: 1 })).toMatchObject(
      problem('ValuesFilesError', "no values file found at path 'none.yaml'"),
    )
    expect(await world.chart({ valuesFiles: ['none.yaml', 'prod.yaml'], ignoreMissingValuesFiles: true, generation: 1 })).toMatchObject({
      revision: '1.0.0+1',
    })
  })

  test('elsewhere is fetched without the credential, unless that is passed on', async () => {
    const archive = await chartArchive('app', '1.0.0')
    await using elsewhere = await openRawServer(({ response }) => response.end(archive))
    await world.helm().add('app', '1.0.0', {}, { urls: [`${elsewhere.url}/app.tgz`] })
    world.helm().authorization = SHOWN
    expect(await world.chart({}, { credential: BASIC })).toMatchObject({ revision: '1.0.0' })
    expect(await world.chart({ passCredentials: true }, { credential: BASIC })).toMatchObject({ revision: '1.0.0' })
    expect(elsewhere.seen.map(({ headers }) => headers.authorization)).toEqual([undefined, SHOWN])
  })

  test('that is not there, in no version that fits, or not where the index says', async () => {
    await world.helm().add('app', '1.0.0')
    expect(await world.chart({ chart: 'none' })).toMatchObject(problem('InvalidChartReference', 'no chart name found'))
    expect(await world.chart({ version: '>=2' })).toMatchObject(
      problem('InvalidChartReference', "no 'app' chart with version matching '>=2' found"),
    )
    expect(await world.chart({ version: 'x y z' })).toMatchObject({ problem: { reason: 'InvalidChartReference', stalled: true } })
    await world.helm().add('lost', '1.0.0', {}, { urls: ['charts/lost-9.tgz'] })
    expect(await world.chart({ chart: 'lost' })).toMatchObject(problem('ChartPullError', 'HTTP 404'))
  })

  test('whose archive is not the one that the index means', async () => {
    await world.helm().add('app', '1.0.0', {}, { digest: '0'.repeat(64) })
    expect(await world.chart()).toMatchObject(problem('ChartPullError', `the index says ${'0'.repeat(64)}`))
    await world.helm().add('other', '1.0.0')
    await world.helm().add('two', '1.0.0', {}, { urls: ['charts/other-1.0.0.tgz'], digest: undefined })
    expect(await world.chart({ chart: 'two' })).toMatchObject(
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
    const found = await world.chart({}, { url: server.url })
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
    expect(await world.index({ url: server.url })).toMatchObject({ ...problem('Failed', `HTTP ${status}`), retryAfterMs })
    expect(await world.chart({}, { url: server.url })).toMatchObject({ ...problem('ChartPullError', `HTTP ${status}`), retryAfterMs })
  })

  test('of which half is sent', async () => {
    const archive = await chartArchive('app', '1.0.0')
    await using server = await openRawServer(({ response, url }) => {
      if (url.endsWith('.yaml')) return response.end('apiVersion: v1\nentries:\n  app:\n  - version: 1.0.0\n    urls: [a.tgz]\n')
      response.writeHead(200, { 'content-length': archive.length }).write(archive.subarray(0, 30))
      return setImmediate(() => response.destroy())
    })
    expect(await world.chart({}, { url: server.url })).toMatchObject(problem('ChartPullError', 'a.tgz'))
  })
})
