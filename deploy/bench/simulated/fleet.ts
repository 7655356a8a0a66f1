import { join } from 'node:path'
import { systemClock } from '../../../proto/base/clock.ts'
import { FleetError } from '../../../proto/base/errors.ts'
import { within } from '../../../proto/base/signals.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import type { HubWorld } from '../bed/world.ts'
import { eachAtOnce, nowMs } from '../measure/timing.ts'
import { joinSimulated, type SimulatedAgent } from './agent.ts'

export const JOIN_AT_ONCE = 32
const LOOK_MS = 10
const PATIENCE_MS = 600_000

/** All simulated agents, in this process. */
export interface SimulatedFleet {
  readonly agents: readonly SimulatedAgent[]
  /** Moments when agents had a revision of a source with all its bundles, once so many have it. */
  arrived(of: Arrival, signal: AbortSignal): Promise<readonly number[]>
}

export interface Arrival {
  readonly source: string
  readonly revision: string
  readonly count: number
}

interface JoinOptions {
  readonly names: readonly string[]
  /** What is in the cluster of that place in the list. */
  readonly objects: (index: number) => readonly Manifest[]
  readonly scope: AsyncDisposableStack
  readonly signal: AbortSignal
}

export const clusterNames = (n: number): readonly string[] =>
  Array.from({ length: n }, (_, index) => `simulated-${String(index).padStart(5, '0')}`)

export async function joinAll(world: HubWorld, { names, objects, scope, signal }: JoinOptions): Promise<SimulatedFleet> {
  const token = await world.api.joinToken(names.length, signal)
  const agents: SimulatedAgent[] = []
  const moments = new Map<string, number[]>()
  const has = (source: string, revision: string) => {
    const key = `${source} ${revision}`
    moments.set(key, [...(moments.get(key) ?? []), nowMs()])
  }
  scope.defer(async () => {
    await Promise.allSettled(agents.map((agent) => agent[Symbol.asyncDispose]()))
  })
  const hub = { address: world.grpc, ca: world.api.ca }
  await eachAtOnce(names, JOIN_AT_ONCE, async (name, index) => {
    const folder = join(world.dir, 'simulated', name)
    agents[index] = await joinSimulated({ hub, name, folder, token, objects: objects(index), has, signal })
  })
  return { agents, arrived: (of, soon) => untilArrived(moments, of, soon) }
}

/** Opens all sessions at once; seconds until the last one is live. */
export async function connectAll(agents: readonly SimulatedAgent[], signal: AbortSignal): Promise<number> {
  const began = nowMs()
  for (const agent of agents) agent.connect()
  await untilLive(agents, patience(signal))
  return (nowMs() - began) / 1000
}

export async function untilLive(agents: readonly SimulatedAgent[], signal: AbortSignal): Promise<void> {
  while (!agents.every(({ live }) => live)) await systemClock.sleep(LOOK_MS, signal)
}

async function untilArrived(
  moments: ReadonlyMap<string, readonly number[]>,
  { count, revision, source }: Arrival,
  signal: AbortSignal,
): Promise<readonly number[]> {
  for (;;) {
    const found = moments.get(`${source} ${revision}`) ?? []
    if (found.length >= count) return found
    await systemClock.sleep(LOOK_MS, signal).catch((error: unknown) => {
      throw new FleetError('deadline-exceeded', `wait for ${count} agents: ${found.length} have ${revision}`, { cause: error })
    })
  }
}

/** Of moments in order, the first, the one in the middle, and the last. */
export function middle(moments: readonly number[]) {
  const at = (index: number) => moments[index] ?? Number.NaN
  return { first: at(0), half: at(Math.ceil(moments.length / 2) - 1), all: at(moments.length - 1) }
}

export const patience = (signal: AbortSignal): AbortSignal => within(PATIENCE_MS, signal)
