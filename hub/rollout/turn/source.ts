import { isEnded } from '../advance.ts'
import type { SourceObject } from '../model.ts'
import type { RolloutRows, RolloutState } from '../ports.ts'

/**
 * The state of a Rollout that moves this source. What outlives runs is of one source: where the Rollout was changed to move
 * another one its run ends, and it begins as if it were new.
 */
export async function stateFor(rows: RolloutRows, source: SourceObject): Promise<RolloutState> {
  const { current, now, state } = rows
  const { kind, name } = source
  const { lastNumber, moves } = state
  if (moves?.kind === kind && moves.name === name) return state
  if (!moves) return { ...state, moves: { kind, name, since: 0 } }
  if (current && !isEnded(current.run)) {
    const outcome = `ended since ${kind} ${name} is moved now`
    const run = { ...current.run, state: 'superseded' as const, outcome, endedAt: now }
    await rows.saveRun(current.run, run)
    const message = `${run.content.revision} ${outcome}`
    await rows.carryOut(run, [{ kind: 'record', event: 'rollout.run.superseded', severity: 'info', people: false, message }], source)
  }
  const fresh = { newest: undefined, seen: undefined, standing: undefined, asked: undefined }
  return { ...state, ...fresh, moves: { kind, name, since: lastNumber } }
}
