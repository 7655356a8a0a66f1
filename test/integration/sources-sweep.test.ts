import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createTrees } from '../../hub/render/io/tree.ts'
import { createSourceStore } from '../../hub/sources/io/store.ts'
import { sweepSources } from '../../hub/sources/io/sweep.ts'
import type { SourceKey } from '../../hub/sources/model.ts'
import type { NewRevision } from '../../hub/sources/ports.ts'
import type { TreeFile } from '../../hub/sources/tree-file.ts'
import { sha256 } from '../../proto/base/hash.ts'
import { openTestDatabase, type TestDatabase } from '../support/postgres.ts'

// Trees and their content in Postgres: what is in use or young stays, everything else goes.

let database: TestDatabase
const CLUSTER = 'c-000000000000000000000001'
const HOUR = 3_600_000

beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database[Symbol.asyncDispose]())
beforeEach(async () => {
  const { db } = database
  await db.query('truncate clusters, sources, revisions, artifacts, blobs, credentials, grants, rollouts cascade')
  await db.query("insert into clusters (id, name, public_key, csr) values ($1, 'a', 'k', '')", [CLUSTER])
  await aSource('s')
})

const key = 's' as SourceKey
const store = () => createSourceStore({ db: database.db, replica: 'r' })
const aSource = async (name: string, options: { readonly credential?: string; readonly wanted?: boolean } = {}) => {
  const { db } = database
  const text = `insert into sources (key, kind, url, options, credential_id, trusted, interval_ms, timeout_ms) values ($1, 'GitRepository', $1, '{}', $2, true, 1, 1)`
  await db.query(text, [name, options.credential ?? null])
  if (options.wanted === false) return
  const object = `insert into source_objects (cluster_id, kind, namespace, name, source_key, generation, suspended, interval_ms) values ($1, 'GitRepository', 'n', $2, $2, 1, false, 1)`
  await db.query(object, [CLUSTER, name])
}
const aRevision = (
  revision: string,
  files: Readonly<Record<string, string>>,
  storing: () => Promise<void> = async () => undefined,
): NewRevision => {
  const content = new Map<string, Buffer>(Object.values(files).map((text) => [sha256(text), Buffer.from(text)]))
  return {
    revision,
    commit: { oid: revision, author: 'a', subject: 's', at: 0 },
    files: Object.entries(files).map(([path, text]): TreeFile => ({ mode: '100644', size: text.length, sha256: sha256(text), path })),
    async *blobs(digests) {
      await storing()
      yield digests.map((digest) => ({ digest, bytes: content.get(digest) ?? Buffer.alloc(0) }))
    },
  }
}
/** Everything that is there was last touched long ago. */
const age = async () => {
  const { db } = database
  for (const table of ['artifacts', 'blobs', 'credentials', 'sources'])
    await db.query(`update ${table} set touched_at = touched_at - interval '2 hours'`)
  await db.query(`update revisions set seen_at = seen_at - interval '2 hours'`)
}
const sweep = (options: { readonly revisions?: number; readonly bytes?: number } = {}) =>
  sweepSources(database.db, { retentionMs: HOUR, ...options })
/** A revision is forgotten first, and its tree an hour later. */
const sweepTwice = async (options: Parameters<typeof sweep>[0] = {}) => {
  await age()
  await sweep(options)
  await age()
  return sweep(options)
}
const remembered = async () =>
  (await database.db.query<{ revision: string }>('select revision from revisions order by 1')).rows.map(({ revision }) => revision)
const content = async () =>
  (await database.db.query<{ text: string }>(`select convert_from(bytes, 'UTF8') as text from blobs order by 1`)).rows.map(
    ({ text }) => text,
  )
const stands = (table: 'releases' | 'grants', artifact: string) =>
  table === 'releases'
    ? database.db.query(
        `insert into releases (cluster_id, source_kind, source_namespace, source_name, source_key, revision, artifact, set_digest, position)
         values ($1, 'GitRepository', 'n', 's', 's', 'x', $2, 'd', 1)`,
        [CLUSTER, artifact],
      )
    : database.db.query(
        `insert into grants (cluster_id, source_kind, source_namespace, source_name, rollout, run, revision, artifact)
         values ($1, 'GitRepository', 'n', 's', 'o', 'r', 'x', $2)`,
        [CLUSTER, artifact],
      )

