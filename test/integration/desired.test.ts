import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createDesiredStore } from '../../hub/desired/io/store.ts'
import type { Built } from '../../hub/desired/model.ts'
import { createDesiredService } from '../../hub/desired/service.ts'
import { DELETE_CONSUMERS, DELETE_DESIRED } from '../../hub/reports/io/statements.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { sha256 } from '../../proto/base/hash.ts'
import { silentLog } from '../../proto/base/log.ts'
import { setDigest } from '../../proto/model/set-members.ts'
import { openTestDatabase, type TestDatabase } from '../support/postgres.ts'

const CLUSTERS = ['c-000000000000000000000001', 'c-000000000000000000000002']
const KEY = 'sha256:source'
let database: TestDatabase

beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database[Symbol.asyncDispose]())

beforeEach(async () => {
  const { db } = database
  await db.query(
    'truncate clusters, sources, source_objects, consumers, desired, releases, source_statuses, revisions, artifacts, cluster_heads, governed, grants cascade',
  )
  await db.query("insert into clusters (id, name, public_key, csr) select id, 'n-' || id, id, '' from unnest($1::text[]) as c (id)", [
    CLUSTERS,
  ])
  await db.query('insert into cluster_heads (cluster_id) select * from unnest($1::text[])', [CLUSTERS])
  await db.query(
    `insert into sources (key, kind, url, options, trusted, interval_ms, timeout_ms) values ($1, 'GitRepository', 'https://x/y', '{}', true, 60000, 60000)`,
    [KEY],
  )
  await db.query(
    `insert into source_objects (cluster_id, kind, namespace, name, source_key, generation, suspended, interval_ms)
     select id, 'GitRepository', 'flux-system', 'fleet', $2, 1, false, 60000 from unnest($1::text[]) as c (id)`,
    [CLUSTERS, KEY],
  )
})

async function consume(names: readonly string[], clusters = CLUSTERS): Promise<void> {
  await database.db.query(
    `insert into consumers (cluster_id, grp, kind, namespace, name, source_kind, source_namespace, source_name, options_digest, options, suspended)
     select c, 'kustomize.toolkit.fluxcd.io', 'Kustomization', 'flux-system', n, 'GitRepository', 'flux-system', 'fleet', 'options-' || n, '{"path": "."}', false
     from unnest($1::text[]) as c, unnest($2::text[]) as n`,
    [clusters, names],
  )
}

async function moveTo(revision: string, artifact: string): Promise<void> {
  await database.db.query('insert into artifacts (digest, entries, files, bytes) values ($1, $2, 1, 10) on conflict do nothing', [
    artifact,
    '',
  ])
  await database.db.query('insert into revisions (source_key, revision, artifact) values ($1, $2, $3)', [KEY, revision, artifact])
  await database.db.query('update sources set revision = $2, artifact = $3, checked_at = now() where key = $1', [KEY, revision, artifact])
}

/** A render whose bundles depend on tree and options as `content` says. */
function service(content: (artifact: string, options: string) => string) {
  const built: string[] = []
  const told: string[][] = []
  const desired = createDesiredService({
    store: createDesiredStore(database.db, async () => undefined),
    async render(artifact, wanted, { onBuilt }) {
      for (const { optionsDigest } of wanted) {
        built.push(optionsDigest)
        const one: Built = { optionsDigest, bundle: sha256(content(artifact, optionsDigest)) }
        await onBuilt([one])
      }
    },
    hint: async (clusters) => void told.push([...clusters]),
    clock: systemClock,
    log: silentLog,
  })
  const settle = () => desired.settle(KEY, AbortSignal.timeout(10_000))
  return { settle, due: () => desired.due(KEY), built, told }
}

const rows = async <T>(text: string) => (await database.db.query<T>(text)).rows

test('every cluster is given its bundles, then the release that covers them, numbered by its own counter', async () => {
  await consume(['a', 'b'])
  await moveTo('main@sha1:1', 'sha256:t1')
  const { settle } = service((artifact, options) => artifact + options)
  await settle()
  const desired = await rows<{ cluster_id: string; name: string; bundle: string; position: bigint }>(
    'select * from desired order by cluster_id, name',
  )
  expect(desired).toHaveLength(4)
  const releases = await rows<{ cluster_id: string; position: bigint; set_digest: string; revision: string }>(
    'select * from releases order by cluster_id',
  )
  expect(releases).toHaveLength(2)
  for (const release of releases) {
    const own = desired.filter((row) => row.cluster_id === release.cluster_id)
    for (const row of own) expect(row.position < release.position).toBe(true)
    const members = own.map(({ name, bundle }) => ({
      object: { group: '', kind: 'Kustomization', namespace: 'flux-system', name },
      content: bundle,
    }))
    expect(release.set_digest).toBe(setDigest(members))
  }
})

