import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { mirrorFold } from '../../hub/objects/io/mirror.ts'
import { namedObjects } from '../../hub/objects/named.ts'
import { createReportStore } from '../../hub/reports/io/store.ts'
import { createReportService } from '../../hub/reports/service.ts'
import { createStandingStore } from '../../hub/tenants/io/standings.ts'
import { createTenantStatuses } from '../../hub/tenants/status.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { silentLog } from '../../proto/base/log.ts'
import { TENANT } from '../../proto/model/fleet/kinds.ts'
import type { TenantStatus } from '../../proto/model/fleet/tenant.ts'
import type { ClusterId } from '../../proto/model/ids.ts'
import { EMPTY_REPORT } from '../../proto/model/report.ts'
import { type ApiWorld, openApiWorld, runKubectl } from './api-world.ts'

// How far clusters are with a tenant, from their word to the Tenant that people read.

let world: ApiWorld
let kubeconfig: string
const clusters: string[] = []
let sequence = 0n

beforeAll(async () => {
  world = await openApiWorld()
  for (let at = 0; at < 13; at++) clusters.push(await world.addCluster(`cluster-${String(at).padStart(2, '0')}`))
  kubeconfig = world.kubeconfig(world.adminToken, [])
})
afterAll(() => world[Symbol.asyncDispose]())
beforeEach(async () => {
  await world.database.db.query('truncate sessions')
})

const statuses = () => {
  const { db } = world.database
  return createTenantStatuses({ standings: createStandingStore(db), objects: namedObjects(world.objects, TENANT), clock: systemClock })
}
const kubectl = (args: readonly string[], input?: string) => runKubectl(kubeconfig, args, input)
const apply = (name: string, spec: object) =>
  kubectl(
    ['apply', '-f', '-'],
    JSON.stringify({
      apiVersion: 'fleet.flotilla.dev/v1alpha1',
      kind: 'Tenant',
      metadata: { name },
      spec: { namespaces: [name], ...spec },
    }),
  )
const tenant = async (name: string) => (await namedObjects(world.objects, TENANT).get(name)) ?? expect.fail(`there is no tenant ${name}`)
const status = async (name: string) => (await tenant(name)).status as TenantStatus
const ready = async (name: string) => {
  const [condition] = (await status(name)).conditions ?? []
  return `${condition?.status} ${condition?.message}`
}
const connect = (...ids: readonly string[]) =>
  world.database.db.query(
    `insert into sessions (cluster_id, replica, epoch, boot, agent_version, closed_at) select unnest($1::text[]), 'r', 1, 1, 't', now()`,
    [ids],
  )
/** The word of a cluster on its present access, or on an earlier one. @returns the tenants of which it said something new */
const answers = async (clusterId: string, name: string, problem?: string, earlier = false) => {
  const { db } = world.database
  const store = createReportStore(db, mirrorFold)
  const service = createReportService({
    store,
    receiveCredential: async () => '',
    sourceOf: () => undefined,
    ownersOf: async () => new Map(),
    askResync: async () => undefined,
    log: silentLog,
  })
  const text = 'select position from tenant_access where cluster_id = $1 and tenant = $2'
  const position = ((await db.query<{ position: bigint }>(text, [clusterId, name])).rows[0]?.position ?? 0n) - (earlier ? 1n : 0n)
  const report = { ...EMPTY_REPORT, boot: 1n, sequence: ++sequence, tenants: [{ tenant: name, position, problem }] }
  return (await service.fold([{ clusterId: clusterId as ClusterId, lane: 'status', report }])).tenants
}

test('waits for clusters that have been there, not for those that never came, and kubectl wait sees it', async () => {
  const [first = '', second = ''] = clusters
  await connect(first, second)
  await apply('shop', { clusters: { names: ['cluster-00', 'cluster-01', 'cluster-02'] } })
  expect(await statuses().stale()).toContain('shop')
  await statuses().refresh('shop')
  expect(await ready('shop')).toBe('Unknown set up in 0 of 3 clusters, waiting for 2 clusters')
  const waiting = kubectl(['wait', 'tenant/shop', '--for=condition=Ready', '--timeout=20s'])
  expect(await answers(first, 'shop')).toEqual(['shop'])
  await statuses().refresh('shop')
  expect(await ready('shop')).toBe('Unknown set up in 1 of 3 clusters, waiting for 1 cluster')
  expect(await answers(second, 'shop')).toEqual(['shop'])
  await statuses().refresh('shop')
  expect(await ready('shop')).toBe('True set up in 2 of 3 clusters; 1 cluster never connected so far')
  expect(await waiting).toMatchObject({ code: 0 })
  expect((await kubectl(['get', 'tenants', 'shop'])).out).toMatch(
    /NAME\s+NAMESPACES\s+ROLE\s+CLUSTERS\s+READY\s+AGE\nshop\s+\S+\s+edit\s+2\/3\s+True/,
  )
})

test('nothing is written while clusters repeat themselves', async () => {
  const [first = ''] = clusters
  const before = (await tenant('shop')).metadata.resourceVersion
  expect(await answers(first, 'shop')).toEqual([])
  await statuses().refresh('shop')
  expect((await tenant('shop')).metadata.resourceVersion).toBe(before)
})

test('an answer to what was asked before says nothing; what is asked anew is waited for', async () => {
  const [first = '', second = ''] = clusters
  await connect(first, second)
  await apply('shop', { clusters: { names: ['cluster-00', 'cluster-01'] }, clusterRole: 'view' })
  expect((await status('shop')).observedGeneration).toBe(1)
  expect(await answers(first, 'shop', undefined, true)).toEqual([])
  await statuses().refresh('shop')
  expect(await status('shop')).toMatchObject({ observedGeneration: 2, clusters: { allowed: 2, ready: 0, waiting: 2 } })
})

test('names the first clusters that could not and counts the others, until they can', async () => {
  await connect(...clusters)
  await apply('wide', { clusters: { all: true } })
  for (const id of clusters) await answers(id, 'wide', 'create Namespace/wide: namespaces is forbidden: no such right')
  await statuses().refresh('wide')
  expect(await ready('wide')).toBe(
    ['False cannot be set up in 13 clusters: cluster-00', 'cluster-01', 'cluster-02']
      .join(': create Namespace/wide: namespaces is forbidden: no such right; ')
      .concat(': create Namespace/wide: namespaces is forbidden: no such right; and 10 more'),
  )
  const failed = await status('wide')
  expect(failed).toMatchObject({ ready: '0/13', clusters: { allowed: 13, failed: 13, ready: 0, waiting: 0 }, moreProblems: 3 })
  expect(failed.problems).toHaveLength(10)
  for (const id of clusters) await answers(id, 'wide')
  await statuses().refresh('wide')
  expect(await ready('wide')).toBe('True set up in 13 of 13 clusters')
  expect(await status('wide')).not.toHaveProperty('problems')
})

test('a cluster that leaves the fleet is not counted any more', async () => {
  await connect(...clusters)
  expect(await statuses().stale()).not.toContain('wide')
  await world.database.db.query('delete from clusters where id = $1', [clusters[12]])
  expect(await statuses().stale()).toContain('wide')
  await statuses().refresh('wide')
  expect((await status('wide')).clusters).toMatchObject({ allowed: 12, ready: 12 })
})