test('of old revisions the newest are remembered, with those that clusters have; content goes with the last tree that names it', async () => {
  const digests: string[] = []
  for (let at = 0; at < 6; at++) {
    const saved = await store().saveRevision(key, aRevision(`r${at}`, { shared: 'shared', own: `own ${at}` }), 1)
    digests.push(saved)
    await database.db.query("update revisions set seen_at = seen_at - $2::int * interval '1 minute' where revision = $1", [
      `r${at}`,
      60 - at,
    ])
  }
  await stands('releases', digests[0] ?? '')
  await stands('grants', digests[1] ?? '')
  expect(await sweepTwice({ revisions: 2 })).toBe(2)
  expect(await remembered()).toEqual(['r0', 'r1', 'r4', 'r5'])
  expect(await content()).toEqual(['own 0', 'own 1', 'own 4', 'own 5', 'shared'])
  const tree = await createTrees({ db: database.db }).open(digests[0] ?? '', AbortSignal.timeout(5_000))
  expect(Buffer.from((await tree?.read({ path: 'own', sha256: sha256('own 0') })) ?? []).toString()).toBe('own 0')
  await database.db.query('delete from releases')
  await sweepTwice({ revisions: 2 })
  expect(await remembered()).not.toContain('r0')
  expect(await content()).not.toContain('own 0')
})

test('what a Rollout brought lately, and what its clusters had before, can be given back', async () => {
  const { db } = database
  const digests: string[] = []
  for (let at = 0; at < 5; at++) {
    digests.push(await store().saveRevision(key, aRevision(`r${at}`, { own: `own ${at}` }), 1))
    await db.query("update revisions set seen_at = seen_at - $2::int * interval '1 minute' where revision = $1", [`r${at}`, 60 - at])
  }
  const [before, brought, standing] = digests
  const text = "insert into rollouts (uid, namespace, name, last_number, standing) values ('u', 'n', 'o', 1, $1)"
  await db.query(text, [JSON.stringify({ revision: 'r2', artifact: standing })])
  await db.query(
    `insert into rollout_runs (id, rollout, number, cause, revision, artifact, policy, state, started_at, ended_at)
     values ('run', 'u', 1, 'revision', 'r1', $1, '{}', 'succeeded', now(), now())`,
    [brought],
  )
  await db.query(
    `insert into rollout_targets (run, cluster_id, name, wave, state, given, before_revision, before_artifact)
     values ('run', $1, 'a', 0, 'done', 'content', 'r0', $2)`,
    [CLUSTER, before],
  )
  await sweepTwice({ revisions: 1 })
  expect(await remembered()).toEqual(['r0', 'r1', 'r2', 'r4'])
  expect(await content()).toEqual(['own 0', 'own 1', 'own 2', 'own 4'])
})

test('a tree that was forgotten just now stays for an hour: somebody may be about to give it to a cluster', async () => {
  for (const at of [1, 2]) await store().saveRevision(key, aRevision(`r${at}`, { own: `own ${at}` }), 1)
  await database.db.query(`update revisions set seen_at = seen_at - interval '1 minute' where revision = 'r1'`)
  await age()
  expect(await sweep({ revisions: 1 })).toBe(0)
  expect(await remembered()).toEqual(['r2'])
  expect(await content()).toEqual(['own 1', 'own 2'])
})

test('a source remembers no more bytes than its budget, but always what it has', async () => {
  for (const at of [1, 2, 3]) {
    await store().saveRevision(key, aRevision(`r${at}`, { own: `${at}`.repeat(100) }), 1)
    await database.db.query("update revisions set seen_at = seen_at - $2::int * interval '1 minute' where revision = $1", [
      `r${at}`,
      60 - at,
    ])
  }
  await sweepTwice({ bytes: 100 })
  expect(await remembered()).toEqual(['r2', 'r3'])
  await sweepTwice({ bytes: 0 })
  expect(await remembered()).toEqual(['r3'])
})

