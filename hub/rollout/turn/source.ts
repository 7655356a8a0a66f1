import { isEnded } from '../advance.ts'
import type { SourceObject } from '../model.ts'
import type { RolloutRows, RolloutState } from '../ports.ts'

/**
 * The state of a Rollout that moves this source, which has this URL and options in most clusters. What outlives runs is of
 * one source: where the Rollout was changed to move another one its run ends, and it begins as if it were new. A run ends
 * too where its source has another URL or ref than it began with; what the source has there then starts one.
 */
export async function stateFor(rows: RolloutRows, source: SourceObject, origin: string | undefined): Promise<RolloutState> {
  const { current, state } = rows
  const { kind, name } = source
  const { lastNumber, moves } = state
  if (!moves) return { ...state, moves: { kind, name, origin, since: 0 } }
  if (moves.kind !== kind || moves.name !== name) {
    await endRun(rows, source, `ended since ${kind} ${name} is moved now`)
    const fresh = { newest: undefined, seen: undefined, standing: undefined, asked: undefined }
    return { ...state, ...fresh, moves: { kind, name, origin, since: lastNumber } }
  }
  if (origin === undefined || origin === moves.origin) return state
  const moved = { ...state, moves: { ...moves, origin } }
  if (moves.origin === undefined || !current || isEnded(current.run)) return moved
  await endRun(rows, source, `ended since ${kind} ${name} has another URL or ref in most clusters now`)
  return { ...moved, newest: undefined, seen: undefined }
}

async function endRun(rows: RolloutRows, source: SourceObject, outcome: string): Promise<void> {
  const { current, now } = rows
  if (!current || isEnded(current.run)) return
  const run = { ...current.run, state: 'superseded' as const, outcome, endedAt: now }
  await rows.saveRun(current.run, run)
  const message = `${run.content.revision} ${outcome}`
  await rows.carryOut(run, [{ kind: 'record', event: 'rollout.run.superseded', severity: 'info', people: false, message }], source)
}
