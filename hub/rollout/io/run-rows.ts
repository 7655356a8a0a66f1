import type { ClusterId } from '../../../proto/model/ids.ts'
import type { Sql } from '../../db/db.ts'
import { prepared } from '../../db/prepared.ts'
import type { Complaint, Content, Policy, Run, Target, Wave, WavePlan } from '../model.ts'
import type { EndedRun, RunNote, StoredRun } from '../ports.ts'

interface RunRow {
  readonly id: string
  readonly number: number
  readonly cause: Run['cause']
  readonly revision: string
  readonly artifact: string
  readonly policy: Policy
  readonly state: Run['state']
  readonly clock_ms: bigint
  readonly looked_at: Date | null
  readonly asleep_ms: bigint
  readonly started_at: Date
  readonly ended_at: Date | null
  readonly outcome: string | null
  readonly started_by: string | null
  readonly commit: RunNote['commit']
}

interface WaveRow {
  readonly run: string
  readonly plan: WavePlan
  readonly state: Wave['state']
  readonly started_at: Date | null
  readonly completed_at: Date | null
  readonly approved_by: string | null
  readonly skipped_by: string | null
  readonly approval: string | null
  readonly skip: string | null
}

interface TargetRow {
  readonly run: string
  readonly cluster_id: ClusterId
  readonly name: string
  readonly wave: number
  readonly state: Target['state']
  readonly given: Target['given']
  readonly given_at: Date | null
  readonly before_revision: string | null
  readonly before_artifact: string | null
  readonly since_ms: bigint | null
  readonly was: Target['was'] | null
  readonly complaint: Complaint | null
  readonly failed_once: boolean
}

const RUNS = 'select * from rollout_runs where id = any($1::text[])'
const WAVES = 'select * from rollout_waves where run = any($1::text[]) order by run, ordinal'
const TARGETS = 'select * from rollout_targets where run = any($1::text[]) order by run, wave, name'

/** A run with all that it remembers, and how long nobody had been awake when it was last looked at. */
export type KeptRun = StoredRun & { readonly asleepMs: number }

/** Runs by id, in three statements. */
export async function readRuns(sql: Sql, ids: readonly string[]): Promise<ReadonlyMap<string, KeptRun>> {
  if (ids.length === 0) return new Map()
  const { rows } = await sql.query<RunRow>(RUNS, [ids])
  const waves = Map.groupBy((await sql.query<WaveRow>(WAVES, [ids])).rows, ({ run }) => run)
  const targets = Map.groupBy((await sql.query<TargetRow>(TARGETS, [ids])).rows, ({ run }) => run)
  return new Map(rows.map((row) => [row.id, keptRun(row, waves.get(row.id) ?? [], targets.get(row.id) ?? [])]))
}

function keptRun(row: RunRow, waves: readonly WaveRow[], targets: readonly TargetRow[]): KeptRun {
  const said = (of: 'approval' | 'skip') =>
    new Map(waves.flatMap((wave) => (wave[of] === null ? [] : [[wave.plan.name, wave[of]] as const])))
  const run: Run = {
    id: row.id,
    cause: row.cause,
    content: { revision: row.revision, artifact: row.artifact },
    policy: row.policy,
    waves: waves.map(waveOf),
    targets: new Map(targets.map((target) => [target.cluster_id, targetOf(target)])),
    state: row.state,
    clockMs: Number(row.clock_ms),
    lookedAt: row.looked_at ?? undefined,
    startedAt: row.started_at,
    endedAt: row.ended_at ?? undefined,
    outcome: row.outcome ?? undefined,
  }
  return { run, note: noteOf(row), approvals: said('approval'), skips: said('skip'), asleepMs: Number(row.asleep_ms) }
}

function noteOf({ commit, number, started_by }: Pick<RunRow, 'commit' | 'number' | 'started_by'>): RunNote {
  return { number, startedBy: started_by ?? undefined, commit }
}

function waveOf(row: WaveRow): Wave {
  return {
    plan: row.plan,
    state: row.state,
    startedAt: row.started_at ?? undefined,
    completedAt: row.completed_at ?? undefined,
    approvedBy: row.approved_by ?? undefined,
    skippedBy: row.skipped_by ?? undefined,
  }
}

function targetOf(row: TargetRow): Target {
  return {
    cluster: row.cluster_id,
    name: row.name,
    wave: row.wave,
    state: row.state,
    given: row.given,
    givenAt: row.given_at ?? undefined,
    before: contentOf(row.before_revision, row.before_artifact),
    sinceMs: row.since_ms === null ? undefined : Number(row.since_ms),
    was: row.was ?? undefined,
    complaint: row.complaint ?? undefined,
    failedOnce: row.failed_once || undefined,
  }
}

function contentOf(revision: string | null, artifact: string | null): Content | undefined {
  return revision === null || artifact === null ? undefined : { revision, artifact }
}

const HISTORY = prepared(`
  select x.uid, n.* from jsonb_to_recordset($1::jsonb) as x(uid text, "limit" int)
  cross join lateral (
    select r.number, r.cause, r.revision, r.state, r.started_at, r.ended_at, r.outcome, r.started_by, r.commit,
           array(select distinct w.approved_by from rollout_waves w where w.run = r.id and w.approved_by is not null order by 1) as approved_by
    from rollout_runs r
    where r.rollout = x.uid and r.ended_at is not null and r.id is distinct from (select run from rollouts where uid = x.uid)
    order by r.number desc limit x."limit") n
  order by x.uid, n.number desc`)

