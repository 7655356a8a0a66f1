import { systemClock } from '../../proto/base/clock.ts'
import { WorkQueue } from '../../proto/base/work-queue.ts'
import { PLATFORM_TENANT } from '../../proto/model/names.ts'
import { mirrorFold } from '../objects/io/mirror.ts'
import { ReportConsumer } from '../reports/io/consume.ts'
import { holdPartitions } from '../reports/io/partitions.ts'
import { createReportStore } from '../reports/io/store.ts'
import { createReportService } from '../reports/service.ts'
import { serve } from '../sources/serve.ts'
import type { Building } from './building.ts'
import type { Ground, Opening } from './ground.ts'
import type { Knowledge } from './knowledge.ts'

const clock = systemClock
/** Told to all replicas: sources that somebody wants looked at. */
export const SOURCES_SUBJECT = 'flotilla.v1.sources'
const STATUS_AFTER_MS = 500

/** From reports to rows, and to the work that they cause. */
export async function openReporting(given: Ground & Knowledge & Building, { scope, log }: Opening) {
  const { db, bus, vault, tenants, agents, jobs, metrics, presence, replica } = given
  const store = createReportStore(db, mirrorFold)
  const reports = createReportService({
    store,
    receiveCredential: (box) => vault.receive(box, 'git'),
    sourceOf: ({ manifest }, credentialId, trusted) => serve(manifest, { credentialId, trusted }),
    isTenants: async (namespace) => ![undefined, PLATFORM_TENANT].includes(await tenants.tenantOf(namespace)),
    askResync: async (cluster) => agents.resync(cluster),
    log: log.child({ concept: 'reports' }),
  })
  const statuses = new WorkQueue({
    concurrency: 2,
    clock,
    work: (cluster) => presence.refresh([cluster]),
    failed: (cluster, error) =>
      log.warn({ event: 'cluster.status.failed', clusterId: cluster, err: error }, 'cannot write the status of a cluster'),
  })
  scope.use(statuses)
  const consumer = new ReportConsumer({
    bus,
    clock,
    log: log.child({ concept: 'reports' }),
    fold: async (batch) => {
      const folded = await reports.fold(batch)
      for (const { clusterId } of batch) statuses.add(clusterId, STATUS_AFTER_MS)
      return folded
    },
    reject: (rejected) => store.reject(rejected),
    folded: async ({ fetch, settle }, newestAt) => {
      metrics.folded((clock.now().getTime() - newestAt.getTime()) / 1000)
      if (fetch.length > 0) bus.publish(SOURCES_SUBJECT, Buffer.from(JSON.stringify(fetch)))
      for (const key of settle) await jobs.add('settle', key)
    },
  })
  scope.use(consumer)
  scope.use(holdPartitions({ db, replica, clock, log, changed: (held) => consumer.hold(held) }))
  return { statuses }
}
