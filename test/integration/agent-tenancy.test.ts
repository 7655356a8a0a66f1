import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { kubeconfigTarget } from '../../agent/kube/target.ts'
import { openCallDesk } from '../../agent/mirror/io/carry-out.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { silentLog } from '../../proto/base/log.ts'
import type { Call } from '../../proto/model/call.ts'
import type { TenantFact } from '../../proto/model/facts.ts'
import { type Manifest, refOf } from '../../proto/model/manifest.ts'
import { installAgent, openLoneAgent, plant } from '../support/agent.ts'
import { openCluster, type TestCluster } from '../support/cluster.ts'
import { openTempDir, type TempDir } from '../support/temp-dir.ts'

let cluster: TestCluster
let kubeconfig: string
let dir: TempDir
let dataDir: string
const WITHIN = { timeout: 20_000, interval: 50 }

beforeAll(async () => {
  cluster = await openCluster({ name: 'agent-tenancy' })
  kubeconfig = await installAgent(cluster)
})
afterAll(() => cluster[Symbol.asyncDispose]())
beforeEach(() => {
  dir = openTempDir('agent')
  dataDir = join(dir.path, 'data')
  return () => dir[Symbol.asyncDispose]()
})

const repository = (namespace: string): Manifest => ({
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind: 'GitRepository',
  metadata: { name: 'repo', namespace },
  spec: { url: 'https://example.com/repo', interval: '1m' },
})
const kustomization = (name: string, namespace: string, spec: object = {}): Manifest => ({
  apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
  kind: 'Kustomization',
  metadata: { name, namespace },
  spec: { interval: '10m', path: name, prune: true, sourceRef: { kind: 'GitRepository', name: 'repo' }, ...spec },
})
const configMap = (namespace: string) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: one\n  namespace: ${namespace}\ndata:\n  key: v1\n`
const put = (...objects: readonly Manifest[]) =>
  cluster.kubectl(['apply', '-f', '-'], { input: objects.map((one) => JSON.stringify(one)).join('\n---\n') })
const exists = (kind: string, name: string, namespace: string) =>
  cluster.kubectl(['get', kind, name, '-n', namespace, '-o', 'name']).then(
    () => true,
    () => false,
  )
const ready = async (name: string, namespace: string) => {
  const read = JSON.parse(await cluster.kubectl(['get', 'kustomization', name, '-n', namespace, '-o', 'json']))
  const found = (read.status?.conditions ?? []).find(({ type }: { type: string }) => type === 'Ready')
  return found && `${found.status} ${found.reason} ${found.message}`
}
const tenant = (removed: boolean): Omit<TenantFact, 'kind' | 'position'> => ({
  ...{ tenant: 'team', namespaces: ['team'], clusterRole: 'admin', serviceAccount: 'flotilla-tenant', removed },
})
const agent = () => openLoneAgent({ kubeconfig, dataDir })

test('sets a tenant up, works as its ServiceAccount and nowhere else, and takes it away objects first', async () => {
  const [own, beyond] = [kustomization('own', 'team'), kustomization('beyond', 'team')]
  const other = await cluster.createNamespace('other')
  const consumers = [
    { kustomization: own, build: configMap('team') },
    { kustomization: beyond, build: configMap(other) },
  ]
  await plant(dataDir, refOf(repository('team')), { revision: 'main@sha1:1', consumers, tenants: [tenant(false)] })
  {
    await using _agent = await agent()
    await expect.poll(() => exists('rolebinding', 'flotilla-impersonate', 'team'), WITHIN).toBe(true)
    await put(repository('team'), own, beyond)
    await expect.poll(() => ready('own', 'team'), WITHIN).toMatch(/^True/)
    await expect.poll(() => ready('beyond', 'team'), WITHIN).toMatch(/^False ReconciliationFailed/)
    expect(await ready('beyond', 'team')).toMatch(/User "system:serviceaccount:team:flotilla-tenant" cannot patch resource "configmaps"/)
    await put(kustomization('named', 'team', { serviceAccountName: 'default' }))
    await expect
      .poll(() => ready('named', 'team'), WITHIN)
      .toMatch(/^False AccessDenied ServiceAccount team\/default is not the account of tenant team/)
  }
  await plant(dataDir, refOf(repository('team')), { revision: 'main@sha1:1', consumers, tenants: [tenant(true)] })
  await using _again = await agent()
  await expect.poll(() => exists('rolebinding', 'flotilla-impersonate', 'team'), WITHIN).toBe(false)
  expect(await exists('kustomization', 'own', 'team')).toBe(false)
  expect(await exists('configmap', 'one', 'team')).toBe(false)
  await put(repository('team'), own)
  await expect.poll(() => ready('own', 'team'), WITHIN).toMatch(/^False AccessDenied namespace team is tenant team's/)
})

test("only looks on while Flux's own controllers run, and takes over when they are scaled down", async () => {
  const namespace = await cluster.createNamespace('adopted')
  const apps = kustomization('apps', 'flux-system')
  const controller: Manifest = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'kustomize-controller', namespace: 'flux-system' },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: 'k' } },
      template: {
        metadata: { labels: { app: 'k' } },
        spec: { containers: [{ name: 'manager', image: 'x', args: ['--no-cross-namespace-refs'] }] },
      },
    },
  }
  await put(
    controller,
    repository('flux-system'),
    apps,
    kustomization('crossing', 'default', { sourceRef: { kind: 'GitRepository', name: 'repo', namespace: 'flux-system' } }),
  )
  await plant(dataDir, refOf(repository('flux-system')), {
    revision: 'main@sha1:1',
    consumers: [{ kustomization: apps, build: configMap(namespace) }],
  })
  await using looking = await agent()
  await expect.poll(() => looking.state(), WITHIN).toBe('acting')
  expect([...looking.requests().keys()].filter((verb) => ['apply', 'dry-run', 'create'].includes(verb))).toEqual([])
  await cluster.kubectl(['scale', 'deployment', 'kustomize-controller', '-n', 'flux-system', '--replicas=0'])
  await expect.poll(() => ready('apps', 'flux-system'), WITHIN).toMatch(/^True/)
  await expect.poll(() => ready('crossing', 'default'), WITHIN).toMatch(/^False AccessDenied cannot refer to namespace flux-system/)
  await cluster.kubectl(['delete', 'deployment', 'kustomize-controller', '-n', 'flux-system'])
})

test('carries a call out once, as the account it names, and shows no content of Secrets', async () => {
  const refuse = ({ namespace }: { readonly namespace: string }) => (namespace === 'flux-system' ? undefined : 'not admitted')
  await using desk = openCallDesk({
    target: await kubeconfigTarget(kubeconfig, systemClock),
    refuse,
    wrote: () => {},
    clock: systemClock,
    log: silentLog,
  })
  const call = (id: string, o: Partial<Call>): Call => ({
    ...{
      id,
      verb: 'create',
      as: 'flux-system/flotilla-platform',
      dryRun: false,
      resourceVersion: '',
      fieldManager: 'kubectl',
      labelSelector: '',
    },
    ...{ deadline: new Date(), apiVersion: 'v1', object: { group: '', kind: 'Secret', namespace: 'default', name: 's' } },
    body: Buffer.from(JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, stringData: { key: 'hidden-value' } })),
    ...o,
  })
  const carry = async (given: Call) => {
    const { code, body } = await desk.carryOut(given)
    return { code, text: Buffer.from(body).toString('utf8') }
  }
  const made = await carry(call('1', {}))
  expect(made.code).toBe(201)
  expect(made.text).not.toMatch(/hidden-value|aGlkZGVuLXZhbHVl/)
  expect((await carry(call('1', {}))).code).toBe(201)
  expect(await carry(call('2', {}))).toMatchObject({ code: 409, text: expect.stringContaining('"reason":"AlreadyExists"') })
  expect((await carry(call('3', { verb: 'get' }))).code).toBe(403)
  expect(await carry(call('4', { as: 'kube-system/default' }))).toMatchObject({ code: 403, text: expect.stringContaining('not admitted') })
  expect((await carry(call('5', { verb: 'delete', body: Buffer.from('{"preconditions":{"resourceVersion":"1"}}') }))).code).toBe(409)
  expect((await carry(call('6', { verb: 'delete', body: Buffer.from('{}') }))).code).toBe(200)
})

test('answers diffs of what the caller may read, few at a time, and keeps no answer', async () => {
  const refuse = () => undefined
  const target = await kubeconfigTarget(kubeconfig, systemClock)
  await using desk = openCallDesk({ target, refuse, wrote: () => {}, clock: systemClock, log: silentLog })
  await cluster.kubectl(['create', 'serviceaccount', 'nobody', '-n', 'default'])
  await cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify(kustomization('asked', 'default', { suspend: true })) })
  const object = { group: 'kustomize.toolkit.fluxcd.io', kind: 'Kustomization', namespace: 'default', name: 'asked' }
  const rest = { dryRun: true, resourceVersion: '', fieldManager: '', labelSelector: '', body: Buffer.from('{}'), deadline: new Date() }
  const ask = async (id: string, o: Partial<Call> = {}) => {
    const call: Call = {
      ...rest,
      id,
      verb: 'diff',
      apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
      as: 'flux-system/flotilla-platform',
      object,
      ...o,
    }
    const { code, body } = await desk.carryOut(call)
    return [code, Buffer.from(body).toString('utf8')]
  }
  expect(await ask('1')).toEqual([503, expect.stringContaining('the agent begins')])
  desk.answerDiffs(async ({ metadata }) => ({ of: metadata.name }))
  // The same id: what was answered is not kept.
  expect(await ask('1')).toEqual([200, '{"of":"asked"}'])
  expect(await ask('2', { object: { ...object, name: 'missing' } })).toEqual([404, expect.stringContaining('not found')])
  expect(await ask('3', { as: 'default/nobody' })).toEqual([403, expect.stringContaining('forbidden')])
  expect(await ask('4', { apiVersion: 'v1', object: { ...object, group: '', kind: 'Secret' } })).toEqual([
    403,
    expect.stringContaining('write-only'),
  ])
  const end = Promise.withResolvers<object>()
  const begun: string[] = []
  desk.answerDiffs(({ metadata }) => {
    begun.push(metadata.name)
    return end.promise
  })
  const slow = [ask('5'), ask('6')]
  await expect.poll(() => begun.length, WITHIN).toBe(2)
  expect(await ask('7')).toEqual([429, expect.stringContaining('try again')])
  end.resolve({})
  expect(await Promise.all(slow)).toEqual([
    [200, '{}'],
    [200, '{}'],
  ])
})
