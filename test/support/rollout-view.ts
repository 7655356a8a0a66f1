import type { RolloutStatus, RunState } from '../../proto/model/fleet/rollout-status.ts'
import { eventually } from './eventually.ts'
import type { TestWorld } from './world.ts'

type RunStatus = NonNullable<RolloutStatus['run']>

/** A Rollout as its status tells of it, through the hub. */
export interface RolloutView {
  status(): Promise<RolloutStatus>
  /** Waits until it has taken the clusters as they are, without a run. */
  isUpToDate(): Promise<unknown>
  /** The run as soon as it is of that commit and in that state. */
  runIs(state: RunState, commit: string): Promise<RunStatus>
  /** The run as soon as it is of that commit and `is` likes it. */
  run(what: string, commit: string, is: (run: RunStatus) => boolean): Promise<RunStatus>
}

export function viewRollout(world: TestWorld, name: string, namespace = 'flux-system'): RolloutView {
  const status: RolloutView['status'] = async () => {
    const text = await world.viaHub('fleet', ['get', 'rollout', name, '-n', namespace, '-o', 'json'])
    return (JSON.parse(text) as { status?: RolloutStatus }).status ?? {}
  }
  const run: RolloutView['run'] = async (what, commit, is) => {
    let last: RunStatus | undefined
    const look = async () => {
      last = (await status()).run
      return last?.revision.endsWith(commit) && is(last) ? last : undefined
    }
    try {
      return await eventually(what, look, { timeoutMs: 60_000 })
    } catch (error) {
      throw new Error(`${String(error)}; the run is ${JSON.stringify(last)}`)
    }
  }
  return {
    status,
    run,
    isUpToDate: () =>
      eventually(`Rollout ${name} took the clusters as they are`, async () => (await status()).conditions?.[0]?.reason === 'UpToDate'),
    runIs: (state, commit) => run(`the run of ${commit} is ${state}`, commit, (now) => now.state === state),
  }
}
