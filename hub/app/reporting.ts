import { systemClock } from '../../proto/base/clock.ts'
import { together } from '../../proto/base/together.ts'
import { WorkQueue } from '../../proto/base/work-queue.ts'
import { TENANT } from '../../proto/model/fleet/kinds.ts'
import { PLATFORM_TENANT } from '../../proto/model/names.ts'
import { mirrorFold } from '../objects/io/mirror.ts'
import { namedObjects } from '../objects/named.ts'
import { ReportConsumer } from '../reports/io/consume.ts'
import { holdPartitions } from '../reports/io/partitions.ts'
import { createReportStore } from '../reports/io/store.ts'
import type { Folded } from '../reports/ports.ts'
import { createReportService } from '../reports/service.ts'
import { newsOf } from '../rollout/news.ts'
import { serve } from '../sources/serve/serve.ts'
import { createStandingStore } from '../tenants/io/standings.ts'
import { createTenantStatuses } from '../tenants/status.ts'
import type { Building } from './building.ts'
import type { Ground, Opening } from './ground.ts'
import type { Knowledge } from './knowledge.ts'
import type { Rolling } from './rolling.ts'

const clock = systemClock
/** Told to all replicas: sources that somebody wants looked at. */
export const SOURCES_SUBJECT = 'flotilla.v1.sources'
const STATUS_AFTER_MS = 500
/** Clusters that are to be looked at are looked at together. */
const TOGETHER = { lanes: 2, most: 100 }
const AGAIN_MS = 5000

/** From reports to rows, and to the work that they cause. */
export async function openReporting(given: Ground & Knowledge & Building & Rolling, { scope, log }: Opening) {
  const { db, bus, vault, tenants, agents, jobs, metrics, placements, presence, replica, rollouts } = given
  const store = createReportStore(db, mirrorFold)
  const reports = createReportService({
    store,
    receiveCredential: (box) => vault.receive(box, 'git'),
    sourceOf: ({ manifest, ...given }, tenant) =>
      serve(manifest, { ...given, trusted: !tenant || tenant.tenant === PLATFORM_TENANT, tenant }),
    ownersOf: (namespaces) => tenants.tenantsOfNamespaces(namespaces),
    askResync: async (cluster) => agents.resync(cluster),
    log: log.child({ concept: 'reports' }),
  })
  const refresh = together(TOGETHER, async (clusters: readonly string[]) => {
    await presence.refresh(clusters)
    return clusters
  })
  const statuses = new WorkQueue({
    concurrency: TOGETHER.lanes * TOGETHER.most,
    clock,
    work: async (cluster) => void (await refresh(cluster)),
    failed: (cluster, error) =>
      log.warn({ event: 'cluster.status.failed', clusterId: cluster, err: error }, 'cannot write the status of a cluster'),
  })
  scope.use(statuses)
  const setInMotion = async ({ fetch, moved, place, placements: told, settle, tenants: changed }: Folded) => {
    if (fetch.length > 0) bus.publish(SOURCES_SUBJECT, Buffer.from(JSON.stringify(fetch)))
    await jobs.add('settle', ...settle)
    rollouts.moved(moved)
    if (told.length > 0) placements.told(told)
    if (place) agents.place()
    for (const tenant of changed) tenantStatuses.add(tenant, STATUS_AFTER_MS)
  }
  const { tenantStatuses, afterTenants } = openTenantUpkeep(given, { scope, log }, async () => {
    for (let done = await reports.review(); done; done = await reports.review()) await setInMotion(done)
  })
  agents.tenantsSettled = afterTenants
  const consumer = new ReportConsumer({
    bus,
    clock,
    log: log.child({ concept: 'reports' }),
    fold: async (batch) => {
      const folded = await reports.fold(batch)
      for (const { clusterId } of batch) statuses.add(clusterId, STATUS_AFTER_MS)
      rollouts.heard(batch.flatMap(({ clusterId, report }) => newsOf(clusterId, report)))
      return folded
    },
    reject: (rejected) => store.reject(rejected),
    folded: async (folded, newestAt) => {
      metrics.folded((clock.now().getTime() - newestAt.getTime()) / 1000)
      await setInMotion(folded)
    },
  })
  scope.use(consumer)
  const changed = (held: ReadonlySet<number>) => {
    consumer.hold(held)
    // Who held them may have been killed over what it was told.
    rollouts.reconsider()
  }
  scope.use(holdPartitions({ db, replica, clock, log, changed }))
  return { statuses, afterTenants }
}

/** What follows from Tenants: their status, one at a time, and the sources of their namespaces. */
function openTenantUpkeep({ db, objects, rollouts }: Ground & Knowledge & Rolling, { scope, log }: Opening, review: () => Promise<void>) {
  const standings = createTenantStatuses({ standings: createStandingStore(db), objects: namedObjects(objects, TENANT), clock })
  const tenantStatuses = new WorkQueue({
    concurrency: 2,
    clock,
    work: (tenant) => standings.refresh(tenant),
    failed: (tenant, error) => log.warn({ event: 'tenant.status.failed', tenant, err: error }, 'cannot write the status of a tenant'),
  })
  const after = new WorkQueue({
    concurrency: 1,
    clock,
    async work() {
      await review()
      rollouts.reconsider()
      for (const tenant of await standings.stale()) tenantStatuses.add(tenant)
    },
    failed(key, error) {
      log.warn({ event: 'tenants.upkeep.failed', err: error }, 'cannot do what follows from a change of tenants, trying again')
      after.add(key, AGAIN_MS)
    },
  })
  scope.use(tenantStatuses)
  scope.use(after)
  return { tenantStatuses, afterTenants: () => after.add('tenants') }
}
