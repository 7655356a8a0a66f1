import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { mirrorFold } from '../../hub/objects/io/mirror.ts'
import { createReportStore } from '../../hub/reports/io/store.ts'
import type { Received } from '../../hub/reports/model.ts'
import { createReportService } from '../../hub/reports/service.ts'
import { serve } from '../../hub/sources/serve/serve.ts'
import { createTenantStore } from '../../hub/tenants/io/store.ts'
import { silentLog } from '../../proto/base/log.ts'
import { parseClusterId } from '../../proto/model/ids.ts'
import { type Manifest, refOf } from '../../proto/model/manifest.ts'
import { EMPTY_REPORT, type MirroredReport } from '../../proto/model/report.ts'
import { openTestDatabase, type TestDatabase } from '../support/postgres.ts'

// What is fetched for a HelmChart follows the repository that it is taken from, in the same cluster.

const CLUSTER = parseClusterId('c-000000000000000000000001') as Received['clusterId']
let database: TestDatabase
let sequence = 0n
const next = () => {
  sequence += 1n
  return sequence
}

beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database[Symbol.asyncDispose]())
beforeEach(async () => {
  const { db } = database
  await db.query('truncate clusters, sources, objects, tombstones, source_reviews, tenant_namespaces cascade')
  await db.query("insert into clusters (id, name, public_key, csr) values ($1, 'staging', 'k', '')", [CLUSTER])
  await db.query('insert into cluster_heads (cluster_id) values ($1)', [CLUSTER])
})

const service = () =>
  createReportService({
    store: createReportStore(database.db, mirrorFold),
    receiveCredential: async (box) => `credential-${box[0]}`,
    sourceOf: ({ manifest, ...given }, owner) => serve(manifest, { ...given, trusted: owner === undefined, tenant: owner }),
    ownersOf: (namespaces) => createTenantStore(database.db).tenantsOfNamespaces(namespaces),
    askResync: async () => undefined,
    log: silentLog,
  })

const object = (kind: string, name: string, spec: object, generation = 1): Manifest => ({
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind,
  metadata: {
    name,
    namespace: 'apps',
    uid: `uid-${kind}-${name}`,
    generation,
    resourceVersion: `${next()}`,
    creationTimestamp: '2026-01-01T00:00:00Z',
  },
  spec,
})
const repository = (url: string, spec: object = {}) => object('HelmRepository', 'repo', { url, interval: '1m', ...spec })
const chart = (spec: object = {}, generation = 1) =>
  object(
    'HelmChart',
    'web',
    { chart: 'web', version: '1.x', interval: '5m', sourceRef: { kind: 'HelmRepository', name: 'repo' }, ...spec },
    generation,
  )
const seen = (manifest: Manifest, credential?: number): MirroredReport => ({
  ref: refOf(manifest),
  uid: manifest.metadata.uid ?? '',
  generation: manifest.metadata.generation ?? 1,
  resourceVersion: manifest.metadata.resourceVersion ?? '',
  manifest,
  sealedCredential: credential === undefined ? undefined : Uint8Array.of(credential),
  credentialProblem: undefined,
})
const fold = (...objects: readonly MirroredReport[]) =>
  service().fold([{ clusterId: CLUSTER, lane: 'objects', report: { ...EMPTY_REPORT, boot: 1n, sequence: next(), objects } }])

interface ChartRow {
  readonly key: string
  readonly url: string | null
  readonly credential: string | null
  readonly reason: string | null
}
async function chartRow(): Promise<ChartRow> {
  const { rows } = await database.db.query<ChartRow>(
    `select so.source_key as key, s.url, s.credential_id as credential, so.problem ->> 'reason' as reason
     from source_objects so left join sources s on s.key = so.source_key where so.kind = 'HelmChart'`,
  )
  return rows[0] ?? expect.fail('there is no row of the chart')
}

