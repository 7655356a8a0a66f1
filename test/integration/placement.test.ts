import { Registry } from 'prom-client'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { hold } from '../../agent/cache/hold.ts'
import { openDisk } from '../../agent/cache/io/disk.ts'
import { NOTHING_HELD } from '../../agent/cache/model.ts'
import { heldDigest } from '../../agent/session/inbox.ts'
import { placementObjects } from '../../hub/app/placing.ts'
import type { Db } from '../../hub/db/db.ts'
import { openObjects } from '../../hub/objects/io/open.ts'
import type { ObjectService } from '../../hub/objects/service.ts'
import { openPlacementMetrics } from '../../hub/placement/io/metrics.ts'
import { createStandingStore } from '../../hub/placement/io/standing.ts'
import { DUE_CLUSTERS } from '../../hub/placement/io/statements.ts'
import { createPlacementStore } from '../../hub/placement/io/store.ts'
import { sweepManifests } from '../../hub/placement/io/sweep.ts'
import type { PlacementNews } from '../../hub/placement/model.ts'
import { createPlacementService, type PlacementService } from '../../hub/placement/service.ts'
import { foldPlaced } from '../../hub/reports/io/placed.ts'
import { acknowledge, readFacts, readHead } from '../../hub/stream/io/facts.ts'
import { wantedAccess } from '../../hub/tenants/access.ts'
import { createTenantStore } from '../../hub/tenants/io/store.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { silentLog } from '../../proto/base/log.ts'
import { CLUSTER, PLACEMENT, TENANT } from '../../proto/model/fleet/kinds.ts'
import type { PlacementStatus } from '../../proto/model/fleet/placement.ts'
import { type ClusterId, parseClusterId } from '../../proto/model/ids.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import type { PlacedState } from '../../proto/model/report.ts'
import { countingDb } from '../support/counting-db.ts'
import { openTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { openTempDir } from '../support/temp-dir.ts'

// The rows of placements over a real Postgres: what is decided, what is sent, what agents' words make of it.

let database: TestDatabase
let objects: ObjectService
let service: PlacementService
let db: Db
const scope = new AsyncDisposableStack()
let counted: { statements: number }

beforeAll(async () => {
  database = scope.use(await openTestDatabase())
  db = database.db
  objects = scope.use(openObjects({ db, clock: systemClock, log: silentLog })).service
  service = openService()
})
afterAll(() => scope.disposeAsync())
beforeEach(async () => {
  await db.query(
    'truncate clusters, objects, tombstones, tenant_namespaces, tenant_access, placements, placement_revisions, placement_targets, governed, grants cascade',
  )
  await objects.create(
    TENANT,
    fleetObject('Tenant', 'shop', { namespaces: ['shop', 'a-shop'], clusters: { all: true }, clusterRole: 'edit', serviceAccount: 'sa' }),
  )
})

function openService(told: (news: PlacementNews) => void = () => undefined): PlacementService {
  const counting = countingDb(db)
  counted = counting.counted
  return createPlacementService({
    ...{ store: createPlacementStore(counting), standings: createStandingStore(db), objects: placementObjects({ objects }) },
    ...{ hint: async () => undefined, changed: () => undefined, told, clock: systemClock, log: silentLog },
  })
}

/** The database with something that happens in the middle of a transaction, once, after a statement. */
function interrupted(after: string, happens: () => Promise<unknown>): Db {
  let left = 1
  return {
    ...db,
    transaction: (work, plans) =>
      db.transaction(
        (tx) =>
          work({
            async query(text, values) {
              const answer = await tx.query(text, values)
              if (text === after && left-- === 1) await happens()
              return answer as never
            },
          }),
        plans,
      ),
  }
}

function fleetObject(kind: string, name: string, spec: object, metadata: object = {}): Manifest {
  return { apiVersion: 'fleet.flotilla.dev/v1alpha1', kind, metadata: { name, ...metadata }, spec: spec as Record<string, unknown> }
}

const ids = new Map<string, ClusterId>()
async function join(...names: readonly string[]): Promise<void> {
  for (const name of names) {
    const id = parseClusterId(`c-${name.replaceAll(/\D/g, '').padStart(24, '0')}`)
    if (!id) throw new Error(`${name} makes no id`)
    ids.set(name, id)
    await db.query(`insert into clusters (id, name, public_key, csr, approved_at) values ($1, $2, $2, '', now())`, [id, name])
    await db.query('insert into cluster_heads (cluster_id) values ($1)', [id])
    await objects.create(
      CLUSTER,
      fleetObject('Cluster', name, { approved: true }, { labels: { ring: name.endsWith('1') ? 'one' : 'other' } }),
    )
  }
  await createTenantStore(db).settle(wantedAccess)
}
const id = (name: string) => ids.get(name) as ClusterId

const source = (name: string, spec: object = {}) => ({
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind: 'GitRepository',
  metadata: { name },
  spec: { url: 'https://git.example.com/web', interval: '1m', ...spec },
})
const at = (name: string) => ({ scope: 'fleet', group: 'fleet.flotilla.dev', kind: 'Placement', namespace: 'shop', name })
async function place(name: string, spec: object = {}): Promise<string> {
  const whole = { clusters: { all: true }, objects: [source('web')], onUnmatch: 'delete', ...spec }
  const made = await objects.create(PLACEMENT, service.held(fleetObject('Placement', name, whole, { namespace: 'shop' })))
  await settle()
  return made.manifest.metadata.uid ?? ''
}
const change = (name: string, spec: object) => objects.change(at(name), (old) => ({ ...old, spec: { ...(old.spec as object), ...spec } }))
async function settle(): Promise<number> {
  counted.statements = 0
  await service.settle(AbortSignal.timeout(30_000))
  await service.refresh()
  return counted.statements
}
const statusOf = async (name: string) => (await objects.get(at(name)))?.manifest.status as PlacementStatus
interface Row {
  readonly cluster_id: string
  readonly name: string
  readonly owner: string
  readonly leaving: string | null
  readonly position: bigint
  readonly state: string
}
const rows = async () =>
  (await db.query<Row>('select cluster_id, name, owner, leaving, position, state from placed order by cluster_id, name')).rows
/** What an agent says of everything in its cluster. */
async function say(cluster: string, state: PlacedState, o: { message?: string; position?: bigint } = {}): Promise<boolean> {
  const placed = (
    await db.query<Row & { grp: string; kind: string; namespace: string }>('select * from placed where cluster_id = $1', [id(cluster)])
  ).rows
  const reports = placed.map(({ grp, kind, name, namespace, position }) => ({
    clusterId: id(cluster),
    value: { object: { group: grp, kind, namespace, name }, position: o.position ?? position, state, message: o.message ?? '' },
  }))
  const { freed } = await db.transaction((tx) => foldPlaced(tx, reports))
  await service.refresh()
  return freed
}

test('a change costs the same number of statements for one cluster and for three hundred', async () => {
  await join('n1')
  await place('web')
  await change('web', { objects: [source('web', { interval: '2m' })] })
  const one = await settle()
  await join(...Array.from({ length: 299 }, (_, at) => `n${at + 2}`))
  await settle()
  expect(await rows()).toHaveLength(300)
  await change('web', { objects: [source('web', { interval: '3m' })] })
  expect(await settle()).toBe(one)
  // Content is kept once, however many clusters it goes to.
  expect((await db.query('select from manifests where digest in (select manifest from placed)')).rowCount).toBe(1)
  expect((await db.query('select from placed where position > 0 and state = $1', ['pending'])).rowCount).toBe(300)
}, 60_000)

test('what did not change is not written again, and what was written without a settlement is found', async () => {
  await join('n1', 'n2')
  await place('web')
  const before = await rows()
  await settle()
  expect(await rows()).toEqual(before)
  await objects.change({ ...at('n2'), kind: 'Cluster', namespace: '' }, (old) => ({
    ...old,
    metadata: { ...old.metadata, labels: { ring: 'x' } },
  }))
  await change('web', { clusters: { matchLabels: { ring: 'x' } } })
  await settle()
  expect((await rows()).map(({ cluster_id, leaving }) => [cluster_id, leaving])).toEqual([
    [id('n1'), 'delete'],
    [id('n2'), null],
  ])
})

test('objects go to the first namespace that the Tenant names, not to the first by name', async () => {
  await join('n1')
  await place('web')
  expect((await db.query('select namespace from placed')).rows).toEqual([{ namespace: 'shop' }])
})

test("a cluster is in place by its agent's word on the present state alone", async () => {
  await join('n1')
  await place('web')
  expect((await statusOf('web')).clusters).toMatchObject({ matched: 1, placed: 0, offline: 1 })
  await say('n1', 'placed')
  expect((await statusOf('web')).clusters).toMatchObject({ placed: 1, offline: 0 })
  const [old] = await rows()
  await change('web', { objects: [source('web', { interval: '5m' })] })
  await settle()
  await say('n1', 'placed', { position: old?.position ?? 0n })
  expect((await statusOf('web')).clusters).toMatchObject({ placed: 0, offline: 1 })
  await say('n1', 'refused', { message: 'it is not ours' })
  expect(await statusOf('web')).toMatchObject({
    clusters: { failed: 1 },
    problems: [{ cluster: 'n1', object: 'GitRepository/shop/web', message: 'it is not ours' }],
  })
})

test('a deleted Placement goes with the last word of its clusters, and a cluster that leaves the fleet holds nothing up', async () => {
  await join('n1', 'n2')
  await place('web')
  await say('n1', 'placed')
  await objects.remove(at('web'))
  await settle()
  expect((await rows()).map(({ leaving }) => leaving)).toEqual(['delete', 'delete'])
  expect((await statusOf('web')).clusters).toMatchObject({ removing: 2, matched: 0 })
  await say('n1', 'removing', { message: 'it waits: health checks' })
  expect((await statusOf('web')).problems?.[0]).toMatchObject({ cluster: 'n1', message: 'it waits: health checks' })
  await say('n1', 'gone')
  expect(await objects.get(at('web'))).toBeDefined()
  await db.query('delete from clusters where id = $1', [id('n2')])
  await service.refresh()
  expect(await objects.get(at('web'))).toBeUndefined()
  for (const table of ['placements', 'placement_revisions', 'placement_targets', 'placed'])
    expect((await db.query(`select from ${table}`)).rowCount).toBe(0)
})

test('a Placement whose object was taken away by force still takes its objects out', async () => {
  await join('n1')
  await place('web', { onUnmatch: 'orphan' })
  await objects.change(at('web'), (old) => ({ ...old, metadata: { ...old.metadata, finalizers: [] } }))
  await objects.remove(at('web'))
  await settle()
  expect((await rows()).map(({ leaving }) => leaving)).toEqual(['orphan'])
  await say('n1', 'gone')
  expect((await db.query('select from placements')).rowCount).toBe(0)
})

test('what happens to a Placement is an event, and clusters and objects are counted by state', async () => {
  const registry = new Registry()
  const told = openPlacementMetrics(registry, { sql: db, standings: createStandingStore(db) })
  service = openService(told)
  await db.query('truncate events')
  await join('n1', 'n2')
  await place('web')
  await say('n1', 'placed')
  await say('n2', 'refused', { message: 'it is not ours' })
  const count = (name: string, state: string) => `flotilla_placement_${name}{state="${state}"}`
  const metrics = (await registry.metrics()).split('\n')
  expect(metrics).toEqual(
    expect.arrayContaining([
      ...[`${count('clusters', 'placed')} 1`, `${count('clusters', 'failed')} 1`, `${count('clusters', 'removing')} 0`],
      ...[
        `${count('objects', 'placed')} 1`,
        `${count('objects', 'refused')} 1`,
        'flotilla_placement_events_total{event="placement.failed"} 1',
      ],
    ]),
  )
  await say('n2', 'placed')
  await objects.remove(at('web'))
  await settle()
  for (const cluster of ['n1', 'n2']) await say(cluster, 'gone')
  const { rows: events } = await db.query(
    "select reason, severity, message from events where kind = 'Placement' and name = 'web' order by seq",
  )
  expect(events).toMatchObject([
    { reason: 'placement.changed', severity: 'info', message: expect.stringContaining('2 clusters are chosen') },
    { reason: 'placement.failed', severity: 'error', message: expect.stringContaining('n2: GitRepository/shop/web: it is not ours') },
    { reason: 'placement.placed', message: '2 clusters hold the objects' },
    { reason: 'placement.changed', message: '0 clusters are chosen, 2 before' },
    { reason: 'placement.gone' },
  ])
})

test('who waited for an object gets it when the first has let go', async () => {
  await join('n1')
  await place('first')
  await place('second')
  expect((await statusOf('second')).problems?.[0]?.message).toBe('Placement shop/first already gives the cluster this object')
  await change('first', { clusters: { names: ['none'] } })
  await settle()
  expect(await say('n1', 'gone')).toBe(true)
  await settle()
  expect((await rows()).map(({ owner }) => owner)).toEqual(['shop/second'])
  expect((await statusOf('second')).problems).toBeUndefined()
})

test("a tenant that loses a cluster loses its objects there, and nothing goes to a namespace that is nobody's", async () => {
  await join('n1', 'n2')
  await place('web')
  await objects.change({ ...at('shop'), kind: 'Tenant', namespace: '' }, (old) => ({
    ...old,
    spec: { ...(old.spec as object), clusters: { names: ['n2'] } },
  }))
  await createTenantStore(db).settle(wantedAccess)
  await settle()
  expect((await rows()).map(({ leaving }) => leaving)).toEqual(['delete', null])
  await objects.remove({ ...at('shop'), kind: 'Tenant', namespace: '' })
  await createTenantStore(db).settle(wantedAccess)
  await settle()
  expect((await rows()).map(({ leaving }) => leaving)).toEqual(['delete', 'delete'])
  expect((await statusOf('web')).conditions?.[0]).toMatchObject({ status: 'False', reason: 'NoTenant' })
})

test('a cluster that a Rollout holds has the revision that it was granted, and joins with none', async () => {
  await join('n1', 'n2')
  const uid = await place('web')
  const revision = async () => (await db.query<{ revision: string }>('select revision from placements')).rows[0]?.revision
  const intervals = async () =>
    (
      await db.query<{ interval: string }>(
        `select m.manifest -> 'spec' ->> 'interval' as interval from placed p join manifests m on m.digest = p.manifest order by cluster_id`,
      )
    ).rows.map(({ interval }) => interval)
  const first = await revision()
  await join('n3')
  for (const name of ['n1', 'n2', 'n3']) await db.query(`insert into governed values ($1, 'Placement', 'shop', 'web', 'r')`, [id(name)])
  await change('web', { objects: [source('web', { interval: '9m' })] })
  await settle()
  expect(await intervals()).toEqual(['1m', '1m'])
  const grant = `insert into grants (cluster_id, source_kind, source_namespace, source_name, rollout, run, revision, artifact) values ($1, 'Placement', 'shop', 'web', 'r', '1', $2, '')`
  await db.query(grant, [id('n2'), await revision()])
  await db.query(grant, [id('n3'), first])
  await service.again([uid])
  await settle()
  expect(await intervals()).toEqual(['1m', '9m', '1m'])
  expect((await db.query('select revision from placement_targets order by cluster_id')).rows).toEqual([
    { revision: first },
    { revision: await revision() },
    { revision: first },
  ])
})

test('what is sent is what the hub counts, and an agent that knows no Placements is sent nothing of them', async () => {
  await join('n1')
  await place('web', { objects: [source('web'), source('more')] })
  await db.query(`update placed set leaving = 'delete', manifest = null where name = 'more'`)
  const clusterId = id('n1')
  const [page] = await readFacts(db, [{ clusterId, after: 0n, sync: true, placements: true }])
  const facts = page?.facts ?? []
  expect(facts.map(({ kind }) => kind).sort()).toEqual(['cluster', 'placed', 'placed', 'tenant'])
  const placed = facts.flatMap((fact) => (fact.kind === 'placed' ? [fact] : []))
  expect(placed.map(({ content, object, placement }) => [object.name, placement, Object.keys(content)]).sort()).toEqual([
    ['more', 'shop/web', ['leaving']],
    ['web', 'shop/web', ['manifest']],
  ])
  expect((await readHead(db, { clusterId, placements: true }, 'l')).digest).toBe(heldDigest(facts))
  const [old] = await readFacts(db, [{ clusterId, after: 0n, sync: true, placements: false }])
  expect(old?.facts.map(({ kind }) => kind)).toEqual(['tenant'])
  expect(old?.digest).toBe(heldDigest(old?.facts ?? []))
  await say('n1', 'gone')
  const [after] = await readFacts(db, [{ clusterId, after: page?.upTo ?? 0n, sync: true, placements: true }])
  expect(after?.facts).toEqual([
    expect.objectContaining({ kind: 'removed', fact: 'placed', object: expect.objectContaining({ name: 'more' }) }),
  ])
  await acknowledge(db, new Map([[clusterId, after?.upTo ?? 0n]]))
  expect((await db.query('select from removals')).rowCount).toBe(0)
  expect(await sweepManifests(db, { retentionMs: -1000 })).toBeGreaterThan(0)
  expect((await db.query('select from manifests')).rowCount).toBe(1)
  expect((await rows()).map(({ name }) => name)).toEqual(['web'])
})

test('an agent finds on its disk what was placed, whatever people called their values', async () => {
  await using dir = openTempDir('disk')
  const disk = await openDisk(dir.path, silentLog)
  const manifest = {
    ...source('web', { postBuild: { substitute: { position: 'left', artifactAt: 'noon' } } }),
    metadata: { name: 'web', namespace: 'shop' },
  }
  const object = { group: 'source.toolkit.fluxcd.io', kind: 'GitRepository', namespace: 'shop', name: 'web' }
  const facts = [
    { kind: 'placed', object, placement: 'shop/web', content: { manifest }, position: 4n },
    { kind: 'cluster', name: 'n1', labels: { position: '1n' }, variables: { position: 'right' }, position: 5n },
  ] as const
  const { holdings } = hold(NOTHING_HELD, { facts, cursor: { lineage: 'l', position: 5n }, full: true })
  await disk.save(holdings)
  expect(await disk.load()).toEqual(holdings)
})

// It had rows for its clusters and none of its own: a Rollout over it chose no cluster, and let go of all that it held.
test('a Placement that is made while clusters are settled is settled with them, whole', async () => {
  await join('edge-1', 'edge-2')
  const spec = { clusters: { all: true }, objects: [source('web')], onUnmatch: 'delete' }
  const made = () => objects.create(PLACEMENT, service.held(fleetObject('Placement', 'late', spec, { namespace: 'shop' })))
  const rows = async () => {
    const { rows: one } = await db.query<{ known: number; pairs: number }>(
      'select (select count(*)::int from placements) as known, (select count(*)::int from placement_targets) as pairs',
    )
    return one[0]
  }
  await createPlacementStore(interrupted(DUE_CLUSTERS, made)).settle()
  expect(await rows()).toEqual({ known: 1, pairs: 2 })
})
