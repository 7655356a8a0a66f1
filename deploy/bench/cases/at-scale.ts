import { systemClock } from '../../../proto/base/clock.ts'
import { FleetError } from '../../../proto/base/errors.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { FLEET_GROUP, FLEET_VERSION, PLATFORM_NAMESPACE } from '../../../proto/model/names.ts'
import { appFiles, appName } from '../bed/workload.ts'
import { type HubWorld, keepLogs, openHubWorld } from '../bed/world.ts'
import type { Figure } from '../figures.ts'
import { costOf } from '../measure/cost.ts'
import { type Database, openDatabase } from '../measure/database.ts'
import { median, nowMs } from '../measure/timing.ts'
import { profile } from '../measure/window.ts'
import { clusterNames, connectAll, joinAll, patience, type SimulatedFleet } from '../simulated/fleet.ts'
import type { Bench } from './bench.ts'

/** What the cases share that have many simulated clusters on one real hub. */
export interface AtScale {
  readonly world: HubWorld
  readonly database: Database
  readonly simulated: SimulatedFleet
  readonly add: (figure: string, value: number, unit: Figure['unit'], detail?: string) => void
  readonly signal: AbortSignal
  /** The middle one and the worst of several tries. */
  addTries(figure: string, seconds: readonly number[], detail?: string): void
  /** Does something and adds what it cost. `fresh`: it starts another hub. */
  measured<T>(name: string, work: () => Promise<T>, o?: { readonly fresh?: boolean }): Promise<T>
}

export interface Scene {
  /** What profiles and logs are called. */
  readonly name: string
  /** By what the figures go. */
  readonly n: number
  readonly clusters: number
  /** So many directories are in the repository. */
  readonly apps: number
  /** Branches beside `main` that are there from the start. */
  readonly branches: readonly string[]
  /** What is in a cluster before the hub says anything. */
  readonly objects: (url: string, index: number) => readonly Manifest[]
}

export const SIMULATED =
  'simulated: the clusters and their agents, all in one process that shares the machine with the hub; nothing is applied, and applying ' +
  'succeeds at once; real: hub with Postgres and NATS, git, builds, Join, mTLS sessions, bundles, and what agents report and when'

const LOOK_MS = 20
const SETTLE_MS = 3_000

/** A hub with so many clusters connected, which have what the first commit says. */
export async function openAtScale(
  { figures, options, signal }: Pick<Bench, 'options' | 'figures' | 'signal'>,
  { scene, scope }: { readonly scene: Scene; readonly scope: AsyncDisposableStack },
): Promise<AtScale> {
  const { apps, branches, clusters, n, name, objects } = scene
  const world = scope.use(await openHubWorld({ inspect: options.profiles !== undefined, signal }))
  scope.defer(() => keepLogs(world, options, name))
  const database = scope.use(await openDatabase(world, signal))
  await world.repository.commit(Object.assign({}, ...Array.from({ length: apps }, (_, index) => appFiles(appName(index), 'first'))))
  await world.repository.push()
  if (branches.length > 0) await world.repository.pushTo(branches)
  const began = nowMs()
  const simulated = await joinAll(world, {
    names: clusterNames(clusters),
    objects: (index) => objects(world.repository.url, index),
    scope,
    signal,
  })
  const add: AtScale['add'] = (figure, value, unit, detail) => figures.add({ figure, n, value, unit, ...(detail ? { detail } : {}) })
  await connectAll(simulated.agents, signal)
  add(`${name}.join`, (nowMs() - began) / 1000, 's')
  return {
    ...{ world, database, simulated, add, signal },
    addTries(figure, seconds, detail) {
      const [value, worst] = [median(seconds), Math.max(...seconds)]
      figures.add({ figure, n, value, unit: 's', ...(seconds.length > 1 ? { worst } : {}), ...(detail ? { detail } : {}) })
    },
    measured: (what, work, o = {}) =>
      costOf({ world, database, add, profiles: options.profiles, signal }, { name: what, ...o }, async () => {
        // A profiler does not outlive the process that it is attached to.
        await using _ = await profile({ world, name: what, profiles: o.fresh ? undefined : options.profiles, signal })
        return await work()
      }),
  }
}

/** Waits until a count that rows give is so high. @param query  selects it as `count` */
export async function untilCount(
  { database, signal }: Pick<AtScale, 'database' | 'signal'>,
  { count, query, values }: { readonly query: string; readonly values?: readonly unknown[]; readonly count: number },
): Promise<void> {
  const soon = patience(signal)
  for (;;) {
    const [row] = await database.query<{ readonly count: string }>(query, values)
    if (Number(row?.count) >= count) return
    await systemClock.sleep(LOOK_MS, soon).catch((error: unknown) => {
      throw new FleetError('deadline-exceeded', `wait for ${count} rows: ${row?.count} of ${query}`, { cause: error })
    })
  }
}

/** Waits until reports of so many clusters that they are at a revision are folded. */
export function untilReached(
  bench: Pick<AtScale, 'database' | 'signal'>,
  { count, ready = 1, revision }: { readonly revision: string; readonly count: number; readonly ready?: number },
): Promise<void> {
  const query = 'select count(*) from reached where revision = $1 and ready >= $2 and not_ready = 0'
  return untilCount(bench, { query, values: [revision, ready], count })
}

export const settled = (signal: AbortSignal): Promise<void> => systemClock.sleep(SETTLE_MS, signal)

export function fleetObject(kind: 'Placement' | 'Rollout', name: string, spec: object): Manifest {
  return { apiVersion: `${FLEET_GROUP}/${FLEET_VERSION}`, kind, metadata: { name, namespace: PLATFORM_NAMESPACE }, spec }
}