test('a chart has the address and the credential of its repository, whichever is reported first', async () => {
  await fold(seen(chart()))
  expect(await chartRow()).toMatchObject({ url: null, reason: 'SourceUnavailable' })
  const { fetch } = await fold(seen(repository('https://charts.example'), 7))
  const row = await chartRow()
  expect(row).toMatchObject({ url: 'https://charts.example', credential: 'credential-7', reason: null })
  expect(fetch).toContain(row.key)
})

test('a chart gets another Source when its repository has another address or credential, and none when that is gone', async () => {
  await fold(seen(repository('https://a.example'), 1), seen(chart()))
  const keys = [(await chartRow()).key]
  await fold(seen(repository('https://b.example'), 1))
  keys.push((await chartRow()).key)
  await fold(seen(repository('https://b.example'), 2))
  keys.push((await chartRow()).key)
  expect(new Set(keys).size).toBe(3)
  const gone = repository('https://b.example')
  const deletion = { ref: refOf(gone), uid: gone.metadata.uid ?? '', resourceVersion: '999' }
  await service().fold([
    { clusterId: CLUSTER, lane: 'objects', report: { ...EMPTY_REPORT, boot: 1n, sequence: next(), deletions: [deletion] } },
  ])
  expect(await chartRow()).toMatchObject({ url: null, reason: 'SourceUnavailable' })
})

test('a repository in a registry is only looked up: it is no source, and its credential goes to its charts', async () => {
  await fold(seen(repository('oci://registry.example/charts', { type: 'oci' }), 3), seen(chart()))
  expect(await chartRow()).toMatchObject({ url: 'oci://registry.example/charts', credential: 'credential-3', reason: null })
  expect((await database.db.query("select key from sources where kind = 'HelmRepository'")).rows).toEqual([])
})

test('equal charts share a Source; values files make it one of its generation', async () => {
  await fold(seen(repository('https://a.example')), seen(chart()))
  const { key } = await chartRow()
  await fold(seen(chart({}, 2)))
  expect((await chartRow()).key).toBe(key)
  await fold(seen(chart({ valuesFiles: ['values.yaml'] }, 3)))
  expect((await chartRow()).key).toBe(key)
  await fold(seen(chart({ valuesFiles: ['prod.yaml'] }, 4)))
  const fourth = (await chartRow()).key
  await fold(seen(chart({ valuesFiles: ['prod.yaml'] }, 5)))
  expect(new Set([key, fourth, (await chartRow()).key]).size).toBe(3)
})

test('a chart in git follows its repository, as a Source of its own', async () => {
  const git = (branch: string) => object('GitRepository', 'repo', { url: 'https://git.example/r', interval: '1m', ref: { branch } })
  await fold(seen(git('main')), seen(chart({ chart: './charts/web', sourceRef: { kind: 'GitRepository', name: 'repo' } })))
  const first = await chartRow()
  expect(first).toMatchObject({ url: 'https://git.example/r', reason: null })
  await fold(seen(git('next')))
  expect((await chartRow()).key).not.toBe(first.key)
})

