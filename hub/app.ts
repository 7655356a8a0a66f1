import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { background, repeat, timed } from '../proto/base/background.ts'
import { systemClock } from '../proto/base/clock.ts'
import { FleetError, messageOf } from '../proto/base/errors.ts'
import { lockFolder } from '../proto/base/folder-lock.ts'
import { keepRunning } from '../proto/base/keep-running.ts'
import type { Log } from '../proto/base/log.ts'
import { systemRandom } from '../proto/base/random.ts'
import { WorkQueue } from '../proto/base/work-queue.ts'
import { KustomizePool } from '../proto/kustomize/pool.ts'
import { CLUSTER, TENANT } from '../proto/model/fleet/kinds.ts'
import type { ClusterId } from '../proto/model/ids.ts'
import { PLATFORM_TENANT } from '../proto/model/names.ts'
import { formatRef } from '../proto/model/object-ref.ts'
import { VERSION } from '../proto/model/version.ts'
import { writeAdminFile } from './api/io/admin-file.ts'
import { createAudit } from './api/io/audit.ts'
import { createCallCluster } from './api/io/call.ts'
import { createClusterIndex } from './api/io/clusters.ts'
import { openApiServer } from './api/io/server.ts'
import { createApiService } from './api/service.ts'
import { openBus } from './bus/bus.ts'
import { openEmbeddedNats } from './bus/embedded.ts'
import { loadNatsKeys } from './bus/keys.ts'
import { ensureReports } from './bus/reports.ts'
import { openAuthority } from './clusters/io/authority.ts'
import { natsUsers } from './clusters/io/nats-users.ts'
import { readOverviews, recentlyMoved } from './clusters/io/overview.ts'
import { clusterStore } from './clusters/io/store.ts'
import { createPresence } from './clusters/presence.ts'
import { createClusterService } from './clusters/service.ts'
import type { HubConfig } from './config.ts'
import { openDb } from './db/db.ts'
import { openEmbeddedPostgres } from './db/embedded.ts'
import { openJobs } from './db/jobs.ts'
import { migrate } from './db/migrate.ts'
import { createDesiredStore } from './desired/io/store.ts'
import { createDesiredService } from './desired/service.ts'
import { createEventStore, sweepEvents } from './events/io/store.ts'
import { createEventService } from './events/service.ts'
import { createMirrorWriter, mirrorFold } from './objects/io/mirror.ts'
import { openObjects } from './objects/io/open.ts'
import { sweepTombstones } from './objects/io/sweep.ts'
import { namedObjects } from './objects/named.ts'
import { createRenderStore } from './render/io/store.ts'
import { sweepRender } from './render/io/sweep.ts'
import { createTrees } from './render/io/tree.ts'
import { createRender } from './render/service.ts'
import { MirrorCheck } from './reports/io/agreement.ts'
import { ReportConsumer } from './reports/io/consume.ts'
import { holdPartitions } from './reports/io/partitions.ts'
import { createReportStore } from './reports/io/store.ts'
import { createReportService } from './reports/service.ts'
import { openCredentials } from './sources/io/credentials.ts'
import { GitFetcher } from './sources/io/git.ts'
import { createSourceStore } from './sources/io/store.ts'
import { serve } from './sources/serve.ts'
import { createSourceWorker } from './sources/service.ts'
import { openReplica } from './stream/io/replica.ts'
import { openStream } from './stream/io/stream.ts'
import { createTenantStore } from './tenants/io/store.ts'
import { createTokenStore } from './tenants/io/tokens.ts'
import { platformTenant } from './tenants/platform.ts'
import { createTenantService } from './tenants/service.ts'
import { vaultRows } from './vault/io/rows.ts'
import { masterKeyInFile, parseMasterKey } from './vault/master-key.ts'
import { openVault } from './vault/vault.ts'
import { openMetrics } from './web/io/metrics.ts'
import { openPages } from './web/io/pages.ts'

export interface Hub extends AsyncDisposable {
  readonly grpcPort: number
  readonly httpPort: number
}

const clock = systemClock
const random = systemRandom
/** Told to all replicas: sources that somebody wants looked at. */
const SOURCES_SUBJECT = 'flotilla.v1.sources'
const BUILD_DEADLINE_MS = 60_000
const STATUS_AFTER_MS = 500
const PRESENCE_MS = 5000
const SWEEP_MS = 600_000
const RETENTION_MS = 3_600_000
const EVENT_RETENTION_MS = 7 * 86_400_000

