import { systemClock } from '../../proto/base/clock.ts'
import { systemRandom } from '../../proto/base/random.ts'
import { CLUSTER } from '../../proto/model/fleet/kinds.ts'
import type { ClusterId } from '../../proto/model/ids.ts'
import { readOverviews } from '../clusters/io/overview.ts'
import { createPresence } from '../clusters/presence.ts'
import { openObjects } from '../objects/io/open.ts'
import { namedObjects } from '../objects/named.ts'
import { createTenantStore } from '../tenants/io/store.ts'
import { createTokenStore } from '../tenants/io/tokens.ts'
import { createTenantService } from '../tenants/service.ts'
import { openMetrics } from '../web/io/metrics.ts'
import type { Ground, Opening } from './ground.ts'

const clock = systemClock
const random = systemRandom

/** What the hub knows of the fleet, and who may see it. */
export function openKnowledge({ db, bus }: Ground, { scope, log }: Opening) {
  const objects = scope.use(openObjects({ db, clock, log: log.child({ concept: 'objects' }) })).service
  const hint = async (clusters: readonly string[]) => {
    if (clusters.length > 0) bus.hint()
  }
  // The door for agents opens last; until then nobody is connected, and nothing follows from what they say.
  const agents = {
    sessions: () => 0,
    resync: (_cluster: ClusterId): void => undefined,
    waitingJobs: async () => 0,
    tenantsSettled: (): void => undefined,
    place: (_afterMs?: number): void => undefined,
  }
  const settled = () => {
    agents.tenantsSettled()
    agents.place()
  }
  const tenants = createTenantService({ tokens: createTokenStore(db), tenants: createTenantStore(db), random, hint, settled })
  const presence = createPresence({
    objects: namedObjects(objects, CLUSTER),
    overviews: (ids) => readOverviews(db, ids),
    clock,
    membersChanged: () => tenants.settle(),
  })
  const metrics = openMetrics({ sessions: () => agents.sessions(), waitingJobs: () => agents.waitingJobs() })
  return { objects, tenants, presence, hint, agents, metrics }
}

/** What `openKnowledge` opened. */
export type Knowledge = ReturnType<typeof openKnowledge>
