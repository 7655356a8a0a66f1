import { messageOf } from '../../proto/base/errors.ts'
import { within } from '../../proto/base/signals.ts'
import type { Outcome } from './model.ts'
import { nowMs } from './screen.ts'
import type { Stage } from './stage.ts'
import type { Step } from './step.ts'
import { chart } from './steps/chart.ts'
import { oneCommit } from './steps/commit.ts'
import { drift } from './steps/drift.ts'
import { firstSync } from './steps/first-sync.ts'
import { hubAway } from './steps/hub-away.ts'
import { rollout } from './steps/rollout.ts'
import { tenant } from './steps/tenant.ts'

const STEPS: readonly Step[] = [firstSync, oneCommit, drift, tenant, chart, hubAway, rollout]

/** Plays all steps in order, each within its deadline. A failed one is told and the others go on, but for the first, which all need. */
export async function play(stage: Stage, signal: AbortSignal): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  for (const [at, step] of STEPS.entries()) {
    signal.throwIfAborted()
    if (outcomes[0]?.kind === 'failed') outcomes.push({ kind: 'not run', title: step.title })
    else outcomes.push(await playOne(step, { stage, signal, number: at + 1 }))
  }
  return outcomes
}

interface Playing {
  readonly stage: Stage
  readonly signal: AbortSignal
  readonly number: number
}

async function playOne({ title, says, deadlineMs, run }: Step, { stage, signal, number }: Playing): Promise<Outcome> {
  stage.screen.step(`${number} · ${title}`, says)
  const startedAt = nowMs()
  const ended = new AbortController()
  try {
    const seen = await run(stage, within(deadlineMs, signal, ended.signal))
    return { kind: 'ok', title, ...seen }
  } catch (error) {
    signal.throwIfAborted()
    const why = messageOf(error)
    stage.screen.failed(`${title}: ${why}. The logs of hub and agents are in ${stage.places.logs}`)
    return { kind: 'failed', title, why, ms: nowMs() - startedAt }
  } finally {
    // What the step still waits for or runs when it has failed ends with it.
    ended.abort()
  }
}
