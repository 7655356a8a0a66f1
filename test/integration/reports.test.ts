import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { mirrorFold } from '../../hub/objects/io/mirror.ts'
import { createReportStore } from '../../hub/reports/io/store.ts'
import type { Received } from '../../hub/reports/model.ts'
import { NOTHING_FOLDED, type OwnersOf } from '../../hub/reports/ports.ts'
import { createReportService } from '../../hub/reports/service.ts'
import { serve } from '../../hub/sources/serve/serve.ts'
import { createTenantStore } from '../../hub/tenants/io/store.ts'
import { silentLog } from '../../proto/base/log.ts'
import { type ClusterId, parseClusterId } from '../../proto/model/ids.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { refOf } from '../../proto/model/manifest.ts'
import { type AppliedReport, EMPTY_REPORT, type MirroredReport, type Report } from '../../proto/model/report.ts'
import type { Lane } from '../../proto/model/subjects.ts'
import { openTestDatabase, type TestDatabase } from '../support/postgres.ts'

const CLUSTER = parseClusterId('c-000000000000000000000001') as ClusterId
let database: TestDatabase
const resyncs: string[] = []

beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database[Symbol.asyncDispose]())
beforeEach(async () => {
  const { db } = database
  await db.query('truncate clusters, sources, objects, tombstones, events, rejected_reports, source_reviews, tenant_namespaces cascade')
  await db.query("insert into clusters (id, name, public_key, csr) values ($1, 'staging', 'k', '')", [CLUSTER])
  await db.query('insert into cluster_heads (cluster_id) values ($1)', [CLUSTER])
  resyncs.length = 0
})

const service = (ownersOf?: OwnersOf) => {
  const { db } = database
  return createReportService({
    store: createReportStore(db, mirrorFold),
    receiveCredential: async () => 'credential-1',
    sourceOf: ({ manifest, ...given }, owner) => serve(manifest, { ...given, trusted: owner === undefined, tenant: owner }),
    ownersOf: ownersOf ?? ((namespaces) => createTenantStore(db).tenantsOfNamespaces(namespaces)),
    askResync: async (cluster) => void resyncs.push(cluster),
    log: silentLog,
  })
}

const repository = (name = 'fleet', extra: object = {}, namespace = 'flux-system'): Manifest => ({
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind: 'GitRepository',
  metadata: {
    name,
    namespace,
    uid: `uid-${name}`,
    generation: 1,
    resourceVersion: '5',
    creationTimestamp: '2026-01-01T00:00:00Z',
    ...extra,
  },
  spec: { url: 'https://git.example.com/fleet', interval: '1m', ref: { branch: 'main' } },
})
const kustomization = (name: string, version = '7'): Manifest => ({
  apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
  kind: 'Kustomization',
  metadata: {
    name,
    namespace: 'flux-system',
    uid: `uid-${name}`,
    generation: 1,
    resourceVersion: version,
    creationTimestamp: '2026-01-01T00:00:00Z',
  },
  spec: { interval: '10m', path: `./${name}`, prune: true, sourceRef: { kind: 'GitRepository', name: 'fleet' } },
})
const seen = (manifest: Manifest): MirroredReport => ({
  ref: refOf(manifest),
  uid: manifest.metadata.uid ?? '',
  generation: 1,
  resourceVersion: manifest.metadata.resourceVersion ?? '',
  manifest,
  sealedCredential: undefined,
  credentialProblem: undefined,
})
const report = (sequence: bigint, content: Partial<Report>, lane: Lane = 'objects'): Received => ({
  clusterId: CLUSTER,
  lane,
  report: { ...EMPTY_REPORT, boot: 1n, sequence, ...content },
})
const count = async (table: string) => Number((await database.db.query<{ n: bigint }>(`select count(*) as n from ${table}`)).rows[0]?.n)

test('a GitRepository becomes a source to look at, a Kustomization its consumer', async () => {
  const folded = await service().fold([report(1n, { objects: [seen(repository()), seen(kustomization('apps'))] })])
  expect(folded.fetch).toHaveLength(1)
  expect(folded.settle).toEqual(folded.fetch)
  expect(await count('consumers')).toBe(1)
  expect((await database.db.query('select source_name, options from consumers')).rows).toEqual([
    { source_name: 'fleet', options: { path: 'apps' } },
  ])
})

