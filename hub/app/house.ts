import { repeat } from '../../proto/base/background.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { messageOf } from '../../proto/base/errors.ts'
import type { WorkQueue } from '../../proto/base/work-queue.ts'
import { recentlyMoved } from '../clusters/io/overview.ts'
import { clusterStore } from '../clusters/io/store.ts'
import { sweepEvents } from '../events/io/store.ts'
import { sweepTombstones } from '../objects/io/sweep.ts'
import { sweepRender } from '../render/io/sweep.ts'
import type { Building } from './building.ts'
import type { Ground, Opening } from './ground.ts'

const clock = systemClock
const PRESENCE_MS = 5000
const SWEEP_MS = 600_000
const RETENTION_MS = 3_600_000
const EVENT_RETENTION_MS = 7 * 86_400_000

/** What is looked after now and then, whatever else happens: work that a killed hub left, and rows past their time. */
export function keepHouse(given: Ground & Building & { readonly statuses: WorkQueue }, { scope, log }: Opening): void {
  const { db, bus, desired, jobs, statuses } = given
  const failed = (error: unknown) => log.warn({ event: 'hub.housekeeping.failed', reason: messageOf(error) }, 'housekeeping failed')
  repeat(scope, { everyMs: PRESENCE_MS, clock, failed }, async () => {
    for (const cluster of await recentlyMoved(db, PRESENCE_MS * 2)) statuses.add(cluster)
  })
  repeat(scope, { everyMs: SWEEP_MS, clock, failed }, async () => {
    for (const key of await desired.due()) await jobs.add('settle', key)
    await sweepTombstones(db, { retentionMs: RETENTION_MS })
    await sweepRender(db, { retentionMs: RETENTION_MS })
    await sweepEvents(db, { retentionMs: EVENT_RETENTION_MS })
    await bus.revoke(await clusterStore(db).revokedUsers())
  })
}
