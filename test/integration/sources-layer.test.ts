import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { ensureTools } from '../../deploy/tools/tools.mjs'
import { createLayers } from '../../hub/render/io/layers.ts'
import { packChart } from '../../hub/render/io/pack-chart.ts'
import { createRenderStore } from '../../hub/render/io/store.ts'
import { createTrees } from '../../hub/render/io/tree.ts'
import type { Built } from '../../hub/render/model.ts'
import { createRender, type Render } from '../../hub/render/service.ts'
import { readLayer } from '../../hub/sources/io/archive/layer.ts'
import { createOciFetcher } from '../../hub/sources/io/oci/fetcher.ts'
import { createSourceStore } from '../../hub/sources/io/store.ts'
import { type OciOptions, sourceKey } from '../../hub/sources/model.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { silentLog } from '../../proto/base/log.ts'
import { KustomizePool } from '../../proto/kustomize/pool.ts'
import { buildOptions, CHART_OPTIONS, optionsDigest } from '../../proto/model/flux/build-options.ts'
import { FLUX_CONTENT, openTestRegistry, type TestRegistry } from '../support/oci-registry.ts'
import { openTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { type TarEntry, tarGz } from '../support/tar.ts'
import { openTempDir } from '../support/temp-dir.ts'

// A layer that is kept as it is: what Kustomizations and charts make of it.

const dir = openTempDir('sources-layer')
let database: TestDatabase
let registry: TestRegistry
let pool: KustomizePool
let render: Render
let built = 0
let pushed = 0

beforeAll(async () => {
  const { 'flotilla-kustomize': program } = await ensureTools(['flotilla-kustomize'])
  database = await openTestDatabase()
  registry = await openTestRegistry()
  pool = new KustomizePool({ program })
})
afterAll(async () => {
  await pool[Symbol.asyncDispose]()
  await registry[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
  await dir[Symbol.asyncDispose]()
})
beforeEach(() => {
  built = 0
  render = createRender({
    store: createRenderStore(database.db),
    trees: createTrees({ db: database.db }),
    layers: createLayers({ read: readLayer }),
    build(tree, options, signal) {
      built += 1
      return pool.build(tree, options, { signal, deadlineMs: 20_000 })
    },
    packChart,
    clock: systemClock,
    log: silentLog,
  })
})

/** Pushes the layer, fetches it and stores it. @returns the digest of the tree */
async function stored(bytes: Buffer, options: Partial<OciOptions> = { copy: true }): Promise<string> {
  const name = `team/app-${++pushed}`
  await registry.push(name, 'latest', { layers: [{ mediaType: FLUX_CONTENT, bytes }] })
  const what = { kind: 'OCIRepository', url: `oci://${registry.host}/${name}`, options: { ref: {}, insecure: true, ...options } } as const
  const key = sourceKey(what)
  await database.db.query(
    `insert into sources (key, kind, url, options, trusted, interval_ms, timeout_ms) values ($1, $2, $3, $4, false, 60000, 20000)`,
    [key, what.kind, what.url, JSON.stringify(what.options)],
  )
  const nobody = { credentialId: undefined, credential: undefined, known: undefined, timeoutMs: 20_000 }
  const request = { ...what, ...nobody, key, policy: { privateNetworks: false, allow: ['127.0.0.1'] } }
  const store = createSourceStore({ db: database.db, replica: 'r1' })
  return createOciFetcher({ folder: join(dir.path, 'oci') }).fetch(
    request,
    (outcome) => (outcome.kind === 'fetched' ? store.saveRevision(key, outcome.revision, 60_000) : expect.fail(JSON.stringify(outcome))),
    { signal: AbortSignal.timeout(30_000) },
  )
}

const APPS = [buildOptions({ path: './app' }), buildOptions({ path: '', namePrefix: 'x-' })]

/** What comes of the artifact for Kustomizations, and for a chart. */
async function made(artifact: string) {
  const all = [...APPS, CHART_OPTIONS].map((options) => ({ options, optionsDigest: optionsDigest(options) }))
  const results = new Map<string, Built>()
  await render(artifact, all, {
    signal: AbortSignal.timeout(30_000),
    onBuilt: async (batch) => {
      for (const one of batch) results.set(one.optionsDigest, one)
    },
  })
  const [first, second, chart] = all.map(({ optionsDigest: digest }) => results.get(digest))
  return { kustomizations: [first, second], chart }
}

async function bundleOf(one: Built | undefined): Promise<Buffer> {
  if (!one || !('bundle' in one)) throw new Error(`no bundle: ${JSON.stringify(one)}`)
  const { rows } = await database.db.query<{ encoding: string; bytes: Buffer }>('select encoding, bytes from bundles where digest = $1', [
    one.bundle,
  ])
  const { bytes, encoding } = rows[0] ?? expect.fail('it is not stored')
  return encoding === 'zstd' ? zstdDecompressSync(bytes) : bytes
}

const FILES = {
  'app/cm.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cm\ndata:\n  v: "1"\n',
  'app/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 0.1.0\n',
  'app/kustomization.yaml': 'resources: [cm.yaml]\n',
  'kustomization.yaml': 'resources: [app]\n',
}

test('is unpacked for Kustomizations as one that was extracted, and once; a chart has it as it is', async () => {
  const bytes = await tarGz(FILES)
  const artifact = await stored(bytes)
  const copied = await made(artifact)
  expect((await bundleOf(copied.kustomizations[1])).toString()).toContain('name: x-cm')
  expect(await bundleOf(copied.chart)).toEqual(bytes)
  expect(built).toBe(2)
  const extracted = await made(await stored(bytes, {}))
  expect(extracted.kustomizations).toEqual(copied.kustomizations)
  expect(built).toBe(2)
})

test('of which another version comes is built anew only where that differs', async () => {
  await made(await stored(await tarGz(FILES)))
  built = 0
  const next = await made(
    await stored(await tarGz({ ...FILES, 'app/notes.md': 'read by nobody', 'kustomization.yaml': 'resources: [app] \n' })),
  )
  expect(built).toBe(1)
  expect((await bundleOf(next.kustomizations[0])).toString()).toContain('name: cm')
})

test.each<readonly [string, () => Promise<Buffer> | Buffer, string]>([
  ['is no archive', () => Buffer.from('plain text'), 'the archive is not compressed with gzip, or it is damaged'],
  ['is half an archive', async () => (await tarGz({ big: `${Math.random()}`.repeat(10_000) })).subarray(0, 300), 'damaged'],
  ['has a path that leads out', () => tarGz([{ name: '../up', content: 'x' }]), 'which no file may have'],
  ['has a hard link', () => tarGz([{ name: 'a', type: 'link', linkname: '/etc/passwd' }]), 'which is not allowed'],
  ['has much in few bytes', () => tarGz(zeros(70)), 'unpacks to more than 67108864 bytes'],
])('that %s is told to who consumes it', async (_, layer, message) => {
  const { kustomizations } = await made(await stored(await layer()))
  const problem = { reason: 'ArtifactFailed', message: expect.stringMatching(/^failed to untar artifact: /) }
  for (const one of kustomizations) {
    expect(one).toMatchObject({ problem })
    expect(one).toMatchObject({ problem: { message: expect.stringContaining(message) } })
  }
  expect(built).toBe(0)
})

test('that is no archive is no chart either', async () => {
  const { chart } = await made(await stored(Buffer.from('plain text')))
  expect(chart).toMatchObject({ problem: { reason: 'ArtifactFailed', message: expect.stringContaining('the artifact is no chart') } })
})

function zeros(count: number): readonly TarEntry[] {
  return Array.from({ length: count }, (_, i) => ({ name: `f${i}`, content: Buffer.alloc(1 << 20) }))
}
