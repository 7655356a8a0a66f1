import type { Sql } from '../../db/db.ts'
import { prepared } from '../../db/prepared.ts'
import type { RolloutState } from '../ports.ts'

interface StateRow {
  readonly uid: string
  readonly now: Date
  readonly asleep_ms: bigint
  readonly newest: RolloutState['newest'] | null
  readonly seen: string | null
  readonly standing: RolloutState['standing'] | null
  readonly hold: RolloutState['hold'] | null
  readonly paused: RolloutState['paused'] | null
  readonly asked: RolloutState['asked'] | null
  readonly problems: RolloutState['problems']
  readonly more_problems: number
  readonly last_number: number
  readonly moves: RolloutState['moves'] | null
  readonly run: string | null
  readonly bad: readonly string[]
}

/** So often does every hub say that it is awake. */
export const BEAT_MS = 2_000
/** Time beyond this since anybody said so was sleep, or nobody can tell: a beat that is merely late costs little. */
const AWAKE_MS = BEAT_MS * 1.5
const SLEPT = `greatest(0, (extract(epoch from clock_timestamp() - p.seen_at) * 1000)::bigint - ${AWAKE_MS})`

/** `now()` stands still in a transaction that waited for the row; what is decided is decided at the time of the lock. */
const STATE = `
  select r.uid, clock_timestamp() as now, p.asleep_ms + ${SLEPT} as asleep_ms, r.newest, r.seen, r.standing, r.hold, r.paused, r.asked, r.problems, r.more_problems, r.last_number, r.moves, r.run,
         array(select b.revision from rollout_bad b where b.rollout = r.uid) as bad
  from rollouts r, rollout_pulse p`

const LOCK_STATES = prepared(`${STATE} where r.uid = any($1::text[]) order by r.uid for update of r`)

export interface LockedState {
  readonly now: Date
  readonly asleepMs: number
  readonly bad: ReadonlySet<string>
  readonly run: string | undefined
  readonly state: RolloutState
}

/** The rows of Rollouts by uid, locked until the transaction ends. In order, so that two transactions never wait for each other. */
export async function lockStates(tx: Sql, uids: readonly string[]): Promise<ReadonlyMap<string, LockedState>> {
  const { rows } = await tx.query<StateRow>(LOCK_STATES, [uids])
  return new Map(rows.map((row) => [row.uid, stateOf(row)]))
}

/** The row as it is now. */
export async function readState(
  sql: Sql,
  { name, namespace }: { readonly namespace: string; readonly name: string },
): Promise<LockedState | undefined> {
  const [row] = (await sql.query<StateRow>(`${STATE} where r.namespace = $1 and r.name = $2`, [namespace, name])).rows
  return row && stateOf(row)
}

function stateOf(row: StateRow): LockedState {
  const state: RolloutState = {
    newest: row.newest ?? undefined,
    seen: row.seen ?? undefined,
    standing: row.standing ?? undefined,
    hold: row.hold ?? undefined,
    paused: row.paused ?? undefined,
    asked: row.asked ?? undefined,
    problems: row.problems,
    moreProblems: row.more_problems,
    lastNumber: row.last_number,
    moves: row.moves ?? undefined,
  }
  return { now: row.now, asleepMs: Number(row.asleep_ms), bad: new Set(row.bad), run: row.run ?? undefined, state }
}

const SAVE = prepared(`
  update rollouts r set newest = x.newest, seen = x.seen, standing = x.standing, hold = x.hold, paused = x.paused, asked = x.asked,
    problems = x.problems, more_problems = x."moreProblems", last_number = x."lastNumber", moves = x.moves, run = x.run, look_at = x."lookAt"
  from jsonb_to_recordset($1::jsonb) as x(uid text, newest jsonb, seen text, standing jsonb, hold jsonb, paused jsonb, asked jsonb,
    problems jsonb, "moreProblems" int, "lastNumber" int, moves jsonb, run text, "lookAt" timestamptz)
  where r.uid = x.uid`)

/** What is kept of a Rollout, and when it is to be looked at again. */
export interface SavedState {
  readonly uid: string
  readonly state: RolloutState
  readonly run: string | undefined
  readonly lookAt: Date | undefined
}

export async function saveStates(tx: Sql, all: readonly SavedState[]): Promise<void> {
  await tx.query(SAVE, [JSON.stringify(all.map(({ lookAt, run, state, uid }) => ({ uid, ...state, run, lookAt })))])
}

const BEAT = `update rollout_pulse p set seen_at = clock_timestamp(), asleep_ms = p.asleep_ms + ${SLEPT}`

/** Says that a hub is awake. @returns Rollouts that are to be looked at now */
export async function beat(sql: Sql): Promise<readonly string[]> {
  await sql.query(BEAT)
  const { rows } = await sql.query<{ key: string }>(
    `select namespace || '/' || name as key from rollouts where look_at <= now() order by look_at limit 500`,
  )
  return rows.map(({ key }) => key)
}