describe('while the repository is suspended', () => {
  const tree = (digit: string) => `sha256:${digit.repeat(64)}`
  /** What the hub gave the cluster of an object, as of the source that it has now. */
  const release = async (kind: string, name: string, [revision, artifact]: readonly [string, string]) =>
    database.db.query(
      `insert into releases (cluster_id, source_kind, source_namespace, source_name, source_key, revision, artifact, set_digest, position)
       select cluster_id, kind, namespace, name, source_key, $3, $4, '', 1 from source_objects where kind = $1 and name = $2`,
      [kind, name, revision, artifact],
    )
  const sourceOf = async (key: string) =>
    (
      await database.db.query<{ revision: string | null; artifact: string | null; options: object }>(
        'select * from sources where key = $1',
        [key],
      )
    ).rows[0]
  const suspended = () => repository('https://a.example', { suspend: true })

  test('a chart keeps what it has of it, and goes back to its Source afterwards', async () => {
    await fold(seen(repository('https://a.example')), seen(chart()))
    const { key } = await chartRow()
    await release('HelmRepository', 'repo', ['sha256:index', tree('1')])
    await release('HelmChart', 'web', ['1.2.0', tree('2')])
    await database.db.query("insert into revisions (source_key, revision, artifact, metadata) values ($1, '1.2.0', $2, $3)", [
      key,
      tree('2'),
      JSON.stringify({ chart: 'web' }),
    ])
    await fold(seen(suspended()))
    const frozen = (await chartRow()).key
    expect(frozen).not.toBe(key)
    expect(await sourceOf(frozen)).toMatchObject({
      ...{ revision: '1.2.0', artifact: tree('2') },
      options: { frozen: { revision: 'sha256:index', artifact: tree('1') } },
    })
    const { rows } = await database.db.query('select artifact, metadata from revisions where source_key = $1', [frozen])
    expect(rows).toEqual([{ artifact: tree('2'), metadata: { chart: 'web' } }])
    const { fetch } = await fold(seen(repository('https://a.example')))
    expect(await chartRow()).toMatchObject({ key, reason: null })
    expect(fetch).toContain(key)
  })

  test('a chart that asks for something else, or is new, is looked for in what the repository had', async () => {
    await fold(seen(repository('https://a.example')), seen(chart()))
    await release('HelmRepository', 'repo', ['sha256:index', tree('1')])
    await release('HelmChart', 'web', ['1.2.0', tree('2')])
    await fold(seen(suspended()), seen(chart({ version: '2.x' }, 2)))
    const { key } = await chartRow()
    expect(await sourceOf(key)).toMatchObject({ revision: null, artifact: null, options: { version: '2.x', frozen: expect.anything() } })
  })

  test('a chart has nothing of a repository that had nothing', async () => {
    await fold(seen(suspended()), seen(chart()))
    expect(await chartRow()).toMatchObject({ url: null, reason: 'NoSourceArtifact' })
  })

  test('a chart of a registry, which is only looked up, goes on', async () => {
    await fold(seen(repository('oci://registry.example/charts', { type: 'oci' })), seen(chart()))
    const { key } = await chartRow()
    await fold(seen(repository('oci://registry.example/charts', { type: 'oci', suspend: true })))
    expect(await chartRow()).toMatchObject({ key, reason: null })
  })
})

test('a name that no chart has, and a repository that is not served, are told', async () => {
  await fold(seen(repository('https://a.example')), seen(chart({ chart: '../etc' })))
  expect(await chartRow()).toMatchObject({ reason: 'InvalidChartReference' })
  await fold(seen(repository('oci://a.example/x', { type: 'oci', provider: 'aws' })), seen(chart()))
  expect(await chartRow()).toMatchObject({ reason: 'NoSourceArtifact' })
})

test('the keys that must have signed a chart come with the chart, and its credential with the repository', async () => {
  const verify = { verify: { provider: 'cosign', secretRef: { name: 'keys' } } }
  const signers = async () =>
    (
      await database.db.query("select options ->> 'signers' as id from sources where kind = 'HelmChart' and key = $1", [
        (await chartRow()).key,
      ])
    ).rows[0]
  await fold(seen(repository('oci://registry.example/charts', { type: 'oci' }), 3), seen(chart(verify), 8))
  expect(await chartRow()).toMatchObject({ credential: 'credential-3', reason: null })
  expect(await signers()).toEqual({ id: 'credential-8' })
  await fold(seen(repository('oci://registry.example/charts', { type: 'oci' }), 4))
  expect(await chartRow()).toMatchObject({ credential: 'credential-4' })
  expect(await signers()).toEqual({ id: 'credential-8' })
  await fold(seen(repository('https://a.example')))
  expect(await chartRow()).toMatchObject({ reason: 'VerificationError' })
})

test('a tenant that gets another list of hosts has its charts looked at again', async () => {
  await fold(seen(repository('https://a.example')), seen(chart()))
  const { db } = database
  await db.query("insert into tenant_namespaces (tenant, namespace, hosts) values ('team', 'apps', '{b.example}')")
  await db.query("insert into source_reviews (namespace) values ('apps')")
  await service().review()
  expect(await chartRow()).toMatchObject({ url: null, reason: 'AccessDenied' })
})