test('a commit that changes one of many writes one desired row a cluster and one release', async () => {
  const names = Array.from({ length: 50 }, (_, at) => `k-${at}`)
  await consume(names)
  await moveTo('main@sha1:1', 'sha256:t1')
  const { settle } = service((artifact, options) => (options === 'options-k-7' ? artifact : 'same') + options)
  await settle()
  const before = await rows<{ counter: bigint }>('select counter from cluster_heads')
  await moveTo('main@sha1:2', 'sha256:t2')
  await settle()
  const after = await rows<{ counter: bigint }>('select counter from cluster_heads')
  // one desired row, one release, one status of the source object
  expect(after.map(({ counter }, at) => counter - (before[at]?.counter ?? 0n))).toEqual([3n, 3n])
})

test('a source that is settled twice at once, in some clusters and in all, is written once', async () => {
  await consume(['apps'])
  await moveTo('main@sha1:1', 'sha256:one')
  const store = createDesiredStore(database.db, async () => undefined)
  const plans = await store.wanted([{ sourceKey: KEY }, { sourceKey: KEY, clusters: CLUSTERS.slice(0, 1) }])
  const built: Built[] = [{ optionsDigest: 'options-apps', bundle: sha256('x') }]
  const both = plans.map(({ builds, objects }) => ({ sourceKey: KEY, objects, answers: builds.map(({ target }) => ({ target, built })) }))
  expect([...(await store.fanOut(both))].sort()).toEqual(CLUSTERS)
  expect(await rows('select distinct bundle from desired')).toEqual([{ bundle: sha256('x') }])
})

test('the same call twice changes nothing', async () => {
  await consume(['a'])
  await moveTo('main@sha1:1', 'sha256:t1')
  const { settle, due, told } = service((artifact) => artifact)
  await settle()
  const before = await rows('select * from cluster_heads order by cluster_id')
  expect(await due()).toEqual([])
  told.length = 0
  await settle()
  expect(await rows('select * from cluster_heads order by cluster_id')).toEqual(before)
  expect(told.flat()).toEqual([])
})

test('a suspended object stays at its revision while the others move on', async () => {
  await consume(['a'])
  await moveTo('main@sha1:1', 'sha256:t1')
  const { settle } = service((artifact) => artifact)
  await settle()
  await database.db.query('update source_objects set suspended = true where cluster_id = $1', [CLUSTERS[0]])
  await moveTo('main@sha1:2', 'sha256:t2')
  await settle()
  expect(await rows('select revision from releases order by cluster_id')).toEqual([
    { revision: 'main@sha1:1' },
    { revision: 'main@sha1:2' },
  ])
})

test('a consumer that arrives while its source is suspended is due, and is built from what that had', async () => {
  await moveTo('main@sha1:1', 'sha256:t1')
  const { settle, due } = service((artifact) => artifact)
  await settle()
  await database.db.query('update source_objects set suspended = true')
  await moveTo('main@sha1:2', 'sha256:t2')
  expect(await due()).toEqual([])
  await consume(['late'])
  expect(await due()).toEqual([KEY])
  await settle()
  expect(await rows('select distinct bundle from desired')).toEqual([{ bundle: sha256('sha256:t1') }])
  expect(await due()).toEqual([])
})

test('a consumer that arrives later is built from what its cluster has, and a new release covers it', async () => {
  await consume(['a'])
  await moveTo('main@sha1:1', 'sha256:t1')
  const { settle, due, built } = service((artifact, options) => artifact + options)
  await settle()
  built.length = 0
  await consume(['b'], CLUSTERS.slice(0, 1))
  expect(await due()).toEqual([KEY])
  await settle()
  expect(built).toEqual(['options-b'])
  const [first, second] = await rows<{ set_digest: string }>('select set_digest from releases order by cluster_id')
  expect(first?.set_digest).not.toBe(second?.set_digest)
})

