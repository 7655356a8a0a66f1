import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { Registry } from 'prom-client'
import { writeKubeconfig } from '../../deploy/local/kubeconfig.ts'
import { kubectlCommand } from '../../deploy/tools/tools.mjs'
import { createAudit } from '../../hub/api/io/audit.ts'
import { createClusterIndex } from '../../hub/api/io/clusters.ts'
import { openApiServer } from '../../hub/api/io/server.ts'
import type { CallCluster } from '../../hub/api/ports.ts'
import { createApiService } from '../../hub/api/service.ts'
import { placementObjects } from '../../hub/app/placing.ts'
import { rolloutObjects } from '../../hub/app/rolling.ts'
import { openAuthority } from '../../hub/clusters/io/authority.ts'
import { clusterStore } from '../../hub/clusters/io/store.ts'
import { createClusterService } from '../../hub/clusters/service.ts'
import { createEventStore } from '../../hub/events/io/store.ts'
import { createEventService } from '../../hub/events/service.ts'
import { foldMirror } from '../../hub/objects/io/fold.ts'
import { createMirrorWriter } from '../../hub/objects/io/mirror.ts'
import { openObjects } from '../../hub/objects/io/open.ts'
import type { ObjectService } from '../../hub/objects/service.ts'
import { createStandingStore } from '../../hub/placement/io/standing.ts'
import { createPlacementStore } from '../../hub/placement/io/store.ts'
import { createPlacementService } from '../../hub/placement/service.ts'
import { createRolloutStore } from '../../hub/rollout/io/store.ts'
import { createRolloutService } from '../../hub/rollout/service.ts'
import { createTenantStore } from '../../hub/tenants/io/store.ts'
import { createTokenStore } from '../../hub/tenants/io/tokens.ts'
import type { Role } from '../../hub/tenants/model.ts'
import { createTenantService, type TenantService } from '../../hub/tenants/service.ts'
import { openPages } from '../../hub/web/io/pages.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { FleetError } from '../../proto/base/errors.ts'
import { silentLog } from '../../proto/base/log.ts'
import { systemRandom } from '../../proto/base/random.ts'
import { CLUSTER } from '../../proto/model/fleet/kinds.ts'
import { type Manifest, refOf } from '../../proto/model/manifest.ts'
import { openTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { openTempDir } from '../support/temp-dir.ts'

/** The hub's API over a real database and real TLS; what a cluster answers to writes is the test's to say. */
export interface ApiWorld extends AsyncDisposable {
  readonly database: TestDatabase
  readonly objects: ObjectService
  readonly tenants: TenantService
  readonly url: string
  readonly ca: string
  readonly dir: string
  readonly adminToken: string
  /** Kubeconfig with the contexts `fleet`, `all` and one per cluster, as somebody. */
  kubeconfig(token: string, clusters: readonly string[]): string
  token(role: Role, tenant?: string): Promise<string>
  addCluster(name: string, labels?: Record<string, string>): Promise<string>
  fold(clusterId: string, manifests: readonly Manifest[], version?: number): Promise<void>
}

export async function openApiWorld(call: CallCluster = noAgent): Promise<ApiWorld> {
  await using scope = new AsyncDisposableStack()
  const database = scope.use(await openTestDatabase())
  const dir = scope.use(openTempDir('api')).path
  const { db } = database
  const objects = scope.use(openObjects({ db, clock: systemClock, log: silentLog })).service
  const tenants = createTenantService({
    tokens: createTokenStore(db),
    tenants: createTenantStore(db),
    random: systemRandom,
    hint: async () => undefined,
  })
  const authority = await openAuthority((make) => make(), new Date())
  const members = createClusterService({
    store: clusterStore(db),
    authority,
    nats: { urls: [], issue: () => ({ user: '', jwt: '', seed: '' }), userOf: () => '', revoke: async () => undefined },
    listeners: { joined: async () => undefined, expelled: async () => undefined, removed: async () => undefined },
    clock: systemClock,
    random: systemRandom,
    certificateLifeMs: 3_600_000,
  })
  const rollouts = createRolloutService({
    store: createRolloutStore(db),
    objects: rolloutObjects(objects),
    tenantOf: (namespace) => tenants.tenantOf(namespace),
    settle: async () => undefined,
    inherited: () => undefined,
    looked: () => undefined,
    random: systemRandom,
    log: silentLog,
  })
  const api = createApiService({
    objects,
    rollouts,
    tenants,
    members,
    events: createEventService({ store: createEventStore(db), clock: systemClock }),
    clusters: createClusterIndex(db),
    placements: createPlacementService({
      ...{ store: createPlacementStore(db), standings: createStandingStore(db), objects: placementObjects({ objects }) },
      ...{ hint: async () => undefined, changed: () => undefined, told: () => undefined, clock: systemClock, log: silentLog },
    }),
    call,
    mirror: createMirrorWriter(db),
    audit: createAudit(db),
    clock: systemClock,
    log: silentLog,
    version: 'test',
  })
  const identity = authority.issueServer(['127.0.0.1'], new Date())
  const server = scope.use(
    await openApiServer({
      listen: { host: '127.0.0.1', port: 0 },
      tls: { key: identity.privateKey, cert: identity.certificate },
      api,
      authenticate: (token) => tenants.authenticate(token),
      pages: openPages({ checks: [{ name: 'postgres', check: async () => void (await db.query('select 1')) }], metrics: new Registry() }),
      log: silentLog,
    }),
  )
  const url = `https://127.0.0.1:${server.port}`
  const first = await tenants.firstToken()
  const owned = scope.move()
  let clusters = 0
  let files = 0
  return {
    database,
    objects,
    tenants,
    url,
    ca: authority.certificate,
    dir,
    adminToken: first?.reveal() ?? '',
    kubeconfig(token, names) {
      const path = join(dir, `kubeconfig-${++files}`)
      const access = (name: string, server: string) => ({ name, server, ca: authority.certificate, token })
      writeKubeconfig(path, [
        access('fleet', url),
        access('all', `${url}/clusters/-`),
        ...names.map((name) => access(name, `${url}/clusters/${name}`)),
      ])
      return path
    },
    token: async (role, tenant) =>
      (await tenants.createToken({ name: `${role} of ${tenant ?? 'the fleet'}`, role, tenant, createdBy: 'test' })).text.reveal(),
    async addCluster(name, labels = {}) {
      const id = `c-${String(++clusters).padStart(24, '0')}`
      await db.query(`insert into clusters (id, name, public_key, csr, approved_at) values ($1, $2, 'k', '', now())`, [id, name])
      await db.query('insert into cluster_heads (cluster_id) values ($1)', [id])
      await objects.create(CLUSTER, {
        apiVersion: 'fleet.flotilla.dev/v1alpha1',
        kind: 'Cluster',
        metadata: { name, labels },
        spec: { approved: true },
      })
      return id
    },
    async fold(clusterId, manifests, version = 1) {
      const upserts = manifests.map((manifest) => ({ clusterId, ref: refOf(manifest), originVersion: String(version), manifest }))
      await db.transaction((tx) => foldMirror(tx, { upserts, deletions: [] }))
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

const noAgent: CallCluster = async () => {
  throw new FleetError('unavailable', 'no agent of the cluster is connected; try again when it is')
}

export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs the real kubectl to its end. */
export async function runKubectl(kubeconfig: string, args: readonly string[], input = ''): Promise<Ran> {
  const [file, face] = kubectlCommand()
  const child = spawn(file, [face, `--kubeconfig=${kubeconfig}`, '--cache-dir', `${kubeconfig}-cache`, ...args], {
    signal: AbortSignal.timeout(60_000),
    stdio: 'pipe',
  })
  child.stdin.end(input)
  const exit = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), exit])
  return { code, out, err }
}

/** Runs the real kubectl until it has printed `enough` lines, doing `meanwhile` after the first output; returns the lines. */
export async function watchKubectl(
  kubeconfig: string,
  args: readonly string[],
  enough: (lines: readonly string[]) => boolean,
  meanwhile: () => Promise<unknown>,
): Promise<readonly string[]> {
  const [file, face] = kubectlCommand()
  const child = spawn(file, [face, `--kubeconfig=${kubeconfig}`, '--cache-dir', `${kubeconfig}-cache`, ...args], {
    signal: AbortSignal.timeout(60_000),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = new Promise((resolve) => child.once('close', resolve))
  child.once('error', () => undefined)
  let seen = ''
  let started: Promise<unknown> | undefined
  try {
    for await (const chunk of child.stdout) {
      seen += String(chunk)
      started ??= meanwhile()
      if (enough(seen.trim().split('\n'))) break
    }
    await started
    return seen.trim().split('\n')
  } finally {
    child.kill()
    await closed
  }
}

export function aKustomization(
  name: string,
  more: { readonly labels?: Record<string, string>; readonly namespace?: string; readonly ready?: string; readonly spec?: object } = {},
): Manifest {
  const { labels = {}, namespace = 'flux-system', ready = 'True', spec = {} } = more
  const reason = ready === 'True' ? 'ReconciliationSucceeded' : 'BuildFailed'
  const message = ready === 'True' ? 'Applied revision: main@sha1:abc' : 'kustomization.yaml: line 3: bad'
  return {
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    metadata: { name, namespace, labels, uid: `uid-${namespace}-${name}`, generation: 1, creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { interval: '10m', path: './apps', prune: true, sourceRef: { kind: 'GitRepository', name: 'repo' }, ...spec },
    status: {
      observedGeneration: 1,
      conditions: [{ type: 'Ready', status: ready, reason, message, lastTransitionTime: '2026-01-01T00:00:00Z' }],
    },
  }
}
