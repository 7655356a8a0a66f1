import { rolloutObjects } from '../../hub/app/rolling.ts'
import { createDesiredStore } from '../../hub/desired/io/store.ts'
import { createDesiredService } from '../../hub/desired/service.ts'
import { openObjects } from '../../hub/objects/io/open.ts'
import type { ObjectService } from '../../hub/objects/service.ts'
import { UPSERT_SOURCE_OBJECTS } from '../../hub/reports/io/statements.ts'
import { createRolloutStore } from '../../hub/rollout/io/store.ts'
import type { RolloutStore } from '../../hub/rollout/ports.ts'
import { createRolloutService, type RolloutDeps, type RolloutService } from '../../hub/rollout/service.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { sha256 } from '../../proto/base/hash.ts'
import { silentLog } from '../../proto/base/log.ts'
import { systemRandom } from '../../proto/base/random.ts'
import { ROLLOUT } from '../../proto/model/fleet/kinds.ts'
import type { RolloutSpec } from '../../proto/model/fleet/rollout.ts'
import type { RolloutStatus } from '../../proto/model/fleet/rollout-status.ts'
import { parseResource } from '../../proto/model/resource/parse.ts'
import { PARTITIONS } from '../../proto/model/subjects.ts'
import { openTestDatabase, type TestDatabase } from '../support/postgres.ts'

const KEY = 'sha256:source'
export const FLEET = 'flux-system/fleet'

/** Clusters as rows, with agents that do at once what they are released; the services are the hub's own. */
export interface RolloutWorld extends AsyncDisposable {
  readonly database: TestDatabase
  readonly objects: ObjectService
  /** A hub's part; another one is another replica. */
  service(over?: (store: RolloutStore) => RolloutStore, deps?: Partial<RolloutDeps>): RolloutService
  addClusters(names: readonly string[], labels?: Readonly<Record<string, string>>): Promise<void>
  moveTo(revision: string): Promise<void>
  create(spec: object, name?: string): Promise<void>
  remove(): Promise<void>
  relabel(cluster: string, labels: Readonly<Record<string, string>>): Promise<void>
  change(spec: object, name?: string): Promise<void>
  status(name?: string): Promise<RolloutStatus>
  /** Has the connected clusters take what they are released; with a revision that breaks, those that are named fail at it. */
  follow(broken?: Broken): Promise<void>
  connect(name: string, connected: boolean): Promise<void>
  /** Revision by cluster, as released. */
  released(): Promise<Readonly<Record<string, string>>>
}

/** A revision at which some clusters fail. */
export interface Broken {
  readonly revision: string
  readonly clusters: readonly string[]
  readonly reason?: string
}