test('content that a fetch uses again while a sweep runs is not lost to it', async () => {
  await store().saveRevision(key, aRevision('old', { a: 'again', b: 'lost' }), 1)
  await store().saveRevision(key, aRevision('now', { c: 'other' }), 1)
  await database.db.query("delete from revisions where revision = 'old'")
  await age()
  let swept = 0
  const next = aRevision('next', { a: 'again', d: 'new' }, async () => {
    swept += await sweep()
  })
  const artifact = await store().saveRevision(key, next, 1)
  expect(swept).toBe(1)
  expect(await content()).toEqual(['again', 'new', 'other'])
  const tree = await createTrees({ db: database.db }).open(artifact, AbortSignal.timeout(5_000))
  expect(Buffer.from((await tree?.read({ path: 'a', sha256: sha256('again') })) ?? []).toString()).toBe('again')
})

test('content that a fetch uses again after the sweep has found it unused is left alone', async () => {
  await store().saveRevision(key, aRevision('old', { a: 'again', b: 'lost' }), 1)
  await store().saveRevision(key, aRevision('now', { c: 'other' }), 1)
  await database.db.query("delete from revisions where revision = 'old'")
  await age()
  const { db } = database
  let fetched = 0
  const late: typeof db = {
    ...db,
    async query(text, values) {
      if (text.includes('delete from blobs') && fetched++ === 0) await store().saveRevision(key, aRevision('next', { a: 'again' }), 1)
      return db.query(text, values)
    },
  }
  expect(await sweepSources(late, { retentionMs: HOUR })).toBe(1)
  expect(fetched).toBe(1)
  expect(await content()).toEqual(['again', 'other'])
})

test('content that a sweep took from under a fetch is stored again before the tree counts', async () => {
  await store().saveRevision(key, aRevision('old', { a: 'again' }), 1)
  let rounds = 0
  const next = aRevision('next', { a: 'again', d: 'new' }, async () => {
    if (rounds++ === 0) await database.db.query('delete from blobs where digest = $1', [sha256('again')])
  })
  await store().saveRevision(key, next, 1)
  expect(rounds).toBe(2)
  expect(await content()).toEqual(['again', 'new'])
})

test('what a killed fetch left behind goes, and its tree never counted', async () => {
  const killed = aRevision('killed', { a: 'half' }, async () => {
    await database.db.query("insert into blobs (digest, encoding, size, bytes) values ($1, 'identity', 4, 'half')", [sha256('half')])
    throw new Error('killed')
  })
  await expect(store().saveRevision(key, killed, 1)).rejects.toThrow('killed')
  expect((await database.db.query('select whole from artifacts')).rows).toEqual([{ whole: false }])
  await age()
  expect(await sweep()).toBe(1)
  expect(await content()).toEqual([])
})

test('sources, credentials and revisions that no object asks for go; those in use and young ones stay', async () => {
  const { db } = database
  await db.query("insert into credentials (id, sealed, kind) values ('used', '', 'git'), ('kept', '', 'git'), ('lost', '', 'git')")
  await aSource('with-credential', { credential: 'used' })
  await aSource('unwanted', { wanted: false })
  await store().saveRevision('unwanted' as SourceKey, aRevision('r', { own: 'unwanted' }), 1)
  await db.query("update source_objects set credential_id = 'kept' where name = 's'")
  await age()
  await aSource('young', { wanted: false })
  await db.query("insert into credentials (id, sealed, kind) values ('young', '', 'git')")
  await sweep()
  const keys = async (table: string, column: string) =>
    (await db.query<{ name: string }>(`select ${column} as name from ${table} order by 1`)).rows.map(({ name }) => name)
  expect(await keys('sources', 'key')).toEqual(['s', 'with-credential', 'young'])
  expect(await keys('credentials', 'id')).toEqual(['kept', 'used', 'young'])
  expect(await remembered()).toEqual([])
  await age()
  await sweep()
  expect(await content()).toEqual([])
})
