import { InTurn } from '../../../proto/base/in-turn.ts'
import type { ClusterId } from '../../../proto/model/ids.ts'
import { FLEET_GROUP } from '../../../proto/model/names.ts'
import type { Db, Sql } from '../../db/db.ts'
import { type Content, PLACEMENT_KEY, type SourceObject } from '../model.ts'
import { markedAfter } from '../next.ts'
import type { RolloutName, RolloutRows, RolloutStore, RunNote } from '../ports.ts'
import { type CarriedOut, carryOut, type Welcomed, welcome } from './carry-out.ts'
import { readChains, readPlacementsWith } from './chain.ts'
import { type FactsOf, readFacts } from './facts.ts'
import { candidates, forget, govern, governedBy } from './members.ts'
import { ofNews } from './of-news.ts'
import { type KeptRun, readHistory, readRuns, type WrittenRun, writeRuns } from './run-rows.ts'
import { beat, type LockedState, lockStates, readState, type SavedState, saveStates } from './state.ts'
import { readSuspended } from './suspended.ts'

/** By what they move, not by what they govern: a cluster may be new to them. */
const OF_SOURCES = `
  select distinct r.namespace || '/' || r.name as key
  from (select distinct kind, namespace, name from source_objects where source_key = any($1::text[])) so
  join objects r on r.scope = 'fleet' and r.grp = '${FLEET_GROUP}' and r.kind = 'Rollout' and r.namespace = so.namespace
    and r.spec #>> '{source,kind}' = so.kind and r.spec #>> '{source,name}' = so.name
  union
  select r.namespace || '/' || r.name from placements p
  join objects r on r.scope = 'fleet' and r.grp = '${FLEET_GROUP}' and r.kind = 'Rollout' and r.namespace = p.namespace
    and r.spec #>> '{source,kind}' = 'Placement' and r.spec #>> '{source,name}' = p.name
  where '${PLACEMENT_KEY}' || p.uid = any($1::text[])`

/** A Placement may come to choose a cluster, or cease to, when its labels change; `placements.follow` tells of that. */
const OF_CLUSTERS = `
  select r.namespace || '/' || r.name as key
  from clusters c join source_objects so on so.cluster_id = c.id
  join objects r on r.scope = 'fleet' and r.grp = '${FLEET_GROUP}' and r.kind = 'Rollout' and r.namespace = so.namespace
    and r.spec #>> '{source,kind}' = so.kind and r.spec #>> '{source,name}' = so.name
  where c.name = any($1::text[])
  union
  select r.namespace || '/' || r.name
  from clusters c join placement_targets t on t.cluster_id = c.id join placements p on p.uid = t.placement
  join objects r on r.scope = 'fleet' and r.grp = '${FLEET_GROUP}' and r.kind = 'Rollout' and r.namespace = p.namespace
    and r.spec #>> '{source,kind}' = 'Placement' and r.spec #>> '{source,name}' = p.name
  where c.name = any($1::text[])`

/** What the last run brought everywhere before one moved the revision forward, and that was not taken back. */
const LAST_GOOD = `
  select n.revision, n.artifact from rollout_runs n
  where n.rollout = $1 and n.state = 'succeeded' and n.revision <> $2
    and n.number < (select max(f.number) from rollout_runs f where f.rollout = $1 and f.revision = $2 and f.cause <> 'rollback')
    and n.number > coalesce((select (o.moves ->> 'since')::int from rollouts o where o.uid = $1), 0)
    and not exists (select from rollout_bad b where b.rollout = n.rollout and b.revision = n.revision)
  order by n.number desc limit 1`

/** Sources of objects that were granted something and are not released it: a hub was killed before it asked for that, or it is being built. */
const UNSETTLED = `
  select distinct so.source_key from grants g
  join source_objects so on so.cluster_id = g.cluster_id and so.kind = g.source_kind and so.namespace = g.source_namespace and so.name = g.source_name
  left join releases r on r.cluster_id = g.cluster_id and r.source_kind = g.source_kind and r.source_namespace = g.source_namespace and r.source_name = g.source_name
  where g.rollout = $1 and not so.suspended and so.source_key is not null and r.revision is distinct from g.revision
  union
  select '${PLACEMENT_KEY}' || p.uid from grants g
  join placements p on g.source_kind = 'Placement' and p.namespace = g.source_namespace and p.name = g.source_name and p.generation >= 0
  join placement_targets t on t.placement = p.uid and t.cluster_id = g.cluster_id
  where g.rollout = $1 and t.revision is distinct from g.revision`