test('a consumer that is gone, or that goes over to another source, has what it left released anew, whoever was killed in between', async () => {
  await consume(['apps', 'infra', 'moving'])
  await moveTo('main@sha1:1', 'sha256:one')
  const { due, settle } = service((artifact, options) => `${artifact} ${options}`)
  await settle()
  const released = async () => (await rows<{ set_digest: string }>('select distinct set_digest from releases')).map((row) => row.set_digest)
  const all = await released()
  expect(await due()).toEqual([])
  const gone = CLUSTERS.map((clusterId) => ({
    clusterId,
    group: 'kustomize.toolkit.fluxcd.io',
    kind: 'Kustomization',
    namespace: 'flux-system',
    name: 'infra',
  }))
  for (const statement of [DELETE_CONSUMERS, DELETE_DESIRED]) await database.db.query(statement, [JSON.stringify(gone)])
  expect(await due()).toEqual([KEY])
  await settle()
  const fewer = await released()
  expect(fewer).toHaveLength(1)
  expect(fewer).not.toEqual(all)
  expect(await due()).toEqual([])

  await database.db.query(
    `insert into source_objects (cluster_id, kind, namespace, name, source_key, generation, suspended, interval_ms)
     select id, 'GitRepository', 'flux-system', 'other', $2, 1, false, 60000 from unnest($1::text[]) as c (id)`,
    [CLUSTERS, KEY],
  )
  await database.db.query("update consumers set source_name = 'other' where name = 'moving'")
  await settle()
  expect(await due()).toEqual([KEY])
  await settle()
  expect(await due()).toEqual([])
  const left = await rows<{ set_digest: string }>("select distinct set_digest from releases where source_name = 'fleet'")
  const apps = { group: 'kustomize.toolkit.fluxcd.io', kind: 'Kustomization', namespace: 'flux-system', name: 'apps' }
  const expected = setDigest([{ object: apps, content: sha256('sha256:one options-apps') }])
  expect(left).toEqual([{ set_digest: expected }])
})

test('a source that cannot be fetched is told to its objects with the reason, once', async () => {
  await database.db.query(
    `update sources set problem = '{"reason": "AuthenticationFailed", "message": "no"}', checked_at = now() where key = $1`,
    [KEY],
  )
  const { settle, told } = service(() => '')
  await settle()
  await settle()
  expect(await rows('select problem from source_statuses')).toEqual(
    Array(2).fill({ problem: { reason: 'AuthenticationFailed', message: 'no' } }),
  )
  expect(told.filter((clusters) => clusters.length > 0)).toHaveLength(1)
})

test('a request to reconcile is answered by a check that began after it, even if nothing moved', async () => {
  await moveTo('main@sha1:1', 'sha256:t1')
  const { settle, due } = service(() => '')
  await settle()
  await database.db.query("update source_objects set requested_at = 'now please', requested_seen_at = now()")
  expect(await due()).toEqual([])
  await database.db.query('update sources set checked_at = now() where key = $1', [KEY])
  expect(await due()).toEqual([KEY])
  await settle()
  expect(await rows('select handled_at from source_statuses')).toEqual([{ handled_at: 'now please' }, { handled_at: 'now please' }])
})

/** A Rollout takes over the source object in these clusters. */
async function govern(clusters: readonly (string | undefined)[]): Promise<void> {
  await database.db.query(
    `insert into governed (cluster_id, source_kind, source_namespace, source_name, rollout)
     select c, 'GitRepository', 'flux-system', 'fleet', 'rollout-1' from unnest($1::text[]) as c`,
    [clusters],
  )
}

async function grant(cluster: string | undefined, revision: string): Promise<void> {
  await database.db.query(
    `insert into grants (cluster_id, source_kind, source_namespace, source_name, rollout, run, revision, artifact)
     select $1, 'GitRepository', 'flux-system', 'fleet', 'rollout-1', 'run-1', v.revision, v.artifact from revisions v where v.source_key = $2 and v.revision = $3
     on conflict (cluster_id, source_kind, source_namespace, source_name) do update set revision = excluded.revision, artifact = excluded.artifact`,
    [cluster, KEY, revision],
  )
}

const released = async () =>
  (await rows<{ revision: string }>('select revision from releases order by cluster_id')).map(({ revision }) => revision)

