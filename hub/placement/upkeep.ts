import type { Clock } from '../../proto/base/clock.ts'
import { FleetError } from '../../proto/base/errors.ts'
import type { Log } from '../../proto/base/log.ts'
import type { PlacementStatus } from '../../proto/model/fleet/placement.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { withoutFinalizer } from './finalizer.ts'
import type { PlacementObjects, PlacementStore, Standing, StandingStore } from './ports.ts'
import { placementStatus } from './status.ts'

export interface UpkeepDeps {
  readonly store: PlacementStore
  readonly standings: StandingStore
  readonly objects: PlacementObjects
  readonly hint: (clusters: readonly string[]) => Promise<void>
  /** The state of these placements is to be written soon. */
  readonly changed: (placements: readonly string[]) => void
  readonly clock: Clock
  readonly log: Log
}

/** Settles what is due, a bounded part at a time, and tells who has news. */
export async function settle({ changed, clock, hint, log, store }: UpkeepDeps, signal: AbortSignal): Promise<void> {
  for (let more = true; more; ) {
    signal.throwIfAborted()
    const startedAt = clock.now().getTime()
    const settled = await store.settle()
    await hint(settled.clusters)
    changed(settled.placements)
    more = settled.more
    if (settled.placements.length + settled.clusters.length === 0) continue
    const durationMs = clock.now().getTime() - startedAt
    log.info({ event: 'placement.settled', count: settled.clusters.length, durationMs }, 'placements were settled')
  }
}

/** Writes how placements are doing, and lets go of those that have nothing anywhere any more. */
export async function refresh(deps: UpkeepDeps, placements: readonly string[] | undefined): Promise<void> {
  const done: string[] = []
  for (const standing of await deps.standings.standings(placements)) if (await tell(deps, standing)) done.push(standing.uid)
  if (done.length > 0) await deps.standings.forget(done)
}

/** @returns true when nothing is left of the placement */
async function tell(deps: UpkeepDeps, standing: Standing): Promise<boolean> {
  const object = await deps.objects.get(standing)
  if (object?.metadata.uid !== standing.uid) return isEmpty(standing)
  try {
    return await write(deps, standing, object)
  } catch (error) {
    // It may have gone meanwhile.
    if (error instanceof FleetError && error.code === 'not-found') return false
    throw error
  }
}

async function write({ clock, log, objects }: UpkeepDeps, standing: Standing, { metadata }: Manifest): Promise<boolean> {
  const leaving = metadata.deletionTimestamp !== undefined
  if (leaving && isEmpty(standing) && standing.generation === metadata.generation) {
    await objects.change(standing, withoutFinalizer)
    const object = `Placement/${standing.namespace}/${standing.name}`
    log.info({ event: 'placement.gone', object }, 'the objects of a Placement are gone everywhere')
    return true
  }
  const at = { leaving, now: clock.now() }
  await objects.changeStatus(standing, (old) => placementStatus((old.status ?? {}) as PlacementStatus, standing, at))
  return false
}

function isEmpty({ counts }: Standing): boolean {
  return Object.values(counts).every((count) => count === 0)
}
