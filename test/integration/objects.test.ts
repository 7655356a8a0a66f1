import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { foldMirror, type MirrorUpsert } from '../../hub/objects/io/fold.ts'
import { notifyObjects } from '../../hub/objects/io/hint.ts'
import { type Objects, openObjects } from '../../hub/objects/io/open.ts'
import { sweepTombstones } from '../../hub/objects/io/sweep.ts'
import type { WatchEvent, WatchQuery } from '../../hub/objects/model.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { silentLog } from '../../proto/base/log.ts'
import { within } from '../../proto/base/signals.ts'
import { TENANT } from '../../proto/model/fleet/kinds.ts'
import { type Manifest, refOf } from '../../proto/model/manifest.ts'
import { parseSelector, type Selector } from '../../proto/model/selector.ts'
import { eventually } from '../support/eventually.ts'
import { openTestDatabase, type TestDatabase } from '../support/postgres.ts'

let database: TestDatabase
let objects: Objects

beforeAll(async () => {
  database = await openTestDatabase()
  objects = openObjects({ db: database.db, clock: systemClock, log: silentLog })
})
afterAll(async () => {
  await objects?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
})
beforeEach(async () => {
  for (const table of ['objects', 'tombstones', 'watch_horizon', 'clusters']) await database.db.query(`delete from ${table}`)
})

const FLEET = { scope: 'fleet', group: 'fleet.flotilla.dev', kind: 'Tenant', namespace: '' }
const CLUSTER = 'c-000000000000000000000001'

function aTenant(name: string, labels: Record<string, string> = {}): Manifest {
  return { apiVersion: 'fleet.flotilla.dev/v1alpha1', kind: 'Tenant', metadata: { name, labels }, spec: { namespaces: [name] } }
}

