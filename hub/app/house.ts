import { repeat } from '../../proto/base/background.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { messageOf } from '../../proto/base/errors.ts'
import type { WorkQueue } from '../../proto/base/work-queue.ts'
import { recentlyMoved } from '../clusters/io/overview.ts'
import { clusterStore } from '../clusters/io/store.ts'
import { sweepEvents } from '../events/io/store.ts'
import { sweepTombstones } from '../objects/io/sweep.ts'
import { sweepManifests, sweepPlacementRevisions } from '../placement/io/sweep.ts'
import { sweepRender } from '../render/io/sweep.ts'
import { sweepSources } from '../sources/io/sweep.ts'
import type { Building } from './building.ts'
import type { Ground, Opening } from './ground.ts'

const clock = systemClock
const PRESENCE_MS = 5000
const SWEEP_MS = 600_000
const RETENTION_MS = 3_600_000
const EVENT_RETENTION_MS = 7 * 86_400_000

interface Upkeep {
  readonly statuses: WorkQueue
  /** Brings status and sources in line with tenants. */
  readonly afterTenants: () => void
  /** Removes what git left on the disk of sources that are no more. */
  readonly sweepCaches: () => Promise<void>
}

/** What is looked after now and then, whatever else happens: work that a killed hub left, and rows past their time. */
export function keepHouse(given: Ground & Building & Upkeep, { scope, log }: Opening): void {
  const { afterTenants, sweepCaches, db, bus, desired, jobs, placements, statuses } = given
  const failed = (error: unknown) => log.warn({ event: 'hub.housekeeping.failed', reason: messageOf(error) }, 'housekeeping failed')
  repeat(scope, { everyMs: PRESENCE_MS, clock, failed }, async () => {
    for (const cluster of await recentlyMoved(db, PRESENCE_MS * 2)) {
      statuses.add(cluster)
      placements.moved(cluster)
    }
  })
  repeat(scope, { everyMs: SWEEP_MS, clock, failed }, async () => {
    await jobs.add('settle', ...(await desired.due()))
    await jobs.add('place', 'all')
    placements.everything()
    afterTenants()
    await sweepTombstones(db, { retentionMs: RETENTION_MS })
    await sweepRender(db, { retentionMs: RETENTION_MS })
    await sweepManifests(db, { retentionMs: RETENTION_MS })
    await sweepPlacementRevisions(db, { retentionMs: RETENTION_MS })
    await sweepSources(db, { retentionMs: RETENTION_MS })
    await sweepCaches()
    await sweepEvents(db, { retentionMs: EVENT_RETENTION_MS })
    await bus.revoke(await clusterStore(db).revokedUsers())
  })
}