const PLACEMENT = `select from objects where scope = 'fleet' and grp = '${FLEET_GROUP}' and kind = 'Placement' and namespace = $1 and name = $2`

/** `RolloutStore` over Postgres: a decision is one transaction under the lock of the Rollout's row. */
export function createRolloutStore(db: Db): RolloutStore {
  const keys = async (text: string, values: readonly unknown[]) =>
    (await db.query<{ key: string }>(text, values)).rows.map(({ key }) => key)
  return {
    async open({ name, namespace, uid }) {
      await db.query('insert into rollouts (uid, namespace, name) values ($1, $2, $3) on conflict do nothing', [uid, namespace, name])
    },
    held: (uid) => governedBy(db, uid),
    candidates: (source, tenant) => candidates(db, source, tenant),
    isMissing: async ({ kind, name, namespace }) =>
      kind === 'Placement' && (await db.query(PLACEMENT, [namespace, name])).rows.length === 0,
    decide: (rollouts, work) => db.transaction((tx) => decide(tx, rollouts, work), 'kept'),
    forget: (name, but) => forget(db, name, but),
    all: () => keys(`select namespace || '/' || name as key from rollouts`, []),
    unsettled: async (uid) => (await db.query<{ source_key: string }>(UNSETTLED, [uid])).rows.map((row) => row.source_key),
    history: (of) => readHistory(db, of),
    suspended: (uids) => readSuspended(db, uids),
    ofSources: (sources) => keys(OF_SOURCES, [sources]),
    ofClusters: (names) => keys(OF_CLUSTERS, [names]),
    ofNews: (news) => ofNews(db, news),
    async lastGood(uid, before) {
      const { rows } = await db.query<Content>(LAST_GOOD, [uid, before])
      return rows[0]
    },
    chains: (query) => readChains(db, query),
    placementsWith: (query) => readPlacementsWith(db, query),
    async peek(name) {
      const found = await readState(db, name)
      return found && { ...found, run: (await readRuns(db, found.run === undefined ? [] : [found.run])).get(found.run ?? '')?.run }
    },
    beat: () => beat(db),
  }
}

/** Decisions about several Rollouts at once: what each of them asks for is asked for all of them in one statement. */
async function decide<T>(
  tx: Sql,
  rollouts: readonly RolloutName[],
  work: (rows: RolloutRows, rollout: RolloutName) => Promise<T>,
): Promise<readonly (T | undefined)[]> {
  const states = await lockStates(
    tx,
    rollouts.map(({ uid }) => uid),
  )
  const runs = await readRuns(
    tx,
    [...states.values()].flatMap(({ run }) => run ?? []),
  )
  const turn = new InTurn()
  const open = openRows(tx, turn)
  const done = await Promise.allSettled(
    rollouts.map(async (rollout) => {
      const locked = states.get(rollout.uid)
      return locked && (await turn.go(() => work(open(rollout, locked, runs.get(locked.run ?? '')), rollout)))
    }),
  )
  return done.map((one) => {
    if (one.status === 'rejected') throw one.reason
    return one.value
  })
}