test('a governed object stays where it was granted while the source moves on, and an ungoverned one follows', async () => {
  await consume(['a'])
  await moveTo('main@sha1:1', 'sha256:t1')
  const { settle, due } = service((artifact) => artifact)
  await settle()
  await govern(CLUSTERS.slice(0, 1))
  await grant(CLUSTERS[0], 'main@sha1:1')
  await moveTo('main@sha1:2', 'sha256:t2')
  await settle()
  expect(await released()).toEqual(['main@sha1:1', 'main@sha1:2'])
  expect(await due()).toEqual([])
  await grant(CLUSTERS[0], 'main@sha1:2')
  expect(await due()).toEqual([KEY])
  await settle()
  expect(await released()).toEqual(['main@sha1:2', 'main@sha1:2'])
  expect(await rows('select revision from source_statuses order by cluster_id')).toEqual(Array(2).fill({ revision: 'main@sha1:2' }))
})

test('a governed object without a grant gets nothing new: it keeps what it has, and has nothing if it had nothing', async () => {
  await consume(['a'])
  await govern(CLUSTERS)
  await moveTo('main@sha1:1', 'sha256:t1')
  const { settle, due, built } = service((artifact) => artifact)
  await settle()
  expect(await released()).toEqual([])
  expect(built).toEqual([])
  expect(await rows('select * from source_statuses')).toEqual([])
  expect(await due()).toEqual([])
  await database.db.query("update source_objects set requested_at = 'now please', requested_seen_at = now() - interval '1 minute'")
  expect(await due()).toEqual([])

  await database.db.query('delete from governed where cluster_id = $1', [CLUSTERS[1]])
  await settle()
  await govern(CLUSTERS.slice(1))
  await moveTo('main@sha1:2', 'sha256:t2')
  await settle()
  expect(await released()).toEqual(['main@sha1:1'])
  expect(await due()).toEqual([])
})

test('a consumer that arrives in a governed cluster is built from what the cluster was granted', async () => {
  await consume(['a'])
  await moveTo('main@sha1:1', 'sha256:t1')
  await govern(CLUSTERS)
  for (const cluster of CLUSTERS) await grant(cluster, 'main@sha1:1')
  const { settle, due } = service((artifact, options) => artifact + options)
  await settle()
  await moveTo('main@sha1:2', 'sha256:t2')
  await consume(['b'], CLUSTERS.slice(0, 1))
  expect(await due()).toEqual([KEY])
  await settle()
  const { bundle } = (await rows<{ bundle: string }>("select bundle from desired where name = 'b'"))[0] ?? {}
  expect(bundle).toBe(sha256('sha256:t1options-b'))
})

test('a revision that the branch no longer has can still be granted, and is built from its kept tree', async () => {
  await consume(['a'])
  await moveTo('main@sha1:1', 'sha256:t1')
  await moveTo('main@sha1:forced', 'sha256:t3')
  await govern(CLUSTERS)
  await grant(CLUSTERS[0], 'main@sha1:forced')
  const { settle } = service((artifact) => artifact)
  await settle()
  await grant(CLUSTERS[0], 'main@sha1:1')
  await settle()
  expect(await released()).toEqual(['main@sha1:1'])
  expect(await rows('select bundle from desired')).toEqual([{ bundle: sha256('sha256:t1') }])
})

test('a suspended object stays at its revision whatever it is granted', async () => {
  await consume(['a'])
  await moveTo('main@sha1:1', 'sha256:t1')
  const { settle } = service((artifact) => artifact)
  await settle()
  await database.db.query('update source_objects set suspended = true where cluster_id = $1', [CLUSTERS[0]])
  await moveTo('main@sha1:2', 'sha256:t2')
  await govern(CLUSTERS)
  for (const cluster of CLUSTERS) await grant(cluster, 'main@sha1:2')
  await settle()
  expect(await released()).toEqual(['main@sha1:1', 'main@sha1:2'])
})

test('a problem of the source is told to governed objects too, and taken back when it has passed', async () => {
  await govern(CLUSTERS)
  await database.db.query(
    `update sources set problem = '{"reason": "GitOperationFailed", "message": "no"}', checked_at = now() where key = $1`,
    [KEY],
  )
  const { settle, due } = service((artifact) => artifact)
  await settle()
  await moveTo('main@sha1:1', 'sha256:t1')
  await database.db.query('update sources set problem = null where key = $1', [KEY])
  expect(await due()).toEqual([KEY])
  await settle()
  expect(await rows('select problem, revision from source_statuses')).toEqual(Array(2).fill({ problem: null, revision: '' }))
  expect(await due()).toEqual([])
})
