import { systemClock } from '../../proto/base/clock.ts'
import { WorkQueue } from '../../proto/base/work-queue.ts'
import { PLACEMENT } from '../../proto/model/fleet/kinds.ts'
import type { Jobs } from '../db/jobs.ts'
import { FLEET_SCOPE } from '../objects/model.ts'
import { openPlacementMetrics } from '../placement/io/metrics.ts'
import { createStandingStore } from '../placement/io/standing.ts'
import { createPlacementStore } from '../placement/io/store.ts'
import type { PlacementObjects } from '../placement/ports.ts'
import { createPlacementService } from '../placement/service.ts'
import type { Ground, Opening } from './ground.ts'
import type { Knowledge } from './knowledge.ts'

const clock = systemClock
const GATHER_MS = 300
const ASK_AFTER_MS = 100
const AGAIN_MS = 5_000

/** What goes where, and what is told of it; many changes that come together are looked at once. */
export function openPlacing(given: Ground & Knowledge, { scope, log: parent }: Opening) {
  const { db, hint, metrics } = given
  const standings = createStandingStore(db)
  const log = parent.child({ concept: 'placement' })
  const dirty = { placements: new Set<string>(), clusters: new Set<string>(), all: false }
  const followers: ((placements: readonly string[]) => void)[] = []
  const service = createPlacementService({
    ...{ store: createPlacementStore(db), standings, objects: placementObjects(given), hint, clock, log },
    told: openPlacementMetrics(metrics.registry, { sql: db, standings }),
    changed(placements) {
      told(placements)
      for (const tell of followers) tell(placements)
    },
  })
  const refresh = async () => {
    const { all, clusters, placements } = { ...dirty, placements: [...dirty.placements], clusters: [...dirty.clusters] }
    for (const set of [dirty.placements, dirty.clusters]) set.clear()
    dirty.all = false
    if (all) return service.refresh()
    const concerned = clusters.length > 0 ? await service.concerned(clusters) : []
    const uids = [...new Set([...placements, ...concerned])]
    if (uids.length > 0) await service.refresh(uids)
  }
  const statuses = new WorkQueue({
    concurrency: 1,
    clock,
    work: refresh,
    failed(key, error) {
      log.warn({ event: 'placement.status.failed', err: error }, 'cannot write how placements are doing, trying again')
      dirty.all = true
      statuses.add(key, AGAIN_MS)
    },
  })
  scope.use(statuses)
  const told = (placements: readonly string[]) => {
    for (const one of placements) dirty.placements.add(one)
    statuses.add('statuses', GATHER_MS)
  }
  return {
    placements: {
      ...service,
      /** Has placements told that were settled. */
      follow: (tell: (placements: readonly string[]) => void) => void followers.push(tell),
      /** These placements are doing otherwise. */
      told,
      /** This cluster came, went, or said something. */
      moved(cluster: string) {
        dirty.clusters.add(cluster)
        statuses.add('statuses', GATHER_MS)
      },
      /** Anything may be otherwise, such as after a cluster was removed. */
      everything() {
        dirty.all = true
        statuses.add('statuses', GATHER_MS)
      },
    },
  }
}

/** What `openPlacing` opened. */
export type Placing = ReturnType<typeof openPlacing>

/** Asks for placements to be settled, by whichever replica is free; asking again before that changes nothing. */
export function askToPlace(jobs: Jobs, { log, scope }: Opening): (afterMs?: number) => void {
  const asking = new WorkQueue({
    concurrency: 1,
    clock,
    work: () => jobs.add('place', 'all'),
    failed(key, error) {
      log.warn({ event: 'placement.late', err: error }, 'cannot ask for placements to be settled, trying again')
      asking.add(key, AGAIN_MS)
    },
  })
  scope.use(asking)
  return (afterMs = ASK_AFTER_MS) => asking.add('place', afterMs)
}

/** The Placements of the fleet, over the store of objects. */
export function placementObjects({ objects }: Pick<Knowledge, 'objects'>): PlacementObjects {
  const { group, kind } = PLACEMENT
  const keyOf = ({ name, namespace }: { readonly namespace: string; readonly name: string }) => ({
    scope: FLEET_SCOPE,
    group,
    kind,
    namespace,
    name,
  })
  return {
    get: async (at) => (await objects.get(keyOf(at)))?.manifest,
    change: async (at, change) => void (await objects.change(keyOf(at), change)),
    changeStatus: async (at, change) => void (await objects.changeStatus(keyOf(at), change)),
  }
}