test('a source moved when an object of it comes, goes, is suspended or goes over to it, and not when it is asked for', async () => {
  const { fold } = service()
  let sequence = 0n
  const moved = async (content: Partial<Report>) => (await fold([report(++sequence, content)])).moved
  const having = (manifest: Manifest, version: string, more: object = {}) => {
    const metadata = { ...manifest.metadata, resourceVersion: version, ...more }
    return { objects: [seen({ ...manifest, metadata })] }
  }
  const [key = ''] = await moved(having(repository(), '5'))
  expect(key).not.toBe('')
  expect(await moved(having(repository(), '6', { annotations: { 'reconcile.fluxcd.io/requestedAt': 'now' } }))).toEqual([])
  expect(await moved({ objects: [seen(kustomization('apps'))] })).toEqual([])
  const suspended = { ...repository(), spec: { ...(repository().spec as object), suspend: true } }
  expect(await moved(having(suspended, '7'))).toEqual([key])
  const elsewhere = { ...repository(), spec: { ...(repository().spec as object), url: 'https://git.example.com/other' } }
  const [other = ''] = await moved(having(elsewhere, '8'))
  expect([other === '', other === key]).toEqual([false, false])
  expect(await moved({ deletions: [{ ref: refOf(elsewhere), uid: 'uid-fleet', resourceVersion: '9' }] })).toEqual([other])
})

test('a message that comes twice is folded once, and an older one not at all', async () => {
  const { fold } = service()
  await fold([report(2n, { objects: [seen(repository())] })])
  expect(await fold([report(2n, { objects: [seen(repository())] }), report(1n, { deletions: [] })])).toEqual(NOTHING_FOLDED)
  const other = report(1n, { objects: [seen(kustomization('late'))] })
  await fold([other])
  expect(await count('consumers')).toBe(0)
})

test('a new boot of the agent starts over with its sequences', async () => {
  const { fold } = service()
  await fold([report(9n, { objects: [seen(repository())] })])
  await fold([
    {
      ...report(1n, { objects: [seen(kustomization('apps'))] }),
      report: { ...EMPTY_REPORT, boot: 2n, sequence: 1n, objects: [seen(kustomization('apps'))] },
    },
  ])
  expect(await count('consumers')).toBe(1)
})

test('what a complete list does not name is gone with all that hangs on it, and the agent is told', async () => {
  const { fold } = service()
  await fold([report(1n, { objects: [seen(repository()), seen(kustomization('keep')), seen(kustomization('lose'))] })])
  await database.db.query(
    `insert into desired select cluster_id, grp, kind, namespace, name, source_kind, source_namespace, source_name, options_digest, 'sha256:x', null, 1 from consumers`,
  )
  const listed = [repository(), kustomization('keep')].map((object) => ({
    ref: refOf(object),
    uid: object.metadata.uid ?? '',
    resourceVersion: '9',
  }))
  const folded = await fold([report(2n, { list: { id: 'l', listed, last: true } })])
  expect((await database.db.query('select name from consumers')).rows).toEqual([{ name: 'keep' }])
  expect((await database.db.query('select name, fact from removals')).rows).toEqual([{ name: 'lose', fact: 'desired' }])
  expect(folded.settle).toHaveLength(1)
  expect(await count('objects')).toBe(2)
})

test('a second request to reconcile asks for another look; the same object again does not', async () => {
  const { fold } = service()
  await fold([report(1n, { objects: [seen(repository())] })])
  const asked = repository('fleet', { resourceVersion: '6', annotations: { 'reconcile.fluxcd.io/requestedAt': 'now' } })
  expect((await fold([report(2n, { objects: [seen(asked)] })])).fetch).toHaveLength(1)
  expect((await fold([report(3n, { objects: [seen(asked)] })])).fetch).toHaveLength(0)
})

