import type { Sql } from '../../db/db.ts'
import type { RolloutState } from '../ports.ts'

interface StateRow {
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
  select clock_timestamp() as now, p.asleep_ms + ${SLEPT} as asleep_ms, r.newest, r.seen, r.standing, r.hold, r.paused, r.asked, r.problems, r.more_problems, r.last_number, r.run,
         array(select b.revision from rollout_bad b where b.rollout = r.uid) as bad
  from rollouts r, rollout_pulse p`

export interface LockedState {
  readonly now: Date
  readonly asleepMs: number
  readonly bad: ReadonlySet<string>
  readonly run: string | undefined
  readonly state: RolloutState
}

/** A Rollout's row, locked until the transaction ends; undefined where there is none. */
export async function lockState(tx: Sql, uid: string): Promise<LockedState | undefined> {
  return stateOf((await tx.query<StateRow>(`${STATE} where r.uid = $1 for update of r`, [uid])).rows[0])
}

/** The row as it is now. */
export async function readState(
  sql: Sql,
  { name, namespace }: { readonly namespace: string; readonly name: string },
): Promise<LockedState | undefined> {
  return stateOf((await sql.query<StateRow>(`${STATE} where r.namespace = $1 and r.name = $2`, [namespace, name])).rows[0])
}

function stateOf(row: StateRow | undefined): LockedState | undefined {
  if (!row) return undefined
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
  }
  return { now: row.now, asleepMs: Number(row.asleep_ms), bad: new Set(row.bad), run: row.run ?? undefined, state }
}

const SAVE = `
  update rollouts set newest = $2, seen = $3, standing = $4, hold = $5, paused = $6, asked = $7, problems = $8, more_problems = $9, last_number = $10, run = $11, look_at = $12
  where uid = $1`

export async function saveState(
  tx: Sql,
  uid: string,
  { lookAt, run, state }: { readonly state: RolloutState; readonly run: string | undefined; readonly lookAt: Date | undefined },
): Promise<void> {
  const json = (value: unknown) => (value === undefined ? null : JSON.stringify(value))
  const { asked, hold, lastNumber, moreProblems, newest, paused, problems, seen, standing } = state
  const words = [json(newest), seen ?? null, json(standing), json(hold), json(paused), json(asked), JSON.stringify(problems)]
  await tx.query(SAVE, [uid, ...words, moreProblems, lastNumber, run ?? null, lookAt ?? null])
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
