import { shortRevision } from '../../../hub/cli/show/rows.ts'
import type { RolloutStatus } from '../../../proto/model/fleet/rollout-status.ts'

type Run = NonNullable<RolloutStatus['run']>

/** What of a run is told as it happens; a wave that goes through its clusters is seen in these. */
const WAVES: readonly string[] = ['soaking', 'complete', 'skipped']
const RUNS: readonly string[] = ['pending', 'rolling-back', 'succeeded', 'stopped', 'rolled-back', 'superseded']

/** What happened to the runs of a Rollout between two looks, a line for each thing. */
export function runNews({ run: before }: RolloutStatus, { run }: RolloutStatus): readonly string[] {
  if (!run) return []
  const old = before?.number === run.number ? before : undefined
  const hasNew = run.state !== old?.state && RUNS.includes(run.state)
  return [
    ...(old ? [] : [`run ${run.number} starts with ${shortRevision(run.revision)}`]),
    ...wavesNews(old, run),
    ...(hasNew ? [`run ${run.number}: ${shortRevision(run.message ?? run.state)}`] : []),
  ]
}

function wavesNews(old: Run | undefined, { waves = [] }: Run): readonly string[] {
  return waves.flatMap(({ name, state }) => {
    const was = old?.waves?.find((wave) => wave.name === name)?.state
    return state !== was && WAVES.includes(state) ? [`wave ${name} is ${state}`] : []
  })
}