/** What a settled Tenant comes to in the rows. */
const own = async (namespace: string, hosts?: readonly string[]) => {
  await database.db.query(
    'insert into tenant_namespaces (namespace, tenant, hosts) values ($1, $1, $2) on conflict (namespace) do update set hosts = excluded.hosts',
    [namespace, hosts ?? null],
  )
  await database.db.query('insert into source_reviews (namespace) values ($1) on conflict do nothing', [namespace])
}
const served = async () =>
  (
    await database.db.query<{ problem: { reason: string } | null; credential_id: string | null; hosts: string[] | null }>(
      `select o.problem, o.credential_id, s.hosts from source_objects o left join sources s on s.key = o.source_key where o.namespace = 'team-a'`,
    )
  ).rows.map(({ credential_id, hosts, problem }) => ({ refused: problem?.reason, credential_id, hosts }))

test('a new list of hosts is held against sources that are there, without a word of the agent, and their credential is kept', async () => {
  const { fold, review } = service()
  await fold([
    report(1n, { objects: [seen(repository()), { ...seen(repository('own', {}, 'team-a')), sealedCredential: Buffer.from('box') }] }),
  ])
  expect(await served()).toEqual([{ refused: undefined, credential_id: 'credential-1', hosts: null }])
  await own('team-a', ['other.example'])
  expect((await review())?.settle).toEqual([expect.stringMatching(/^none:/)])
  expect(await served()).toEqual([{ refused: 'AccessDenied', credential_id: 'credential-1', hosts: null }])
  expect(await review()).toBeUndefined()
  await own('team-a', ['git.example.com'])
  const again = await review()
  expect(again?.fetch).toHaveLength(1)
  expect(again?.settle).toEqual(again?.fetch)
  expect(await served()).toEqual([{ refused: undefined, credential_id: 'credential-1', hosts: ['git.example.com'] }])
})

test('a fold that read the hosts before they changed is looked at by the review that follows', async () => {
  const folding = Promise.withResolvers<void>()
  const read = Promise.withResolvers<void>()
  const slow = service(async (namespaces) => {
    const owners = await createTenantStore(database.db).tenantsOfNamespaces(namespaces)
    read.resolve()
    await folding.promise
    return owners
  })
  const folded = slow.fold([report(1n, { objects: [seen(repository('own', {}, 'team-a'))] })])
  await read.promise
  await own('team-a', ['other.example'])
  const reviewed = service().review()
  folding.resolve()
  await Promise.all([folded, reviewed])
  expect(await served()).toMatchObject([{ refused: 'AccessDenied' }])
})

test("a tenant's repository never shares a source with the platform's", async () => {
  await own('team-a')
  await service().fold([report(1n, { objects: [seen(repository()), seen(repository('fleet', {}, 'team-a'))] })])
  expect((await database.db.query('select trusted from sources order by trusted')).rows).toEqual([{ trusted: false }, { trusted: true }])
})

test('a repository that cannot be served is told why, without a source', async () => {
  const broken: Manifest = {
    ...repository(),
    spec: { url: 'https://git.example.com/fleet', interval: '1m', verify: { mode: 'HEAD', secretRef: { name: 'k' } } },
  }
  const folded = await service().fold([report(1n, { objects: [seen(broken)] })])
  expect(await count('sources')).toBe(0)
  expect(
    (await database.db.query<{ problem: { message: string } }>('select problem from source_objects')).rows[0]?.problem.message,
  ).toContain('spec.verify')
  expect(folded.settle).toEqual([expect.stringMatching(/^none:/)])
})

test('one poisoned message is set aside with its reason; its neighbours are folded and its cluster is asked again', async () => {
  const poison = seen({ ...kustomization('bad'), metadata: { ...kustomization('bad').metadata, creationTimestamp: 'not a time' } })
  await service().fold([
    report(1n, { objects: [seen(repository())] }),
    report(2n, { objects: [poison] }),
    report(3n, { objects: [seen(kustomization('good'))] }),
  ])
  expect((await database.db.query('select name from consumers')).rows).toEqual([{ name: 'good' }])
  expect(await count('rejected_reports')).toBe(1)
  expect(resyncs).toEqual([CLUSTER])
})