type HistoryRow = RunRow & { readonly uid: string; readonly ended_at: Date; readonly approved_by: readonly string[] }

/** The runs of Rollouts that ended before the present or last one, by uid, last one first. */
export async function readHistory(
  sql: Sql,
  of: readonly { readonly uid: string; readonly limit: number }[],
): Promise<ReadonlyMap<string, readonly EndedRun[]>> {
  const { rows } = await sql.query<HistoryRow>(HISTORY, [JSON.stringify(of)])
  return new Map([...Map.groupBy(rows, ({ uid }) => uid)].map(([uid, ended]) => [uid, ended.map(endedRun)]))
}

function endedRun(row: HistoryRow): EndedRun {
  return {
    cause: row.cause,
    revision: row.revision,
    state: row.state,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    outcome: row.outcome ?? undefined,
    note: noteOf(row),
    approvedBy: row.approved_by,
  }
}

const SAVE_RUNS = prepared(`
  insert into rollout_runs as r (id, rollout, number, cause, revision, artifact, policy, state, clock_ms, looked_at, asleep_ms, started_at, ended_at, outcome)
  select x.id, x.rollout, x.number, x.cause, x.revision, x.artifact, x.policy, x.state, round(x."clockMs"), x."lookedAt", round(x."asleepMs"),
         x."startedAt", x."endedAt", x.outcome
  from jsonb_to_recordset($1::jsonb) as x(id text, rollout text, number int, cause text, revision text, artifact text, policy jsonb, state text,
    "clockMs" float8, "lookedAt" timestamptz, "asleepMs" float8, "startedAt" timestamptz, "endedAt" timestamptz, outcome text)
  on conflict (id) do update set state = excluded.state, clock_ms = excluded.clock_ms, looked_at = excluded.looked_at,
    asleep_ms = excluded.asleep_ms, ended_at = excluded.ended_at, outcome = excluded.outcome`)

const SAVE_WAVES = prepared(`
  insert into rollout_waves as w (run, ordinal, plan, state, started_at, completed_at, approved_by, skipped_by)
  select x.run, x.ordinal, x.plan, x.state, x."startedAt", x."completedAt", x."approvedBy", x."skippedBy"
  from jsonb_to_recordset($1::jsonb) as x(run text, ordinal int, plan jsonb, state text, "startedAt" timestamptz, "completedAt" timestamptz,
    "approvedBy" text, "skippedBy" text)
  on conflict (run, ordinal) do update set state = excluded.state, started_at = excluded.started_at, completed_at = excluded.completed_at,
    approved_by = excluded.approved_by, skipped_by = excluded.skipped_by`)

const SAVE_TARGETS = prepared(`
  insert into rollout_targets as t (run, cluster_id, name, wave, state, given, given_at, before_revision, before_artifact, since_ms, was, complaint, failed_once)
  select x.run, x.cluster, x.name, x.wave, x.state, x.given, x."givenAt", x.before ->> 'revision', x.before ->> 'artifact', round(x."sinceMs"), x.was, x.complaint,
         coalesce(x."failedOnce", false)
  from jsonb_to_recordset($1::jsonb) as x(run text, cluster text, name text, wave int, state text, given text, "givenAt" timestamptz, before jsonb, "sinceMs" float8,
    was text, complaint jsonb, "failedOnce" boolean)
  order by x.run, x.cluster
  on conflict (run, cluster_id) do update set name = excluded.name, wave = excluded.wave, state = excluded.state, given = excluded.given, given_at = excluded.given_at,
    before_revision = excluded.before_revision, before_artifact = excluded.before_artifact, since_ms = excluded.since_ms,
    was = excluded.was, complaint = excluded.complaint, failed_once = excluded.failed_once`)

/** A run as it is now, and as it was where it is not new. */
export interface WrittenRun {
  readonly run: Run
  readonly before?: Run
  readonly rollout: string
  readonly number: number
  readonly asleepMs: number
}

/** Writes what of runs is not as it was: the waves of a run together, the targets that differ; one statement for each kind of row. */
export async function writeRuns(tx: Sql, all: readonly WrittenRun[]): Promise<void> {
  const write = async (text: string, rows: readonly unknown[]) => {
    if (rows.length > 0) await tx.query(text, [JSON.stringify(rows)])
  }
  const runs = all.map(({ asleepMs, number, rollout, run }) => {
    const { content, targets: _, waves: __, ...kept } = run
    return { ...kept, ...content, rollout, number, asleepMs }
  })
  await write(SAVE_RUNS, runs)
  const moved = all.filter(({ before, run }) => run.waves !== before?.waves)
  await write(
    SAVE_WAVES,
    moved.flatMap(({ run }) => run.waves.map((wave, ordinal) => ({ run: run.id, ordinal, ...wave }))),
  )
  const targets = all.flatMap(({ before, run }) =>
    [...run.targets.values()]
      .filter((target) => before?.targets.get(target.cluster) !== target)
      .map((target) => ({ run: run.id, ...target })),
  )
  await write(SAVE_TARGETS, targets)
}
