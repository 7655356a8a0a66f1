import { afterAll, beforeAll, expect, test } from 'vitest'
import { type KubeConnection, openKube } from '../../agent/kube/connection.ts'
import { kubeconfigTarget } from '../../agent/kube/target.ts'
import { openTenantKeeper } from '../../agent/tenancy/io/keep.ts'
import type { Adoption } from '../../agent/tenancy/model.ts'
import { type Clock, systemClock } from '../../proto/base/clock.ts'
import { silentLog } from '../../proto/base/log.ts'
import { systemRandom } from '../../proto/base/random.ts'
import type { TenantFact } from '../../proto/model/facts.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import type { TenantSetupReport } from '../../proto/model/report.ts'
import { installAgent } from '../support/agent.ts'
import { openCluster, type TestCluster } from '../support/cluster.ts'

// What an agent does for tenants, with its own rights, and what it tells the hub of it.

let cluster: TestCluster
let connection: KubeConnection
const WITHIN = { timeout: 20_000, interval: 20 }
const ACTING: Adoption = { kind: 'acting', noCrossNamespaceRefs: false, defaultServiceAccount: undefined }
/** Nobody who sleeps by this clock wakes by himself: what happens was called for. */
const patient: Clock = {
  now: () => systemClock.now(),
  sleep: (_ms, signal) => new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason), { once: true })),
}

beforeAll(async () => {
  cluster = await openCluster({ name: 'tenant-keeper' })
  const target = await kubeconfigTarget(await installAgent(cluster), systemClock)
  connection = openKube(target, { clock: systemClock, random: systemRandom })
})
afterAll(async () => {
  await connection[Symbol.asyncDispose]()
  await cluster[Symbol.asyncDispose]()
})

const aTenant = (tenant: string, over: Partial<TenantFact> = {}): TenantFact => ({
  ...{
    kind: 'tenant',
    tenant,
    namespaces: [tenant],
    clusterRole: 'admin',
    serviceAccount: 'flotilla-tenant',
    removed: false,
    position: 7n,
  },
  ...over,
})
const keeper = (o: {
  tenants: () => TenantFact[]
  told?: Map<string, TenantSetupReport>
  objects?: () => Manifest[]
  adoption?: Adoption
}) =>
  openTenantKeeper({
    kube: connection.own,
    as: (subject) => connection.as(subject),
    tenants: o.tenants,
    fluxObjects: () => o.objects?.() ?? [],
    adoption: () => o.adoption ?? ACTING,
    told: (setup) => o.told?.set(setup.tenant, setup),
    clock: patient,
    random: systemRandom,
    log: silentLog,
  })
const exists = (kind: string, name: string, namespace: string) =>
  cluster.kubectl(['get', kind, name, '-n', namespace, '-o', 'name']).then(
    () => true,
    () => false,
  )

test("tells of each tenant that it is set up, or what is in the way in Kubernetes' own words", async () => {
  const told = new Map<string, TenantSetupReport>()
  const taken = await cluster.createNamespace('taken')
  const tenants = [aTenant('fine'), aTenant('mighty', { clusterRole: 'cluster-admin' }), aTenant('taken', { namespaces: [taken, 'free'] })]
  await using keeping = keeper({ tenants: () => tenants, told })
  await expect.poll(() => told.size, WITHIN).toBe(3)
  expect(told.get('fine')).toEqual({ tenant: 'fine', position: 7n, problem: undefined })
  expect(told.get('mighty')?.problem).toMatch(
    /is forbidden: user "system:serviceaccount:flotilla-system:flotilla-agent".*is attempting to grant RBAC/,
  )
  expect(told.get('taken')?.problem).toContain(`namespace ${taken} exists and is not labelled`)
  expect(await exists('serviceaccount', 'flotilla-tenant', 'free')).toBe(true)
  await cluster.kubectl(['label', 'namespace', taken, 'fleet.flotilla.dev/tenant=taken'])
  keeping.wake()
  await expect.poll(() => told.get('taken')?.problem, WITHIN).toBeUndefined()
})

test('tells that nothing is done where the agent only looks on', async () => {
  const told = new Map<string, TenantSetupReport>()
  await using _keeping = keeper({ tenants: () => [aTenant('watched')], told, adoption: { kind: 'observing', why: 'Flux runs here' } })
  await expect.poll(() => told.get('watched')?.problem, WITHIN).toBe('the agent only looks on: Flux runs here')
  expect(await exists('namespace', 'watched', 'watched')).toBe(false)
})

test("a removed tenant's rights go with the last of its objects, without anybody waiting for a clock", async () => {
  let tenants = [aTenant('leaving')]
  const told = new Map<string, TenantSetupReport>()
  const objects = new Map<string, Manifest>()
  await using keeping = keeper({ tenants: () => tenants, told, objects: () => [...objects.values()] })
  await expect.poll(() => told.size, WITHIN).toBe(1)
  for (const name of ['one', 'two']) {
    const manifest = {
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'GitRepository',
      metadata: { name, namespace: 'leaving', finalizers: ['test.example/held'] },
      spec: { url: 'https://example.com/repo', interval: '1m' },
    }
    await cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify(manifest) })
  }
  const read = async (name: string) =>
    JSON.parse(await cluster.kubectl(['get', 'gitrepository', name, '-n', 'leaving', '-o', 'json'])) as Manifest
  for (const name of ['one', 'two']) objects.set(name, await read(name))
  const deletions = () => connection.requests().get('delete') ?? 0
  const before = deletions()
  tenants = [aTenant('leaving', { removed: true, position: 8n })]
  keeping.wake()
  await expect.poll(async () => (await read('two')).metadata.deletionTimestamp, WITHIN).toBeDefined()
  expect(deletions() - before).toBe(2)
  for (const name of ['one', 'two']) objects.set(name, await read(name))
  for (const name of ['one', 'two']) {
    expect(await exists('rolebinding', 'flotilla-impersonate', 'leaving')).toBe(true)
    await cluster.kubectl(['patch', 'gitrepository', name, '-n', 'leaving', '--type=merge', '-p', '{"metadata":{"finalizers":null}}'])
    objects.delete(name)
    keeping.objectGone('leaving')
  }
  await expect.poll(() => exists('rolebinding', 'flotilla-impersonate', 'leaving'), WITHIN).toBe(false)
  expect(deletions() - before).toBe(4)
})
