import { mkdir, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type GitServer, openGitServer } from '../../deploy/local/git-server.ts'
import { ensureTools } from '../../deploy/tools/tools.mjs'
import { createLayers } from '../../hub/render/io/layers.ts'
import { packChart } from '../../hub/render/io/pack-chart.ts'
import { createRenderStore } from '../../hub/render/io/store.ts'
import { createTrees } from '../../hub/render/io/tree.ts'
import type { Built } from '../../hub/render/model.ts'
import { createRender, type Render } from '../../hub/render/service.ts'
import { readLayer } from '../../hub/sources/io/archive/layer.ts'
import { GitFetcher } from '../../hub/sources/io/git/fetcher.ts'
import { createSourceStore } from '../../hub/sources/io/store.ts'
import type { GitRef, SourceKey } from '../../hub/sources/model.ts'
import { sourceKey } from '../../hub/sources/model.ts'
import { createSourceWorker, type SourceWorker } from '../../hub/sources/service.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { silentLog } from '../../proto/base/log.ts'
import { systemRandom } from '../../proto/base/random.ts'
import { KustomizePool } from '../../proto/kustomize/pool.ts'
import { type BuildOptions, buildOptions, optionsDigest } from '../../proto/model/flux/build-options.ts'
import { createRepository, git } from '../support/git-repository.ts'
import { openTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { openTempDir } from '../support/temp-dir.ts'

const dir = openTempDir('render')
const stop = new AbortController()
const moves = new Map<string, PromiseWithResolvers<string>>()
let database: TestDatabase
let server: GitServer
let fetcher: GitFetcher
let pool: KustomizePool
let worker: SourceWorker
let running: Promise<void>
let render: Render
let built = 0

beforeAll(async () => {
  const { 'flotilla-kustomize': program } = await ensureTools(['flotilla-kustomize'])
  database = await openTestDatabase()
  server = await openGitServer({ dir: dir.path, log: silentLog })
  fetcher = new GitFetcher({ folder: join(dir.path, 'cache') })
  pool = new KustomizePool({ program })
  const { db } = database
  await db.query(`insert into clusters (id, name, public_key, csr) values ('c-${'0'.repeat(24)}', 'c', '', '')`)
  worker = createSourceWorker({
    store: createSourceStore({ db, replica: 'r1' }),
    fetcher,
    credential: async () => undefined,
    moved: async (key, outcome) => moves.get(key)?.resolve(outcome),
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    allow: ['127.0.0.1'],
  })
  running = worker.run(stop.signal)
  render = createRender({
    store: createRenderStore(db),
    trees: createTrees({ db }),
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

afterAll(async () => {
  stop.abort()
  await running
  await pool[Symbol.asyncDispose]()
  await fetcher[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
  await dir[Symbol.asyncDispose]()
})

/** A source row with one object that asks for it, as the fold of reports makes them. */
async function addSource(
  name: string,
  { ref = { branch: 'main' }, credentialId }: { ref?: GitRef; credentialId?: string } = {},
): Promise<SourceKey> {
  const url = `${server.url}/${name}.git`
  const key = sourceKey({ kind: 'GitRepository', url, options: { ref }, credentialId })
  await database.db.query(
    `insert into source_objects (cluster_id, kind, namespace, name, source_key, generation, suspended, interval_ms)
     values ('c-${'0'.repeat(24)}', 'GitRepository', 'flux-system', $1, $1, 1, false, 3600000)`,
    [key],
  )
  await database.db.query(
    `insert into sources (key, kind, url, options, credential_id, trusted, interval_ms, timeout_ms, next_at)
     values ($1, 'GitRepository', $2, $3, $4, false, 3600000, 20000, 'infinity')`,
    [key, url, JSON.stringify({ ref }), credentialId ?? null],
  )
  return key
}

async function lookNow(key: SourceKey) {
  const move = Promise.withResolvers<string>()
  moves.set(key, move)
  const startedAt = performance.now()
  await worker.poke(key)
  const outcome = await move.promise
  return { outcome, ms: performance.now() - startedAt, ...(await sourceRow(key)) }
}

async function sourceRow(key: SourceKey) {
  const { rows } = await database.db.query<{ revision: string; artifact: string; problem: { reason: string; message: string } | null }>(
    'select revision, artifact, problem from sources where key = $1',
    [key],
  )
  const row = rows[0]
  if (!row) throw new Error('no such source')
  return row
}

const wanted = (specs: readonly Partial<BuildOptions>[]) =>
  specs.map((spec) => ({ optionsDigest: optionsDigest(buildOptions(spec)), options: buildOptions(spec) }))

async function renderAll(artifact: string, specs: readonly Partial<BuildOptions>[]): Promise<readonly (Built | undefined)[]> {
  const results = new Map<string, Built>()
  built = 0
  await render(artifact, wanted(specs), {
    signal: AbortSignal.timeout(60_000),
    async onBuilt(batch) {
      for (const one of batch) results.set(one.optionsDigest, one)
    },
  })
  return wanted(specs).map(({ optionsDigest: digest }) => results.get(digest))
}

async function yamlOf(one: Built | undefined): Promise<string> {
  if (!one || !('bundle' in one)) throw new Error(`no bundle: ${JSON.stringify(one)}`)
  const { rows } = await database.db.query<{ bytes: Buffer }>('select bytes from bundles where digest = $1', [one.bundle])
  return zstdDecompressSync(rows[0]?.bytes ?? Buffer.alloc(0)).toString()
}

const configMap = (name: string, value: string) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  value: "${value}"\n`

test('a commit becomes a revision and bundles, and the next one rebuilds only what it touches', async () => {
  const repository = await createRepository(dir.path, 'apps')
  const files: Record<string, string> = {}
  for (let i = 0; i < 40; i++) files[`apps/${i}/cm.yaml`] = configMap(`cm-${i}`, 'one')
  const first = await repository.commit(files)
  const key = await addSource('apps')
  const looked = await lookNow(key)
  expect(looked).toMatchObject({ outcome: 'fetched', revision: `main@sha1:${first}`, problem: null })
  const specs = Array.from({ length: 40 }, (_, i) => ({ path: `./apps/${i}` }))
  const before = await renderAll(looked.artifact, specs)
  expect(built).toBe(40)
  expect(await yamlOf(before[7])).toBe('apiVersion: v1\ndata:\n  value: one\nkind: ConfigMap\nmetadata:\n  name: cm-7\n')
  expect(await renderAll(looked.artifact, specs)).toEqual(before)
  expect(built).toBe(0)

  await repository.commit({ 'apps/7/cm.yaml': configMap('cm-7', 'two'), 'README.md': 'not read by anybody' })
  const moved = await lookNow(key)
  const after = await renderAll(moved.artifact, specs)
  expect(built).toBe(1)
  expect(after.filter((one, i) => JSON.stringify(one) !== JSON.stringify(before[i]))).toHaveLength(1)
  expect(await yamlOf(after[7])).toContain('value: two')

  expect(await lookNow(key)).toMatchObject({ outcome: 'unchanged' })
})

test('an old revision can be built after a force-push and with an empty cache', async () => {
  const repository = await createRepository(dir.path, 'forced')
  await repository.commit({ 'cm.yaml': configMap('old', 'x') })
  const key = await addSource('forced')
  const old = await lookNow(key)
  await repository.commit({ 'cm.yaml': configMap('fresh', 'y') }, { branch: 'side' })
  await git(repository.path, ['update-ref', 'refs/heads/main', 'refs/heads/side'])
  await rm(join(dir.path, 'cache'), { recursive: true })
  const fresh = await lookNow(key)
  expect(fresh.artifact).not.toBe(old.artifact)
  expect(await yamlOf((await renderAll(old.artifact, [{ path: '' }]))[0])).toContain('name: old')
  expect(await yamlOf((await renderAll(fresh.artifact, [{ path: '' }]))[0])).toContain('name: fresh')
})

test('a failing source keeps its revision, shows the problem, and recovers', async () => {
  const repository = await createRepository(dir.path, 'flaky')
  const commit = await repository.commit({ 'cm.yaml': configMap('a', 'x') })
  const key = await addSource('flaky')
  await lookNow(key)
  server.protect('flaky', { kind: 'basic', username: 'u', password: 'p' })
  const failed = await lookNow(key)
  expect(failed).toMatchObject({ outcome: 'problem', revision: `main@sha1:${commit}`, problem: { reason: 'AuthenticationFailed' } })
  server.protect('flaky', undefined)
  expect(await lookNow(key)).toMatchObject({ outcome: 'unchanged', problem: null })
})

test('a tree that was collected is stored again although nothing moved', async () => {
  const repository = await createRepository(dir.path, 'collected')
  await repository.commit({ 'cm.yaml': configMap('collected', 'x') })
  const key = await addSource('collected')
  const { artifact } = await lookNow(key)
  await database.db.query('delete from artifacts where digest = $1', [artifact])
  await database.db.query('delete from blobs')
  expect(await lookNow(key)).toMatchObject({ outcome: 'fetched', artifact })
  expect(await yamlOf((await renderAll(artifact, [{ path: '' }]))[0])).toContain('name: collected')
})

test('two workers share the sources; each is looked at by one of them', async () => {
  const repository = await createRepository(dir.path, 'shared')
  await repository.commit({ 'cm.yaml': configMap('a', 'x') })
  const keys = await Promise.all(['v1', 'v2', 'v3', 'v4'].map((name) => addSource('shared', { ref: { name: `refs/heads/${name}` } })))
  await database.db.query(`update sources set claimed_until = now() + interval '1 hour' where not key = any($1::text[])`, [keys])
  const stores = ['a', 'b'].map((replica) => createSourceStore({ db: database.db, replica }))
  await database.db.query(`update sources set next_at = now(), claimed_until = null where key = any($1::text[])`, [keys])
  const claims = (await Promise.all(stores.map((store) => store.claim(3)))).flat().map(({ key }) => key)
  expect(new Set(claims).size).toBe(claims.length)
  await database.db.query(`update sources set claimed_until = null, next_at = 'infinity'`)
})

test('the options of a Kustomization are merged into the build', async () => {
  const repository = await createRepository(dir.path, 'options')
  await repository.commit({
    'app/kustomization.yaml':
      'resources: [deployment.yaml]\nimages:\n- {name: nginx, newTag: "1", newName: mirror/nginx}\nnamePrefix: file-\n',
    'app/deployment.yaml':
      'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    spec:\n      containers: [{name: web, image: nginx}]\n',
    'extra/kustomization.yaml': 'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ncommonAnnotations: {extra: "yes"}\n',
  })
  const { artifact } = await lookNow(await addSource('options'))
  const [plain, merged, remote] = await renderAll(artifact, [
    { path: 'app' },
    {
      path: 'app',
      targetNamespace: 'team',
      namePrefix: 'p-',
      nameSuffix: '-s',
      images: [{ name: 'nginx', digest: `sha256:${'a'.repeat(64)}` }],
      patches: [{ patch: '- {op: add, path: /spec/replicas, value: 3}', target: { kind: 'Deployment' } }],
      components: ['../extra'],
      commonMetadata: { labels: { team: 'a' }, annotations: { owner: 'b' } },
    },
    { path: 'app', components: ['https://example.com/x'] },
  ])
  expect(await yamlOf(plain)).toContain('image: mirror/nginx:1')
  const yaml = await yamlOf(merged)
  for (const text of [
    'namespace: team',
    'name: p-web-s',
    `mirror/nginx@sha256:${'a'.repeat(64)}`,
    'replicas: 3',
    'extra: "yes"',
    'team: a',
    'owner: b',
  ])
    expect(yaml).toContain(text)
  expect(remote).toMatchObject({ problem: { reason: 'BuildFailed', message: expect.stringContaining('must be local and relative') } })
})

test('bad paths and files are that build’s problem, with file and line', async () => {
  const repository = await createRepository(dir.path, 'bad')
  const work = join(dir.path, 'work-bad')
  await repository.commit({
    'good/cm.yaml': configMap('good', 'x'),
    'empty/readme.txt': 'nothing to apply',
    'broken/cm.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a\n: :\n',
    'kustomization/kustomization.yaml': 'resources:\n- a\n b: [\n',
    'remote/kustomization.yaml': 'resources: ["https://user:canary@example.com/x.yaml"]\n',
    'git/kustomization.yaml': 'resources: ["github.com/fluxcd/flux2//manifests?ref=v2"]\n',
    'patch/cm.yaml': configMap('a', 'x'),
    'patch/kustomization.yaml': 'resources: [cm.yaml]\npatches: [{path: "https://example.com/p.yaml"}]\n',
    'loop/kustomization.yaml': 'resources: [../loop2]\n',
    'loop2/kustomization.yaml': 'resources: [../loop]\n',
    'up/kustomization.yaml': 'resources: [../../../../../etc/passwd]\n',
    'exec/kustomization.yaml': 'generators: [g.yaml]\n',
    'exec/g.yaml':
      'apiVersion: x/v1\nkind: G\nmetadata:\n  name: g\n  annotations:\n    config.kubernetes.io/function: "exec: {path: /bin/true}"\n',
  })
  await git(dir.path, ['clone', '--quiet', repository.path, work])
  for (const [at, to] of [
    ['escape', '../../etc'],
    ['linked', 'good'],
    ['escape2/x.yaml', '/etc/passwd'],
  ] as const) {
    await mkdir(join(work, at, '..'), { recursive: true })
    await symlink(to, join(work, at))
  }
  await git(work, ['add', '--all'])
  await git(work, ['commit', '--quiet', '-m', 'links'])
  await git(work, ['push', '--quiet'])
  const { artifact } = await lookNow(await addSource('bad'))
  const results = async (path: string) => (await renderAll(artifact, [{ path }]))[0]
  const failed = (reason: string, text: string) => ({ problem: { reason, message: expect.stringContaining(text) } })

  expect(await yamlOf(await results('good'))).toContain('name: good')
  expect(await yamlOf(await results('linked'))).toContain('name: good')
  expect(await yamlOf(await results('empty'))).toBe('')
  expect(await results('nowhere')).toMatchObject(failed('ArtifactFailed', 'kustomization path not found: nowhere'))
  expect(await results('good/cm.yaml')).toMatchObject(failed('ArtifactFailed', 'is a file'))
  expect(await results('escape')).toMatchObject(failed('ArtifactFailed', 'symbolic link escape leads out of the source'))
  expect(await results('escape2')).toMatchObject(failed('ArtifactFailed', 'symbolic link escape2/x.yaml leads out of the source'))
  expect(await results('broken')).toMatchObject(failed('BuildFailed', 'broken/cm.yaml:'))
  expect(await results('kustomization')).toMatchObject(failed('BuildFailed', 'kustomization/kustomization.yaml:3:'))
  const remote = await results('remote')
  expect(remote).toMatchObject(failed('BuildFailed', 'remote resource "https://example.com/x.yaml" is refused'))
  expect(JSON.stringify(remote)).not.toContain('canary')
  expect(await results('git')).toMatchObject(failed('BuildFailed', 'is refused'))
  expect(await results('patch')).toMatchObject(failed('BuildFailed', 'is refused'))
  expect(await results('loop')).toMatchObject(failed('BuildFailed', 'cycle detected'))
  expect(await results('up')).toMatchObject(failed('BuildFailed', 'no such file'))
  expect(await results('exec')).toMatchObject(failed('BuildFailed', ''))
})