export async function openRolloutWorld(): Promise<RolloutWorld> {
  await using scope = new AsyncDisposableStack()
  const database = scope.use(await openTestDatabase())
  const { db } = database
  const objects = scope.use(openObjects({ db, clock: systemClock, log: silentLog })).service
  const desired = createDesiredService({
    store: createDesiredStore(db, async () => undefined),
    async render(artifact, wanted, { onBuilt }) {
      await onBuilt(wanted.map(({ optionsDigest }) => ({ optionsDigest, bundle: sha256(artifact + optionsDigest) })))
    },
    hint: async () => undefined,
    clock: systemClock,
    log: silentLog,
  })
  await db.query("insert into replicas (id, address, version, lease_until) values ('hub-1', '', '', 'infinity')")
  await db.query(`insert into partition_leases select p, 'hub-1', 'infinity' from generate_series(0, ${PARTITIONS - 1}) as p`)
  await db.query(
    `insert into sources (key, kind, url, options, trusted, interval_ms, timeout_ms) values ($1, 'GitRepository', 'https://x/y', '{}', true, 60000, 60000)`,
    [KEY],
  )
  const at = { group: ROLLOUT.group, kind: ROLLOUT.kind, namespace: 'flux-system', name: 'fleet', scope: 'fleet' }
  const specOf = (spec: object): RolloutSpec => {
    const manifest = { apiVersion: 'fleet.flotilla.dev/v1alpha1', kind: 'Rollout', metadata: { name: 'fleet', namespace: 'flux-system' } }
    const parsed = parseResource(
      ROLLOUT,
      { ...manifest, spec: { source: { kind: 'GitRepository', name: 'fleet' }, ...spec } },
      { strict: true },
    )
    if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems))
    return parsed.object.spec as RolloutSpec
  }
  const owned = scope.move()
  return {
    database,
    objects,
    service: (over = (store) => store, deps = {}) =>
      createRolloutService({
        store: over(createRolloutStore(db)),
        objects: rolloutObjects(objects),
        tenantOf: async () => undefined,
        settle: async (keys) => {
          for (const key of keys) await desired.settle(key, AbortSignal.timeout(10_000))
        },
        inherited: () => undefined,
        looked: () => undefined,
        random: systemRandom,
        log: silentLog,
        ...deps,
      }),
    async addClusters(names, labels = {}) {
      for (const name of names) await addCluster(database, objects, { name, labels })
    },
    async moveTo(revision) {
      const artifact = sha256(revision)
      await db.query('insert into artifacts (digest, entries, files, bytes) values ($1, $2, 1, 10) on conflict do nothing', [artifact, ''])
      await db.query(
        `insert into revisions (source_key, revision, artifact, commit) values ($1, $2, $3, '{"author": "ann", "subject": "do it"}') on conflict do nothing`,
        [KEY, revision, artifact],
      )
      await db.query('update sources set revision = $2, artifact = $3, checked_at = now() where key = $1', [KEY, revision, artifact])
      await desired.settle(KEY, AbortSignal.timeout(10_000))
    },
    async create(spec, name = 'fleet') {
      const metadata = { name, namespace: 'flux-system' }
      await objects.create(ROLLOUT, { apiVersion: 'fleet.flotilla.dev/v1alpha1', kind: 'Rollout', metadata, spec: specOf(spec) })
    },
    relabel: async (name, labels) =>
      void (await objects.change({ ...at, kind: 'Cluster', namespace: '', name }, (old) => ({
        ...old,
        metadata: { ...old.metadata, labels },
      }))),
    remove: async () => void (await objects.remove(at)),
    change: async (spec, name = 'fleet') => void (await objects.change({ ...at, name }, (old) => ({ ...old, spec: specOf(spec) }))),
    status: async (name = 'fleet') => ((await objects.get({ ...at, name }))?.manifest.status ?? {}) as RolloutStatus,
    follow: (broken) => follow(database, broken),
    async connect(name, connected) {
      const { rows } = await db.query<{ id: string }>('select id from clusters where name = $1', [name])
      const text = connected ? 'closed_at = null, connected_at = now()' : 'closed_at = now()'
      await db.query(`update sessions set ${text} where cluster_id = $1`, [rows[0]?.id])
    },
    async released() {
      const { rows } = await db.query<{ name: string; revision: string | null }>(
        'select c.name, r.revision from clusters c left join releases r on r.cluster_id = c.id order by c.name',
      )
      return Object.fromEntries(rows.map(({ name, revision }) => [name, revision ?? '']))
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** One cluster, then those of staging, then all others once a person said yes. */
export const THREE_WAVES = [
  { name: 'canary', max: 1 },
  { name: 'staging', clusters: { matchLabels: { tier: 'staging' } }, maxConcurrent: '100%' },
  { name: 'production', rest: true, maxConcurrent: '50%', approval: 'required' },
]

/** Five clusters at revision 1, which the Rollout takes as they are. */
export async function startFive(world: RolloutWorld, rollouts: RolloutService, spec: object): Promise<void> {
  await world.addClusters(['a', 'b'])
  await world.addClusters(['s'], { tier: 'staging' })
  await world.addClusters(['x', 'y'])
  await world.moveTo('main@sha1:1')
  await world.follow()
  await world.create(spec)
  await rollouts.survey(FLEET)
}

/** Looks and lets the agents follow, until nothing moves any more. */
export async function walkRun(world: RolloutWorld, rollouts: RolloutService, broken?: Broken): Promise<void> {
  let before = ''
  for (let round = 0; round < 20; round++) {
    await world.follow(broken)
    await rollouts.look(FLEET)
    const now = JSON.stringify([await world.released(), (await world.status()).run])
    if (now === before) return
    before = now
  }
  throw new Error(`still moving: ${before}`)
}

let clusters = 0

async function addCluster(
  { db }: TestDatabase,
  objects: ObjectService,
  { labels, name }: { readonly name: string; readonly labels: Readonly<Record<string, string>> },
): Promise<void> {
  const id = `c-${(++clusters).toString(16).padStart(24, '0')}`
  await db.query("insert into clusters (id, name, public_key, csr, approved_at) values ($1, $2, $1, '', now())", [id, name])
  await db.query('insert into cluster_heads (cluster_id) values ($1)', [id])
  await db.query("insert into sessions (cluster_id, replica, epoch, boot, agent_version) values ($1, 'hub-1', 1, 1, '')", [id])
  await objects.create(
    { ...ROLLOUT, kind: 'Cluster' },
    { apiVersion: 'fleet.flotilla.dev/v1alpha1', kind: 'Cluster', metadata: { name, labels } },
  )
  await db.query(
    `insert into consumers (cluster_id, grp, kind, namespace, name, source_kind, source_namespace, source_name, options_digest, options, suspended)
     values ($1, 'kustomize.toolkit.fluxcd.io', 'Kustomization', 'flux-system', 'apps', 'GitRepository', 'flux-system', 'fleet', 'options', '{}', false)`,
    [id],
  )
  const source = { clusterId: id, kind: 'GitRepository', namespace: 'flux-system', name: 'fleet', sourceKey: KEY }
  await db.query(UPSERT_SOURCE_OBJECTS, [
    JSON.stringify([{ ...source, generation: 1, suspended: false, intervalMs: 60_000, requestedAt: '' }]),
  ])
}

const MIRROR = `
  insert into objects as o (scope, grp, kind, namespace, name, version, uid, generation, created_at, spec, status)
  select r.cluster_id, 'kustomize.toolkit.fluxcd.io', 'Kustomization', 'flux-system', 'apps', 'v1', 'uid', 1, now(), '{}',
    case when c.name = any($2) and r.revision = $1
      then jsonb_build_object('observedGeneration', 1, 'lastAttemptedRevision', r.revision,
        'conditions', jsonb_build_array(jsonb_build_object('type', 'Ready', 'status', 'False', 'reason', $3::text, 'message', 'it broke', 'observedGeneration', 1)))
      else jsonb_build_object('observedGeneration', 1,
        'conditions', jsonb_build_array(jsonb_build_object('type', 'Ready', 'status', 'True', 'reason', 'ReconciliationSucceeded',
          'message', 'Applied revision: ', 'observedGeneration', 1))) end
  from releases r join clusters c on c.id = r.cluster_id join sessions s on s.cluster_id = c.id and s.closed_at is null
  where r.source_name = 'fleet'
  on conflict (scope, grp, kind, namespace, name) do update set status = excluded.status`

async function follow({ db }: TestDatabase, broken: Broken | undefined): Promise<void> {
  const connected = 'select cluster_id from sessions where closed_at is null'
  await db.query(`update cluster_heads set acked = counter where cluster_id in (${connected})`)
  await db.query(MIRROR, [broken?.revision ?? '', broken?.clusters ?? [], broken?.reason ?? 'HealthCheckFailed'])
  await db.query(
    `insert into reached (cluster_id, source_kind, source_namespace, source_name, revision, ready, not_ready, set_digest)
     select cluster_id, source_kind, source_namespace, source_name, revision, 1, 0, set_digest from releases where cluster_id in (${connected})
     on conflict (cluster_id, source_kind, source_namespace, source_name) do update set revision = excluded.revision`,
  )
  await db.query(
    `insert into observed (cluster_id, grp, kind, namespace, name, generation, ready, reason, message)
     select cluster_id, 'kustomize.toolkit.fluxcd.io', 'Kustomization', 'flux-system', 'apps', 1, 'True', '', '' from releases where cluster_id in (${connected})
     on conflict do nothing`,
  )
}
