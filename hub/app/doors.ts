import { systemClock } from '../../proto/base/clock.ts'
import { FleetError } from '../../proto/base/errors.ts'
import type { Log } from '../../proto/base/log.ts'
import { systemRandom } from '../../proto/base/random.ts'
import type { WorkQueue } from '../../proto/base/work-queue.ts'
import type { ClusterId } from '../../proto/model/ids.ts'
import { formatRef } from '../../proto/model/object-ref.ts'
import { VERSION } from '../../proto/model/version.ts'
import { createAudit } from '../api/io/audit.ts'
import { createCallCluster } from '../api/io/call.ts'
import { createClusterIndex } from '../api/io/clusters.ts'
import { openApiServer } from '../api/io/server.ts'
import { createApiService } from '../api/service.ts'
import { natsUsers } from '../clusters/io/nats-users.ts'
import { clusterStore } from '../clusters/io/store.ts'
import { createClusterService } from '../clusters/service.ts'
import type { HubConfig } from '../config.ts'
import { createEventStore } from '../events/io/store.ts'
import { createEventService } from '../events/service.ts'
import { createMirrorWriter } from '../objects/io/mirror.ts'
import { MirrorCheck } from '../reports/io/agreement.ts'
import type { StreamListeners } from '../stream/io/room.ts'
import { openStream } from '../stream/io/stream.ts'
import { openPages } from '../web/io/pages.ts'
import type { Ground, Opening } from './ground.ts'
import type { Knowledge } from './knowledge.ts'
import type { Placing } from './placing.ts'
import type { Rolling } from './rolling.ts'

const clock = systemClock
const random = systemRandom
/** Placements may read what an agent says of its cluster; many agents that connect together are looked at once. */
const GREETED_MS = 1_000

type Doors = Ground & Knowledge & Placing & Rolling & { readonly statuses: WorkQueue }

/** Membership and the doors: gRPC for agents, HTTPS for people and tools. */
export async function openDoors(config: HubConfig, given: Doors, { scope, log }: Opening) {
  const { db, bus, presence, agents, placements } = given
  const door: { stream?: Awaited<ReturnType<typeof openStream>> } = {}
  const members = createClusterService({
    store: clusterStore(db),
    authority: given.authority,
    nats: natsUsers({ keys: given.natsKeys, bus, urls: given.natsUrls }),
    listeners: {
      joined: (cluster, labels) => presence.joined(cluster, labels),
      expelled: async (cluster) => door.stream?.expel(cluster.id),
      removed: async (cluster) => {
        await presence.removed(cluster)
        placements.everything()
      },
    },
    clock,
    random,
    certificateLifeMs: config.certificateLifeMs,
  })
  const check = new MirrorCheck(db, (cluster) => door.stream?.resync(cluster))
  const stream = await openStream({
    db,
    bus,
    replica: given.replica,
    clusters: members,
    labels: presence.labels,
    boxKey: given.vault.boxKey,
    ...config.grpc,
    identity: given.identity,
    clock,
    log: log.child({ concept: 'stream' }),
    listeners: agentListeners(given, check, log),
  })
  door.stream = scope.use(stream)
  agents.sessions = () => stream.size()
  agents.resync = (cluster) => stream.resync(cluster)
  const http = scope.use(await openHttp(config, { ...given, members, stream }, log))
  return { stream, http }
}

/** What follows from what agents do, on the replica that holds their sessions. */
function agentListeners(given: Doors, check: MirrorCheck, log: Log): StreamListeners {
  const { agents, placements, presence, rollouts, statuses } = given
  return {
    async connected(cluster, greeting) {
      check.greeted(cluster, greeting.boot)
      await presence.greeted(cluster, greeting)
      statuses.add(cluster)
      placements.moved(cluster)
      rollouts.heard([{ cluster }])
      agents.place(GREETED_MS)
    },
    async disconnected(cluster) {
      check.left(cluster)
      statuses.add(cluster)
      placements.moved(cluster)
      rollouts.heard([{ cluster }])
    },
    pulse: (cluster, pulse) => {
      check
        .pulse(cluster, pulse)
        .catch((error: unknown) =>
          log.warn({ event: 'mirror.check.failed', clusterId: cluster, err: error }, 'cannot compare the mirror of a cluster'),
        )
    },
    async told(cluster, facts) {
      await presence.told(cluster, facts)
      placements.moved(cluster)
      agents.place(GREETED_MS)
    },
    nacked: (cluster, object, reason) =>
      log.warn({ event: 'fact.refused', clusterId: cluster, object: object ? formatRef(object) : '', reason }, 'an agent refused a fact'),
    acked: (cluster, taken) => rollouts.heard([{ cluster, taken }]),
    sent: (bytes) => given.metrics.sent(bytes),
  }
}

async function openHttp(
  config: HubConfig,
  given: Ground &
    Knowledge &
    Placing &
    Rolling & { readonly members: ReturnType<typeof createClusterService>; readonly stream: Awaited<ReturnType<typeof openStream>> },
  log: Log,
) {
  const { db, bus, objects, tenants, members, stream, metrics } = given
  const clusters = createClusterIndex(db)
  const nameOf = async (id: ClusterId) => (await clusters.namesOf([id])).get(id)
  const api = createApiService({
    objects,
    tenants,
    members,
    events: createEventService({ store: createEventStore(db), clock }),
    clusters,
    placements: given.placements,
    rollouts: given.rollouts,
    call: createCallCluster({ call: stream.call, nameOf, clock, random }),
    mirror: createMirrorWriter(db),
    audit: createAudit(db),
    clock,
    log: log.child({ concept: 'api' }),
    version: VERSION,
  })
  const checks = [
    { name: 'postgres', check: async () => void (await db.query('select 1')) },
    { name: 'nats', check: async () => (bus.connected() ? undefined : Promise.reject(new FleetError('unavailable', 'NATS is away'))) },
  ]
  return openApiServer({
    listen: config.http,
    tls: { key: given.identity.privateKey, cert: given.identity.certificate },
    api,
    authenticate: (token) => tenants.authenticate(token),
    pages: openPages({ checks, metrics: metrics.registry }),
    log: log.child({ concept: 'api' }),
  })
}
