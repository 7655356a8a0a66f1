import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { mirrorFold } from '../../hub/objects/io/mirror.ts'
import { createReportStore } from '../../hub/reports/io/store.ts'
import type { Received } from '../../hub/reports/model.ts'
import { createReportService } from '../../hub/reports/service.ts'
import { serve } from '../../hub/sources/serve.ts'
import { silentLog } from '../../proto/base/log.ts'
import { type ClusterId, parseClusterId } from '../../proto/model/ids.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { refOf } from '../../proto/model/manifest.ts'
import { EMPTY_REPORT, type MirroredReport, type Report } from '../../proto/model/report.ts'
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
  await db.query('truncate clusters, sources, objects, tombstones, events, rejected_reports cascade')
  await db.query("insert into clusters (id, name, public_key, csr) values ($1, 'staging', 'k', '')", [CLUSTER])
  await db.query('insert into cluster_heads (cluster_id) values ($1)', [CLUSTER])
  resyncs.length = 0
})

const service = () => {
  const { db } = database
  return createReportService({
    store: createReportStore(db, mirrorFold),
    receiveCredential: async () => 'credential-1',
    sourceOf: ({ manifest }, credentialId, trusted) => serve(manifest, { credentialId, trusted }) as never,
    isTenants: async (namespace) => namespace === 'team-a',
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

test('a message that comes twice is folded once, and an older one not at all', async () => {
  const { fold } = service()
  await fold([report(2n, { objects: [seen(repository())] })])
  expect(await fold([report(2n, { objects: [seen(repository())] }), report(1n, { deletions: [] })])).toEqual({ fetch: [], settle: [] })
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

test("a tenant's repository never shares a source with the platform's", async () => {
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
