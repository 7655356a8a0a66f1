import type { Clock } from '../../proto/base/clock.ts'
import { FleetError } from '../../proto/base/errors.ts'
import type { Log } from '../../proto/base/log.ts'
import type { PlacementStatus } from '../../proto/model/fleet/placement.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { withoutFinalizer } from './finalizer.ts'
import type { PlacementNews } from './model.ts'
import type { PlacementObjects, PlacementStore, Standing, StandingStore } from './ports.ts'
import { placementNews, placementStatus } from './status.ts'

export interface UpkeepDeps {
  readonly store: PlacementStore
  readonly standings: StandingStore
  readonly objects: PlacementObjects
  readonly hint: (clusters: readonly string[]) => Promise<void>
  /** Told what people may want to hear of a Placement. */
  readonly told: (news: PlacementNews) => void
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

async function write(deps: UpkeepDeps, standing: Standing, { metadata }: Manifest): Promise<boolean> {
  const { clock, objects } = deps
  const leaving = metadata.deletionTimestamp !== undefined
  if (leaving && isEmpty(standing) && standing.generation === metadata.generation) {
    await objects.change(standing, withoutFinalizer)
    await publish(deps, standing, [{ event: 'placement.gone', severity: 'info', message: 'the objects are gone everywhere' }])
    return true
  }
  const at = { leaving, now: clock.now() }
  let news: readonly PlacementNews[] = []
  await objects.changeStatus(standing, ({ status }) => {
    const before = (status ?? {}) as PlacementStatus
    const after = placementStatus(before, standing, at)
    news = placementNews(before, after)
    return after
  })
  await publish(deps, standing, news)
  return false
}

async function publish({ log, standings, told }: UpkeepDeps, standing: Standing, news: readonly PlacementNews[]): Promise<void> {
  if (news.length === 0) return
  await standings.record(standing, news)
  for (const one of news) {
    const fields = { event: one.event, object: `Placement/${standing.namespace}/${standing.name}`, revision: standing.revision }
    if (one.severity === 'error') log.warn(fields, one.message)
    else log.info(fields, one.message)
    told(one)
  }
}

function isEmpty({ counts }: Standing): boolean {
  return Object.values(counts).every((count) => count === 0)
}
