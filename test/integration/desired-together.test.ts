import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Db } from '../../hub/db/db.ts'
import { createDesiredStore } from '../../hub/desired/io/store.ts'
import { createDesiredService } from '../../hub/desired/service.ts'
import { acknowledge, readFacts } from '../../hub/stream/io/facts.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { sha256 } from '../../proto/base/hash.ts'
import { silentLog } from '../../proto/base/log.ts'
import type { ClusterId } from '../../proto/model/ids.ts'
import { factKey } from '../../proto/model/set-digest.ts'
import { openTestDatabase, type TestDatabase } from '../support/postgres.ts'

const CLUSTERS = Array.from({ length: 5 }, (_, at) => `c-00000000000000000000000${at}` as ClusterId)
const TEAMS = Array.from({ length: 12 }, (_, at) => `team-${at}`)
const ROUNDS = 4
let database: TestDatabase

beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database[Symbol.asyncDispose]())

/** The same clusters have an object of every source, with one consumer. */
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
    `insert into sources (key, kind, url, options, trusted, interval_ms, timeout_ms)
     select t, 'GitRepository', 'https://x/y', '{}', true, 60000, 60000 from unnest($1::text[]) as t`,
    [TEAMS],
  )
  await db.query(
    `insert into source_objects (cluster_id, kind, namespace, name, source_key, generation, suspended, interval_ms)
     select c, 'GitRepository', 'apps', t, t, 1, false, 60000 from unnest($1::text[]) as c, unnest($2::text[]) as t`,
    [CLUSTERS, TEAMS],
  )
  await db.query(
    `insert into consumers (cluster_id, grp, kind, namespace, name, source_kind, source_namespace, source_name, options_digest, options, suspended)
     select c, 'kustomize.toolkit.fluxcd.io', 'Kustomization', 'apps', t, 'GitRepository', 'apps', t, 'options', '{"path": "."}', false
     from unnest($1::text[]) as c, unnest($2::text[]) as t`,
    [CLUSTERS, TEAMS],
  )
})

async function moveAll(revision: string): Promise<void> {
  const { db } = database
  await db.query(
    "insert into artifacts (digest, entries, files, bytes) select 'tree ' || t || $2, '', 1, 10 from unnest($1::text[]) as t",
    [TEAMS, revision],
  )
  await db.query("insert into revisions (source_key, revision, artifact) select t, $2, 'tree ' || t || $2 from unnest($1::text[]) as t", [
    TEAMS,
    revision,
  ])
  await db.query("update sources set revision = $1, artifact = 'tree ' || key || $1, checked_at = now()", [revision])
}

function replica(db: Db = database.db) {
  return createDesiredService({
    store: createDesiredStore(db, async () => undefined),
    render: async (artifact, wanted, { onBuilt }) =>
      onBuilt(wanted.map(({ optionsDigest }) => ({ optionsDigest, bundle: sha256(artifact + optionsDigest) }))),
    hint: async () => undefined,
    clock: systemClock,
    log: silentLog,
  })
}

const settleAll = (service: ReturnType<typeof replica>) =>
  Promise.all(TEAMS.map((team) => service.settle(team, AbortSignal.timeout(30_000))))

const POSITIONS = `
  select cluster_id, position from desired union all select cluster_id, position from releases union all select cluster_id, position from source_statuses`

/** Reads on from its cursors, as sessions do, and acknowledges what it has read. */
function reader() {
  const cursors = new Map(CLUSTERS.map((id) => [id, 0n]))
  const held = new Map<string, bigint>()
  return {
    held,
    async read() {
      const questions = Array.from(cursors, ([clusterId, after]) => ({ clusterId, after, sync: false, placements: false }))
      for (const { clusterId, facts, upTo } of await readFacts(database.db, questions)) {
        for (const fact of facts) held.set(`${clusterId} ${factKey(fact)}`, fact.position)
        cursors.set(clusterId, upTo)
      }
      await acknowledge(database.db, cursors)
    },
  }
}

async function written(): Promise<readonly string[]> {
  const { rows } = await database.db.query<{ cluster_id: string; position: bigint }>(POSITIONS)
  return rows.map(({ cluster_id, position }) => `${cluster_id} ${position}`).sort()
}

test('two replicas settle many sources in the same clusters while agents read and acknowledge: no number is passed over or given twice', async () => {
  const { held, read } = reader()
  const replicas = [replica(), replica()]
  for (let round = 1; round <= ROUNDS; round++) {
    await moveAll(`r${round}`)
    let open = true
    const settled = Promise.all(replicas.map((one) => settleAll(one))).finally(() => {
      open = false
    })
    while (open) await read()
    await settled
  }
  await read()
  const now = await written()
  expect(now).toHaveLength(CLUSTERS.length * TEAMS.length * 3)
  expect(new Set(now).size).toBe(now.length)
  expect(Array.from(held, ([key, position]) => `${key.split(' ')[0]} ${position}`).sort()).toEqual(now)
  const { rows: heads } = await database.db.query('select counter, acked from cluster_heads')
  // A desired row, a release and a status for each team in each round, once.
  const counter = BigInt(TEAMS.length * ROUNDS * 3)
  expect(heads).toEqual(CLUSTERS.map(() => ({ counter, acked: counter })))
})

test('sources that are due at once take the heads of their clusters a few times, not once each', async () => {
  let transactions = 0
  const { db } = database
  const counting: Db = Object.assign(Object.create(db), {
    transaction: ((work) => {
      transactions++
      return db.transaction(work)
    }) satisfies Db['transaction'],
  })
  await moveAll('r1')
  await settleAll(replica(counting))
  expect(await replica().due()).toEqual([])
  expect(transactions).toBeLessThan(TEAMS.length / 2)
})

test('a connection that is lost in between leaves nothing half written: what was to be settled is due still, and is settled', async () => {
  const { db } = database
  const killing: Db = Object.assign(Object.create(db), {
    transaction: ((work) =>
      db.transaction(async (tx) => {
        const done = await work(tx)
        const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid')
        await db.query('select pg_terminate_backend($1)', [rows[0]?.pid])
        await tx.query('select 1')
        return done
      })) satisfies Db['transaction'],
  })
  await moveAll('r1')
  const killed = replica(killing)
  const ends = await Promise.allSettled(TEAMS.slice(0, 3).map((team) => killed.settle(team, AbortSignal.timeout(30_000))))
  expect(ends.map(({ status }) => status)).toEqual(Array(3).fill('rejected'))
  expect(await written()).toEqual([])
  expect(await replica().due()).toHaveLength(TEAMS.length)
  await settleAll(replica())
  expect(await written()).toHaveLength(CLUSTERS.length * TEAMS.length * 3)
  expect((await db.query('select distinct counter from cluster_heads')).rows).toEqual([{ counter: BigInt(TEAMS.length * 3) }])
})
