import { generateKeyPairSync, sign } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ChartOptions } from '../../hub/sources/model.ts'
import { sha256 } from '../../proto/base/hash.ts'
import { type ChartWorld, only, openChartWorld, problem, unpacked } from '../support/chart-world.ts'
import type { TestRepository } from '../support/git-repository.ts'
import { HELM_CONFIG, HELM_CONTENT } from '../support/oci-registry.ts'
import type { Look } from '../support/source-looks.ts'
import { chartArchive } from '../support/tar.ts'

let world: ChartWorld
beforeAll(async () => {
  world = await openChartWorld()
})
afterAll(() => world?.[Symbol.asyncDispose]())
beforeEach(() => world.fresh())

describe('a chart of a suspended repository', () => {
  test('is looked for in the index that it had, and downloaded', async () => {
    for (const version of ['1.0.0', '1.1.0']) await world.helm().add('app', version)
    const [, bytes] = only(await world.index())
    const frozen = { revision: sha256(bytes), artifact: world.keep('index', { 'index.yaml': bytes }) }
    await world.helm().add('app', '1.2.0')
    const before = world.asked().length
    const found = await world.chart({ version: '1.x', frozen })
    expect(found).toMatchObject({ revision: '1.1.0', metadata: { source: frozen.revision } })
    expect(await world.chart({ version: '1.2.0', frozen })).toMatchObject(
      problem('InvalidChartReference', "no 'app' chart with version matching '1.2.0' found"),
    )
    expect(world.asked().slice(before)).toEqual(['/charts/app-1.1.0.tgz'])
    expect(await world.chart({ version: '1.2.0' })).toMatchObject({ revision: '1.2.0' })
  })

  test('that it has already stays, whatever becomes of the server', async () => {
    const frozen = { revision: 'sha256:x', artifact: 'gone' }
    expect(await world.chart({ frozen }, { known: '1.0.0', url: 'http://127.0.0.1:1' })).toEqual({ kind: 'unchanged' })
    expect(await world.chart({ frozen })).toMatchObject(problem('ChartPullError', 'is not stored any more; resume it'))
  })

  test('in a bucket is packed from the objects that it had', async () => {
    const artifact = world.keep('objects', { 'web/Chart.yaml': Buffer.from('apiVersion: v2\nname: web\nversion: 0.2.0\n') })
    const frozen = { revision: `sha256:${'c'.repeat(64)}`, artifact }
    const options = { chart: 'web', version: '', bucket: { bucket: 'apps' }, byRevision: true, frozen } as const
    expect(await world.chart(options, { url: 'http://127.0.0.1:1/apps' })).toMatchObject({ revision: `0.2.0+${'c'.repeat(12)}` })
  })

  test('in git is packed from the commit that it had', async () => {
    const files = { 'web/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 0.1.0\n', 'web/values.yaml': 'a: 1\n' }
    const artifact = world.keep('tree', Object.fromEntries(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)])))
    const frozen = { revision: `main@sha1:${'a'.repeat(40)}`, artifact }
    const options = { chart: 'web', version: '', git: { ref: { branch: 'main' } }, byRevision: true, frozen } as const
    const found = await world.chart(options, { url: 'http://127.0.0.1:1/app.git' })
    expect(found).toMatchObject({ revision: `0.1.0+${'a'.repeat(12)}`, metadata: { source: frozen.revision } })
    expect((await unpacked(found)).files['values.yaml']).toBe('a: 1\n')
  })
})

describe('a chart of a registry', () => {
  const url = () => `oci://${world.registry.host}/charts`
  const push = async (name: string, version: string) =>
    world.registry.push(`charts/${name}`, version.replace('+', '_'), {
      config: { mediaType: HELM_CONFIG, bytes: Buffer.from('{}') },
      layers: [{ mediaType: HELM_CONTENT, bytes: await chartArchive(name, version) }],
    })

  test('comes in the newest version of its range; plus signs are underscores in tags', async () => {
    for (const version of ['1.0.0', '1.1.0+build.5', '2.0.0']) await push('reg', version)
    const found = await world.chart({ chart: 'reg', version: '1.x', insecure: true }, { url: url() })
    expect(found).toMatchObject({ revision: '1.1.0+build.5' })
    expect(only(found)[0]).toBe('reg-1.1.0+build.5.tgz')
    expect(await world.chart({ chart: 'reg', version: '2.0.0', insecure: true }, { url: url(), known: '2.0.0' })).toEqual({
      kind: 'unchanged',
    })
    expect(await world.chart({ chart: 'reg', version: '>3', insecure: true }, { url: url() })).toMatchObject(
      problem('InvalidChartReference', "matching '>3'"),
    )
    expect(await world.chart({ chart: 'none', insecure: true }, { url: url() })).toMatchObject(problem('ChartPullError', 'HTTP 404'))
  })
})

test('a chart of a registry is taken only when one of the keys has signed it', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  world.keys.set('k', { signers: [publicKey.export({ type: 'spki', format: 'pem' }).toString()] })
  const layer = { mediaType: HELM_CONTENT, bytes: await chartArchive('safe', '1.0.0') }
  const digest = await world.registry.push('charts/safe', '1.0.0', {
    config: { mediaType: HELM_CONFIG, bytes: Buffer.from('{}') },
    layers: [layer],
  })
  const taken = (signers: string) =>
    world.chart({ chart: 'safe', version: '1.0.0', insecure: true, signers }, { url: `oci://${world.registry.host}/charts` })
  expect(await taken('k')).toMatchObject(problem('ChartVerificationError', 'no matching signatures were found'))
  const payload = Buffer.from(
    JSON.stringify({ critical: { image: { 'docker-manifest-digest': digest }, type: 'cosign container image signature' } }),
  )
  const annotations = { 'dev.cosignproject.cosign/signature': sign('sha256', payload, privateKey).toString('base64') }
  await world.registry.push('charts/safe', `${digest.replace(':', '-')}.sig`, {
    layers: [{ mediaType: 'application/json', bytes: payload, annotations }],
  })
  expect(await taken('k')).toMatchObject({ revision: '1.0.0' })
  expect(await taken('gone')).toMatchObject(problem('ChartVerificationError', 'has no public key'))
})

describe('a chart in a git repository', () => {
  let repository: TestRepository
  let url: string
  beforeEach(async () => {
    ;({ repository, url } = await world.repository())
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
    world.chart({ chart: 'charts/app', version: '', git: ref, ...options }, { url, ...over })

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