/** The rows of Rollouts in one transaction; its questions in the order in which a decision asks them. */
function openRows(tx: Sql, turn: InTurn) {
  const sql: Sql = { query: (text, values) => turn.alone(() => tx.query(text, values)) }
  const facts = turn.asked((all: readonly FactsOf[]) => readFacts(tx, all))
  const write = turn.asked((all: readonly WrittenRun[]) => writeRuns(tx, all).then(() => all))
  const done = turn.asked((all: readonly CarriedOut[]) => carryOut(tx, all))
  const welcomed = turn.asked((all: readonly Welcomed[]) => welcome(tx, all))
  const save = turn.asked((all: readonly SavedState[]) => saveStates(tx, all).then(() => all))
  return ({ name, namespace, uid }: RolloutName, { asleepMs, bad, now, run: last, state }: LockedState, current?: KeptRun): RolloutRows => {
    let run = last
    let marked = bad
    const asleep = asleepMs - (current?.asleepMs ?? asleepMs)
    return {
      now,
      state,
      bad,
      current,
      save: async (next, lookAt) => void (await save({ uid, state: next, run, lookAt })),
      govern: (source, chosen) => govern(sql, uid, { source, ...chosen }),
      facts: (source, of, heard) => facts({ rollout: uid, source, run: of, heard, bad: marked, now, asleepMs: asleep }),
      kept: () => keptWaves(sql, uid),
      async startRun(next, { historyLimit, number, startedBy }) {
        run = next.id
        await write({ run: next, rollout: uid, number, asleepMs })
        await sql.query('delete from rollout_runs where rollout = $1 and number < $2', [uid, number - historyLimit])
        const { rows } = await sql.query<{ commit: RunNote['commit'] }>(NOTE_RUN, [next.id, startedBy ?? null, next.content.revision, uid])
        return { number, startedBy, commit: rows[0]?.commit ?? {} }
      },
      saveRun: async (before, after) =>
        void (await write({ run: after, before, rollout: uid, number: current?.note.number ?? 0, asleepMs })),
      async carryOut(of, steps, source) {
        marked = markedAfter(marked, steps)
        return done({ uid, namespace, name, run: of, source, steps })
      },
      welcome: (content, source) => welcomed({ uid, content, source, run: run ?? '' }),
      revision: (text, source) => known(sql, uid, { text, source }),
      async say(wave, what, by) {
        const column = what === 'approve' ? 'approval' : 'skip'
        await sql.query(`update rollout_waves set ${column} = $3 where run = $1 and plan ->> 'name' = $2`, [run, wave, by])
      },
    }
  }
}

/** Who started a run, and what its commit says of itself. */
const NOTE_RUN = `
  update rollout_runs set started_by = $2, commit = coalesce((
    select v.commit from revisions v join source_objects so on so.source_key = v.source_key
    join governed g on g.cluster_id = so.cluster_id and g.source_kind = so.kind and g.source_namespace = so.namespace and g.source_name = so.name
    where g.rollout = $4 and v.revision = $3 limit 1), '{}')
  where id = $1 returning commit`

/** A run back has one wave, which says nothing of those to come. */
const KEPT_WAVES = `
  select t.cluster_id, w.plan ->> 'name' as wave from rollout_targets t join rollout_waves w on w.run = t.run and w.ordinal = t.wave
  where t.run = (select n.id from rollout_runs n where n.rollout = $1 and n.cause <> 'rollback' order by n.number desc limit 1)`

async function keptWaves(tx: Sql, uid: string): Promise<ReadonlyMap<ClusterId, string>> {
  const { rows } = await tx.query<{ cluster_id: ClusterId; wave: string }>(KEPT_WAVES, [uid])
  return new Map(rows.map((row) => [row.cluster_id, row.wave]))
}

/** The revision by its whole name, or by a part of it that only one has; of those that the Rollout's sources have seen. */
async function known(
  tx: Sql,
  uid: string,
  { source, text }: { readonly text: string; readonly source: SourceObject },
): Promise<Content | undefined> {
  const { rows } = await tx.query<Content>(
    `select distinct v.revision, v.artifact from governed g
     join source_objects so on so.cluster_id = g.cluster_id and so.kind = $2 and so.namespace = $3 and so.name = $4
     join revisions v on v.source_key = so.source_key
     where g.rollout = $1 and not g.apart and (v.revision = $5 or position($5 in v.revision) > 0)
     union
     select v.revision, '' from placements p join placement_revisions v on v.placement = p.uid
     where $2 = 'Placement' and p.namespace = $3 and p.name = $4 and p.generation >= 0 and (v.revision = $5 or position($5 in v.revision) > 0)`,
    [uid, source.kind, source.namespace, source.name, text],
  )
  return rows.find(({ revision }) => revision === text) ?? (rows.length === 1 ? rows[0] : undefined)
}