function aKustomization(name: string, version: number, more: Partial<Manifest> = {}): MirrorUpsert {
  const manifest: Manifest = {
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    metadata: { name, namespace: 'apps', uid: `uid-${name}`, generation: 1, creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { path: './apps' },
    status: { conditions: [{ type: 'Ready', status: 'True', reason: 'ReconciliationSucceeded', message: '' }] },
    ...more,
  }
  return { clusterId: CLUSTER, ref: refOf(manifest), originVersion: String(version), manifest }
}

const fold = (upserts: readonly MirrorUpsert[], deletions: Parameters<typeof foldMirror>[1]['deletions'] = [], relist = false) =>
  database.db.transaction((tx) => foldMirror(tx, { upserts, deletions, relist }))

const select = (text: string) => parseSelector(text) as Selector
const query = (more: Partial<WatchQuery> = {}): WatchQuery => ({
  group: 'fleet.flotilla.dev',
  kind: 'Tenant',
  scopes: ['fleet'],
  labels: [],
  detail: 'full',
  bookmarks: false,
  initialEvents: false,
  ...more,
})

/** Takes events until `enough` of them have come, then ends the watch. */
async function take(
  watch: WatchQuery,
  enough: number | string,
  meanwhile: () => Promise<unknown> = async () => undefined,
): Promise<readonly string[]> {
  const stop = new AbortController()
  const seen: string[] = []
  let started = false
  for await (const batch of objects.service.watch(watch, { signal: within(10_000, stop.signal) })) {
    seen.push(...batch.map(said))
    if (!started) {
      started = true
      await meanwhile()
    }
    if (typeof enough === 'number' ? seen.length >= enough : seen.includes(enough)) break
  }
  stop.abort()
  return seen
}

/** Transactions of other databases on the same server hold the place of a list back too: what was written since is told again. */
const nothingOpen = () =>
  eventually('no older transaction is open', async () => {
    const { rows } = await database.db.query<{ passed: boolean }>(
      'select pg_snapshot_xmin(pg_current_snapshot()) > (select coalesce(max(xid), 0::text::xid8) from objects) as passed',
    )
    return rows[0]?.passed
  })

function said(event: WatchEvent): string {
  return event.type === 'BOOKMARK' ? 'BOOKMARK' : `${event.type} ${event.object.manifest.metadata.name}`
}

test('the generation grows with the spec alone, and the status is not the client’s to write', async () => {
  const made = await objects.service.create(TENANT, { ...aTenant('a'), status: { ready: 'lie' } })
  expect(made.manifest).toMatchObject({ metadata: { generation: 1 } })
  expect(made.manifest.status).toBeUndefined()
  const labelled = await objects.service.change({ ...FLEET, name: 'a' }, (old) => ({
    ...old,
    metadata: { ...old.metadata, labels: { x: 'y' } },
  }))
  expect(labelled.manifest.metadata).toMatchObject({ generation: 1, labels: { x: 'y' } })
  const changed = await objects.service.change({ ...FLEET, name: 'a' }, (old) => ({ ...old, spec: { namespaces: ['b'] }, status: {} }))
  expect(changed.manifest.metadata).toMatchObject({ generation: 2 })
  expect(changed.manifest.status).toBeUndefined()
  const same = await objects.service.change({ ...FLEET, name: 'a' }, (old) => ({ ...old }))
  expect(same.manifest.metadata.resourceVersion).toBe(changed.manifest.metadata.resourceVersion)
})

test('a write with a version that has passed is a conflict, a second create already exists', async () => {
  const made = await objects.service.create(TENANT, aTenant('a'))
  await expect(objects.service.create(TENANT, aTenant('a'))).rejects.toMatchObject({ code: 'already-exists' })
  await objects.service.change({ ...FLEET, name: 'a' }, (old) => ({ ...old, spec: { namespaces: ['c'] } }))
  const late = objects.service.change({ ...FLEET, name: 'a' }, (old) => old, { expected: made.manifest.metadata.resourceVersion })
  await expect(late).rejects.toMatchObject({ code: 'conflict' })
})

test('concurrent changes are all kept', async () => {
  await objects.service.create(TENANT, aTenant('a'))
  const add = (n: number) =>
    objects.service.change({ ...FLEET, name: 'a' }, (old) => ({
      ...old,
      metadata: { ...old.metadata, labels: { ...old.metadata.labels, [`l${n}`]: 'x' } },
    }))
  await Promise.all([1, 2, 3, 4].map(add))
  const now = await objects.service.get({ ...FLEET, name: 'a' })
  expect(Object.keys(now?.manifest.metadata.labels ?? {}).sort()).toEqual(['l1', 'l2', 'l3', 'l4'])
})

const countUp = (old: Manifest) => ({ ready: ((old.status as { ready?: number } | undefined)?.ready ?? 0) + 1 })

test('statuses of many are written together, and concurrent changes are all kept', async () => {
  const names = ['a', 'b', 'c']
  for (const name of names) await objects.service.create(TENANT, aTenant(name))
  const changes = [...names, 'gone'].map((name) => ({ key: { ...FLEET, name }, change: countUp }))
  await Promise.all([
    objects.service.changeStatuses(changes),
    objects.service.changeStatuses(changes.toReversed()),
    ...names.map((name) => objects.service.changeStatus({ ...FLEET, name }, countUp)),
  ])
  for (const name of names) expect((await objects.service.get({ ...FLEET, name }))?.manifest.status).toEqual({ ready: 3 })
})

test('one of many statuses that does not change is not written, and a watch is told of those that do', async () => {
  for (const name of ['a', 'b']) await objects.service.create(TENANT, aTenant(name))
  const before = await objects.service.get({ ...FLEET, name: 'a' })
  const seen = await take(query({ initialEvents: true }), 'MODIFIED b', () =>
    objects.service.changeStatuses([
      { key: { ...FLEET, name: 'a' }, change: ({ status }) => status },
      { key: { ...FLEET, name: 'b' }, change: countUp },
    ]),
  )
  expect(seen).toEqual(['ADDED a', 'ADDED b', 'BOOKMARK', 'MODIFIED b'])
  expect((await objects.service.get({ ...FLEET, name: 'a' }))?.manifest).toEqual(before?.manifest)
})

test('an object with finalizers is marked first and goes with the last of them', async () => {
  const finalizers = ['x.io/one']
  await objects.service.create(TENANT, { ...aTenant('a'), metadata: { name: 'a', finalizers } })
  const marked = await objects.service.remove({ ...FLEET, name: 'a' })
  expect(marked.manifest.metadata.deletionTimestamp).toBeDefined()
  await objects.service.change({ ...FLEET, name: 'a' }, (old) => ({ ...old, metadata: { ...old.metadata, finalizers: [] } }))
  expect(await objects.service.get({ ...FLEET, name: 'a' })).toBeUndefined()
})

test('pages hold every object once, in order, and label selectors choose in the database', async () => {
  for (const name of ['a', 'b', 'c', 'd', 'e'])
    await objects.service.create(TENANT, aTenant(name, name < 'd' ? { tier: 'edge', [name]: '' } : {}))
  const names: string[] = []
  let after: Awaited<ReturnType<typeof objects.service.list>>['next']
  do {
    const page = await objects.service.list({ ...query(), limit: 2, after })
    names.push(...page.objects.map(({ manifest }) => manifest.metadata.name))
    after = page.next
  } while (after)
  expect(names).toEqual(['a', 'b', 'c', 'd', 'e'])
  const chosen = async (text: string) =>
    (await objects.service.list({ ...query({ labels: select(text) }) })).objects.map(({ manifest }) => manifest.metadata.name).join('')
  expect(await chosen('tier=edge')).toBe('abc')
  expect(await chosen('tier!=edge')).toBe('de')
  expect(await chosen('tier in (edge,core),!b')).toBe('ac')
  expect(await chosen('tier notin (edge)')).toBe('de')
  expect(await chosen('b')).toBe('b')
})

test('a watch from a list tells what came after it, deletions included', async () => {
  await objects.service.create(TENANT, aTenant('a'))
  await nothingOpen()
  const { resourceVersion } = await objects.service.list(query())
  await objects.service.create(TENANT, aTenant('b'))
  const seen = await take(query({ from: resourceVersion }), 'ADDED c', async () => {
    await objects.service.change({ ...FLEET, name: 'a' }, (old) => ({ ...old, spec: { namespaces: ['z'] } }))
    await objects.service.remove({ ...FLEET, name: 'a' })
    await objects.service.create(TENANT, aTenant('c'))
  })
  expect(seen[0]).toBe('ADDED b')
  expect(seen).toContain('DELETED a')
  expect(seen.at(-1)).toBe('ADDED c')
})

test('a watch with a selector is told when an object begins and stops to match', async () => {
  await objects.service.create(TENANT, aTenant('a', { tier: 'edge' }))
  const label = (name: string, tier: string) =>
    objects.service.change({ ...FLEET, name }, (old) => ({ ...old, metadata: { ...old.metadata, labels: { tier } } }))
  const seen = await take(query({ labels: select('tier=edge') }), 3, async () => {
    await objects.service.create(TENANT, aTenant('b', { tier: 'core' }))
    await label('a', 'core')
    await objects.service.get({ ...FLEET, name: 'a' })
    await label('b', 'edge')
  })
  expect(seen).toEqual(['ADDED a', 'DELETED a', 'ADDED b'])
})

test('no watcher passes a transaction that is still open', async () => {
  const { resourceVersion } = await objects.service.list(query())
  const client = await database.db.pool.connect()
  try {
    await client.query('begin')
    await client.query(`insert into objects (scope, grp, kind, namespace, name, version, uid, generation, created_at)
      values ('fleet', 'fleet.flotilla.dev', 'Tenant', '', 'early', 'v1alpha1', 'u-early', 1, now())`)
    const seen = await take(query({ from: resourceVersion }), 2, async () => {
      // Written and committed later, while the first transaction is open: a reader that saw it would skip the first.
      await objects.service.create(TENANT, aTenant('late'))
      await client.query(`select pg_notify('flotilla_objects', '')`)
      await client.query('commit')
    })
    expect(seen).toEqual(['ADDED early', 'ADDED late'])
  } finally {
    client.release()
  }
})

test('a watch resumed at any event it was given misses nothing, whatever the interleaving', async () => {
  const { resourceVersion } = await objects.service.list(query())
  const writers = ['a', 'b', 'c', 'd'].map(async (name) => {
    for (let n = 0; n < 5; n++) await objects.service.create(TENANT, aTenant(`${name}${n}`))
  })
  const known = new Set<string>()
  let from = resourceVersion
  while (known.size < 20) {
    for await (const batch of objects.service.watch(query({ from }), { signal: AbortSignal.timeout(10_000) })) {
      const event = batch[0]
      if (event === undefined || event.type === 'BOOKMARK') continue
      known.add(event.object.manifest.metadata.name)
      from = event.object.manifest.metadata.resourceVersion ?? ''
      break
    }
  }
  await Promise.all(writers)
  expect(known.size).toBe(20)
})

test('a version that is too old, of another database or ahead of this one is gone', async () => {
  const { resourceVersion } = await objects.service.list(query())
  await objects.service.create(TENANT, aTenant('a'))
  await objects.service.remove({ ...FLEET, name: 'a' })
  expect(await sweepTombstones(database.db, { retentionMs: 0 })).toBe(1)
  await expect(take(query({ from: resourceVersion }), 1)).rejects.toMatchObject({ code: 'gone' })
  const now = BigInt((await objects.service.list(query())).resourceVersion)
  await expect(take(query({ from: String(now ^ (1n << 33n)) }), 1)).rejects.toMatchObject({ code: 'gone' })
  await expect(take(query({ from: String(now + (1_000_000n << 48n)) }), 1)).rejects.toMatchObject({ code: 'gone' })
  await expect(take(query({ from: '12' }), 1)).rejects.toMatchObject({ code: 'invalid' })
})

test('a mirror is never set back by an older report, but by a complete list', async () => {
  expect(await fold([aKustomization('a', 9)])).toHaveLength(1)
  expect(await fold([aKustomization('a', 10, { spec: { path: './new' } }), aKustomization('a', 8)])).toHaveLength(1)
  expect(await fold([aKustomization('a', 7)])).toEqual([])
  const key = { scope: CLUSTER, group: 'kustomize.toolkit.fluxcd.io', kind: 'Kustomization', namespace: 'apps', name: 'a' }
  expect((await objects.service.get(key))?.manifest.spec).toEqual({ path: './new' })
  expect(await fold([aKustomization('a', 7)], [], true)).toHaveLength(1)
  expect((await objects.service.get(key))?.originVersion).toBe('7')
})

test('a report that changes nothing but the cluster’s version is no news, and an object whose end is known does not come back', async () => {
  await fold([aKustomization('a', 1)])
  expect(await fold([aKustomization('a', 2)])).toEqual([])
  const ref = aKustomization('a', 1).ref
  expect(await fold([], [{ clusterId: CLUSTER, ref, uid: 'uid-other', originVersion: '3' }])).toEqual([])
  expect(await fold([], [{ clusterId: CLUSTER, ref, uid: 'uid-a', originVersion: '3' }])).toEqual([
    { clusterId: CLUSTER, ref, deleted: true },
  ])
  expect(await fold([aKustomization('a', 2)])).toEqual([])
})

test('a thousand mirrors are folded by one statement', async () => {
  const batch = Array.from({ length: 1000 }, (_, n) => aKustomization(`k${n}`, 1))
  const startedAt = performance.now()
  expect(await fold(batch)).toHaveLength(1000)
  expect(performance.now() - startedAt).toBeLessThan(2000)
})

test('the revision comes from `reached`, and its move is MODIFIED for the objects it concerns', async () => {
  const { db } = database
  await db.query(`insert into clusters (id, name, public_key, csr) values ($1, 'one', 'k', '')`, [CLUSTER])
  // While it is open, the watch has what it lists again among the news.
  const older = await db.pool.connect()
  await older.query('begin')
  await older.query('select pg_current_xact_id()')
  await fold([aKustomization('in-line', 1), aKustomization('straggler', 1)])
  const consumer = (name: string) =>
    db.query(
      `insert into consumers values ($1, 'kustomize.toolkit.fluxcd.io', 'Kustomization', 'apps', $2, 'GitRepository', 'flux-system', 'repo', 'd', '{}', false)`,
      [CLUSTER, name],
    )
  await consumer('in-line')
  await consumer('straggler')
  await db.query(
    `insert into observed (cluster_id, grp, kind, namespace, name, generation, ready, reason, message, last_attempted_revision, in_line)
     values ($1, 'kustomize.toolkit.fluxcd.io', 'Kustomization', 'apps', 'straggler', 1, 'False', 'BuildFailed', '', 'main@sha1:old', false)`,
    [CLUSTER],
  )
  const watched = query({ group: 'kustomize.toolkit.fluxcd.io', kind: 'Kustomization', scopes: [CLUSTER] })
  const seen = await take(watched, 3, async () => {
    await older.query('commit')
    older.release()
    await db.transaction(async (tx) => {
      await tx.query(
        `insert into reached (cluster_id, source_kind, source_namespace, source_name, revision, ready, not_ready, set_digest)
         values ($1, 'GitRepository', 'flux-system', 'repo', 'main@sha1:new', 1, 1, 's')`,
        [CLUSTER],
      )
      await notifyObjects(tx)
    })
  })
  expect(seen).toEqual(['ADDED in-line', 'ADDED straggler', 'MODIFIED in-line'])
  const status = async (name: string) =>
    (await objects.service.get({ scope: CLUSTER, group: 'kustomize.toolkit.fluxcd.io', kind: 'Kustomization', namespace: 'apps', name }))
      ?.manifest.status
  expect(await status('in-line')).toMatchObject({
    lastAppliedRevision: 'main@sha1:new',
    conditions: [{ message: 'Applied revision: main@sha1:new' }],
  })
  expect(await status('straggler')).toMatchObject({ lastAttemptedRevision: 'main@sha1:old' })
})