test('a revision is one row a source object; a straggler carries its own', async () => {
  const { fold } = service()
  await fold([report(1n, { objects: [seen(repository()), seen(kustomization('a')), seen(kustomization('b'))] })])
  const reached = { source: refOf(repository()), revision: 'main@sha1:2', ready: 1, notReady: 1, setDigest: 'sha256:s', at: new Date() }
  const late = {
    object: refOf(kustomization('b')),
    lastAppliedRevision: 'main@sha1:1',
    lastAttemptedRevision: 'main@sha1:2',
    inLine: false,
  }
  await fold([report(1n, { reached: [reached], stragglers: [late] }, 'status')])
  expect((await database.db.query('select revision, ready, not_ready from reached')).rows).toEqual([
    { revision: 'main@sha1:2', ready: 1, not_ready: 1 },
  ])
  expect((await database.db.query('select name, last_applied_revision as at from observed where not in_line')).rows).toEqual([
    { name: 'b', at: 'main@sha1:1' },
  ])
  await fold([report(2n, { reached: [{ ...reached, ready: 2, notReady: 0 }], stragglers: [{ ...late, inLine: true }] }, 'status')])
  expect(await count('observed where not in_line')).toBe(0)
})

// Settled before the Rollout knew of it, a cluster that joins would have the newest revision without a wave.
test('a source object that a Rollout moves is held from its first report on, by the oldest such Rollout', async () => {
  const { db } = database
  await db.query('truncate governed')
  for (const [name, source, at] of [
    ['younger', 'fleet', '2026-02-01'],
    ['older', 'fleet', '2026-01-01'],
    ['other', 'else', '2025-01-01'],
  ])
    await db.query(
      `insert into objects (scope, grp, kind, namespace, name, version, uid, generation, created_at, spec)
       values ('fleet', 'fleet.flotilla.dev', 'Rollout', 'flux-system', $1, 'v1alpha1', 'uid-' || $1, 1, $3, jsonb_build_object('source', jsonb_build_object('kind', 'GitRepository', 'name', $2::text)))`,
      [name, source, at],
    )
  const { fold } = service()
  await fold([report(1n, { objects: [seen(repository()), seen(repository('free'))] })])
  expect((await db.query('select source_name, rollout from governed')).rows).toEqual([{ source_name: 'fleet', rollout: 'uid-older' }])
  await db.query('delete from governed')
  await fold([report(2n, { objects: [seen(repository('fleet', { annotations: { 'reconcile.fluxcd.io/requestedAt': 'now' } }))] })])
  expect(await count('governed')).toBe(0)
})

test('a word on what was applied is written when it is another, and goes with its object', async () => {
  const { fold } = service()
  const { db } = database
  const apps = kustomization('apps')
  const child = { ref: refOf(kustomization('child')), uid: 'uid-child', generation: 2 }
  const word: AppliedReport = {
    ...{ object: refOf(apps), uid: 'uid-apps', generation: 1, bundle: 'sha256:b' },
    ...{ health: 'InProgress', message: 'Deployment/a/b is InProgress', fluxObjects: [child] },
  }
  const read = async () =>
    (await db.query('select xmin::text, name, generation, bundle, health, message, flux_objects from applied')).rows[0]
  // The lane of words may come before the one of objects.
  await fold([report(1n, { applied: [word] }, 'status'), report(1n, { objects: [seen(apps)] })])
  const first = await read()
  expect(first).toMatchObject({ name: 'apps', bundle: 'sha256:b', health: 'InProgress', flux_objects: [{ name: 'child', generation: 2 }] })
  await fold([report(2n, { applied: [word] }, 'status')])
  expect(await read()).toEqual(first)
  await fold([report(3n, { applied: [word, { ...word, health: 'Current', message: '' }] }, 'status')])
  expect(await read()).toMatchObject({ health: 'Current', message: '' })
  const gone = { ref: refOf(apps), uid: 'uid-apps', resourceVersion: '9' }
  await fold([report(4n, { applied: [word] }, 'status'), report(2n, { deletions: [gone] })])
  expect(await count('applied')).toBe(0)
})