/** Opens everything in order; a failure half-way closes what was opened. `signal` ends the opening, disposal the hub. */
export async function openHub(config: HubConfig, log: Log, signal: AbortSignal): Promise<Hub> {
  await using scope = new AsyncDisposableStack()
  const ground = await openGround(config, { scope, log, signal })
  const known = { ...ground, ...openKnowledge(ground, { scope, log }) }
  const built = { ...known, ...(await openBuilding(config, known, { scope, log })) }
  openFetching(config, built, { scope, log })
  const reporting = { ...built, ...(await openReporting(built, { scope, log })) }
  const doors = await openDoors(config, reporting, { scope, log })
  keepHouse(reporting, { scope, log })
  const tenants = namedObjects(known.objects, TENANT)
  if (!(await tenants.get(PLATFORM_TENANT))) await tenants.create(platformTenant()).catch(ignoreTaken)
  const token = (await known.tenants.firstToken())?.reveal()
  const server = `https://${ground.hosts[0] ?? 'localhost'}:${doors.http.port}`
  await writeAdminFile(join(config.dataDir, 'admin.json'), { server, ca: ground.identity.ca, token })
  log.info({ event: 'hub.ready', port: doors.http.port, replica: ground.replica }, 'hub is ready')
  const owned = scope.move()
  return { grpcPort: doors.stream.port, httpPort: doors.http.port, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** Another hub that starts at the same time may be faster. */
function ignoreTaken(error: unknown): void {
  if (!(error instanceof FleetError) || error.code !== 'already-exists') throw error
}

interface Opening {
  readonly scope: AsyncDisposableStack
  readonly log: Log
}

/** Rooms and identity: database, keys, certificate, bus, this replica's lease. */
async function openGround(config: HubConfig, { scope, log, signal }: Opening & { readonly signal: AbortSignal }) {
  await mkdir(config.dataDir, { recursive: true, mode: 0o755 })
  scope.use(await lockFolder(config.dataDir, { signal: AbortSignal.any([signal, AbortSignal.timeout(30_000)]) }))
  const masterKey = config.masterKey ? parseMasterKey(config.masterKey) : await masterKeyInFile(join(config.dataDir, 'master.key'))
  const postgres = (port = 0) => openEmbeddedPostgres({ folder: join(config.dataDir, 'postgres'), port, signal })
  const keep = { clock, log }
  const url = config.databaseUrl?.reveal() ?? (await keepRunning(scope, { name: 'postgres', start: postgres, ...keep })).url
  const db = scope.use(await openDb(url, { signal }))
  for (const name of await migrate(db)) log.info({ event: 'db.migrated', version: name }, 'applied a migration')
  const vault = await openVault({ masterKey, rows: vaultRows(db) })
  const authority = await openAuthority(async (make) => vault.hubKey('ca', make), clock.now())
  const hosts = config.advertise.length > 0 ? config.advertise : ['localhost']
  const identity = { ...authority.issueServer([...hosts, config.grpc.host, config.http.host], clock.now()), ca: authority.certificate }
  const natsKeys = await loadNatsKeys((name, make) => vault.hubKey(name, make))
  const replica = random.hex(6)
  const server = { certificate: identity.certificate, privateKey: identity.privateKey, keys: natsKeys, host: config.natsListen.host }
  const nats = (port = config.natsListen.port) =>
    openEmbeddedNats({ folder: join(config.dataDir, 'nats'), program: config.programs.natsServer, ...server, port, signal })
  const embedded = config.natsUrl ? undefined : await keepRunning(scope, { name: 'nats-server', start: nats, ...keep })
  const bus = scope.use(
    await openBus({ url: config.natsUrl ?? embedded?.url ?? '', ca: identity.ca, keys: natsKeys, replica, log, signal }),
  )
  await ensureReports(bus)
  scope.use(await openReplica({ sql: db, id: replica, address: `${config.grpc.host}:${config.grpc.port}`, version: VERSION, clock, log }))
  const natsUrls = embedded ? hosts.map((host) => `tls://${host}:${embedded.port}`) : [config.natsUrl ?? '']
  return { db, url, vault, authority, identity, natsKeys, natsUrls, bus, replica, hosts }
}

type Ground = Awaited<ReturnType<typeof openGround>>

/** What the hub knows of the fleet, and who may see it. */
function openKnowledge({ db, bus }: Ground, { scope, log }: Opening) {
  const objects = scope.use(openObjects({ db, clock, log: log.child({ concept: 'objects' }) })).service
  const hint = async (clusters: readonly string[]) => {
    if (clusters.length > 0) bus.hint()
  }
  const tenants = createTenantService({ tokens: createTokenStore(db), tenants: createTenantStore(db), random, hint })
  const presence = createPresence({
    objects: namedObjects(objects, CLUSTER),
    overviews: (ids) => readOverviews(db, ids),
    clock,
    membersChanged: () => tenants.settle(),
  })
  // The door for agents opens last; until then nobody is connected.
  const agents = { sessions: () => 0, resync: (_cluster: ClusterId): void => undefined, waitingJobs: async () => 0 }
  const metrics = openMetrics({ sessions: () => agents.sessions(), waitingJobs: () => agents.waitingJobs() })
  return { objects, tenants, presence, hint, agents, metrics }
}

/** From a tree to what clusters should hold. */
async function openBuilding(config: HubConfig, given: Ground & ReturnType<typeof openKnowledge>, { scope, log }: Opening) {
  const { db, metrics } = given
  const pool = scope.use(new KustomizePool({ program: config.programs.kustomize, processes: config.buildConcurrency }))
  const render = createRender({
    store: createRenderStore(db),
    trees: createTrees({ db }),
    build: (tree, options, signal) => metrics.building(() => pool.build(tree, options, { signal, deadlineMs: BUILD_DEADLINE_MS })),
    clock,
    log: log.child({ concept: 'render' }),
    concurrency: config.buildConcurrency * 2,
  })
  const desired = createDesiredService({
    store: createDesiredStore(db, mirrorFold.notify),
    render: (...input) => timed(clock, metrics.rendered, () => render(...input)),
    hint: given.hint,
    clock,
    log: log.child({ concept: 'desired' }),
  })
  const settle = (key: string, signal: AbortSignal) => timed(clock, metrics.settled, () => desired.settle(key, signal))
  const jobs = await openJobs({
    url: given.url,
    replica: given.replica,
    tasks: { settle },
    concurrency: 4,
    clock,
    log: log.child({ concept: 'jobs' }),
  })
  given.agents.waitingJobs = () => jobs.waiting()
  return { desired, jobs: scope.use(jobs) }
}

/** From a repository to a tree. */
function openFetching(config: HubConfig, given: Ground & Knowledge & Building, { scope, log }: Opening) {
  const { db, bus, vault, desired, jobs, metrics, replica } = given
  const fetcher = scope.use(new GitFetcher({ folder: join(config.dataDir, 'git'), processes: config.fetchConcurrency }))
  const sources = createSourceWorker({
    store: createSourceStore({ db, replica }),
    fetcher: {
      fetch: (request, use, options) => timed(clock, metrics.looked, () => fetcher.fetch(request, use, options)),
    },
    credential: openCredentials((id) => vault.credential(id)),
    moved: async (key) => {
      if ((await desired.due(key)).length > 0) await jobs.add('settle', key)
    },
    clock,
    random,
    log: log.child({ concept: 'sources' }),
    allow: config.fetchAllow,
    concurrency: config.fetchConcurrency,
  })
  background(
    scope,
    (signal) => sources.run(signal),
    (error) => log.error({ event: 'sources.ended', err: error }, 'sources are not looked at any more'),
  )
  scope.use(
    bus.subscribe(
      SOURCES_SUBJECT,
      (bytes) => void sources.poke(...(JSON.parse(Buffer.from(bytes).toString()) as string[])).catch(() => undefined),
    ),
  )
  return { sources }
}

/** From reports to rows, and to the work that they cause. */
async function openReporting(given: Ground & Knowledge & Building, { scope, log }: Opening) {
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

type Knowledge = ReturnType<typeof openKnowledge>
type Building = Awaited<ReturnType<typeof openBuilding>>

/** Membership and the doors: gRPC for agents, HTTPS for people and tools. */
async function openDoors(config: HubConfig, given: Ground & Knowledge & { readonly statuses: WorkQueue }, { scope, log }: Opening) {
  const { db, bus, presence, statuses, agents } = given
  const door: { stream?: Awaited<ReturnType<typeof openStream>> } = {}
  const members = createClusterService({
    store: clusterStore(db),
    authority: given.authority,
    nats: natsUsers({ keys: given.natsKeys, bus, urls: given.natsUrls }),
    listeners: {
      joined: (cluster, labels) => presence.joined(cluster, labels),
      expelled: async (cluster) => door.stream?.expel(cluster.id),
      removed: (cluster) => presence.removed(cluster),
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
    listeners: {
      async connected(cluster, greeting) {
        check.greeted(cluster, greeting.boot)
        await presence.greeted(cluster, greeting)
        statuses.add(cluster)
      },
      async disconnected(cluster) {
        check.left(cluster)
        statuses.add(cluster)
      },
      pulse: (cluster, pulse) => {
        check
          .pulse(cluster, pulse)
          .catch((error: unknown) =>
            log.warn({ event: 'mirror.check.failed', clusterId: cluster, err: error }, 'cannot compare the mirror of a cluster'),
          )
      },
      nacked: (cluster, object, reason) =>
        log.warn({ event: 'fact.refused', clusterId: cluster, object: object ? formatRef(object) : '', reason }, 'an agent refused a fact'),
      acked: () => undefined,
      sent: (bytes) => given.metrics.sent(bytes),
    },
  })
  door.stream = scope.use(stream)
  agents.sessions = () => stream.size()
  agents.resync = (cluster) => stream.resync(cluster)
  const http = scope.use(await openHttp(config, { ...given, members, stream }, log))
  return { stream, http }
}

async function openHttp(
  config: HubConfig,
  given: Ground &
    Knowledge & { readonly members: ReturnType<typeof createClusterService>; readonly stream: Awaited<ReturnType<typeof openStream>> },
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

/** What is looked after now and then, whatever else happens: work that a killed hub left, and rows past their time. */
function keepHouse(given: Ground & Building & { readonly statuses: WorkQueue }, { scope, log }: Opening): void {
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
