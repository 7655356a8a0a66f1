import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { compareOrder } from '../../agent/apply/order.ts'
import { canBeLate } from '../../agent/health/compute.ts'
import type { Awaited } from '../../agent/health/model.ts'
import { openPruneCluster } from '../../agent/inventory/io/cluster.ts'
import type { Item } from '../../agent/inventory/model.ts'
import { prune } from '../../agent/inventory/service.ts'
import { createReleaseWatch } from '../../agent/reconcile/io/release-watch.ts'
import { openAppliedWords } from '../../agent/report/applied.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { type HealthChecks, readHealthChecks } from '../../proto/model/flux/health-checks.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { refOf } from '../../proto/model/manifest.ts'
import { RELEASE_NAME_LABEL } from '../../proto/model/names.ts'
import type { AppliedReport } from '../../proto/model/report.ts'
import { type ApplyEngine, openApplyEngine } from '../support/apply-engine.ts'
import { openSharedCluster, type TestCluster } from '../support/cluster.ts'
import { aHelmRelease } from '../support/helm-builders.ts'
import { NEVER_READY } from '../support/versioned-app.ts'

let cluster: TestCluster
let engine: ApplyEngine
let namespace: string
const signal = AbortSignal.timeout(600_000)
const owner = { name: 'apps', namespace: 'flux-system' }

beforeAll(async () => {
  cluster = await openSharedCluster()
})
afterAll(() => cluster[Symbol.asyncDispose]())
beforeEach(async () => {
  namespace = await cluster.createNamespace('health')
  engine = await openApplyEngine(cluster, { namespace })
  return () => engine[Symbol.asyncDispose]()
})

const aConfigMap = (name = 'c', annotations = {}): Manifest => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, annotations },
})
const aDeployment = (image = 'web:1', replicas = 2): Manifest => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace },
  spec: {
    replicas,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image }] } },
  },
})
const aJob = (): Manifest => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'j', namespace },
  spec: { suspend: true, template: { spec: { restartPolicy: 'Never', containers: [{ name: 'j', image: 'j' }] } } },
})
const apply = (objects: readonly Manifest[]) => engine.apply(objects, { cluster: engine.cluster, owner, force: false, signal })
const awaited = (object: Manifest, owned = true): Awaited => ({ ref: refOf(object), apiVersion: object.apiVersion, owned })
const wait = (objects: readonly Awaited[], timeoutMs = 30_000, checks?: HealthChecks) =>
  engine.waits.wait(engine.subject, objects, { signal, timeoutMs, checks })
const checksOf = (given: Parameters<typeof readHealthChecks>[0]): HealthChecks => {
  const checks = readHealthChecks(given)
  if ('problem' in checks) throw new Error(checks.problem)
  return checks
}
const item = (object: Manifest): Item => ({ ref: refOf(object), version: object.apiVersion.split('/').at(-1) ?? '' })
const remove = (objects: readonly Manifest[], who = owner) =>
  prune(objects.map(item), {
    cluster: openPruneCluster(engine.kube, { clock: systemClock }),
    owner: who,
    order: (a, b) => compareOrder(a.ref, b.ref),
    signal,
  })

test('waits until a Deployment is rolled out, again after each change', async () => {
  await apply([aConfigMap(), aDeployment()])
  expect(await wait([awaited(aConfigMap()), awaited(aDeployment())])).toEqual({ kind: 'healthy' })
  await apply([aDeployment('web:2', 3)])
  expect(engine.waits.assess(engine.subject, [awaited(aDeployment())])[0]?.health.status).not.toBe('Current')
  expect(await wait([awaited(aDeployment())])).toEqual({ kind: 'healthy' })
  expect(await cluster.kubectl(['get', 'deployment/web', '-n', namespace, '-o', 'jsonpath={.status.readyReplicas}'])).toBe('3')
})

test('gives up at the deadline and says what is missing', async () => {
  await apply([aJob()])
  const outcome = await wait([awaited(aJob()), awaited(aConfigMap('missing'))], 1_500)
  expect(outcome).toMatchObject({
    kind: 'timeout',
    objects: [{ health: { status: 'InProgress', message: 'Job not started' } }, { health: { status: 'NotFound' } }],
  })
})

test('gives up at once when an object has failed', async () => {
  await apply([aJob()])
  const outcome = wait([awaited(aJob())])
  const status = {
    conditions: ['FailureTarget', 'Failed'].map((type) => ({ type, status: 'True', reason: 'BackoffLimitExceeded', message: '' })),
  }
  const patch = JSON.stringify({ status: { ...status, startTime: '2026-01-01T00:00:00Z' } })
  await cluster.kubectl(['patch', 'job/j', '-n', namespace, '--subresource=status', '--type=merge', '-p', patch])
  expect(await outcome).toMatchObject({ kind: 'failed', objects: [{ ref: { kind: 'Job', name: 'j' } }] })
})

test('tells how what was applied is doing though nobody waits for it: late, then failed, then well again', async () => {
  const { metadata, spec } = aDeployment('web:1', 1) as Manifest & { readonly spec: { readonly template: Manifest } }
  const template = (labels: object) => ({ ...spec.template, metadata: { labels: { app: 'web', ...labels } } })
  const stuck = { ...aDeployment(), metadata, spec: { ...spec, progressDeadlineSeconds: 2, template: template(NEVER_READY) } }
  const words: AppliedReport[] = []
  await using told = openAppliedWords({ clock: systemClock, tell: (word) => words.push(word) })
  const object = { group: 'kustomize.toolkit.fluxcd.io', kind: 'Kustomization', ...owner }
  const objects = [awaited(aConfigMap()), awaited(stuck)]
  await apply([aConfigMap(), stuck])
  using _held = engine.watches.hold(engine.subject, objects)
  using _followed = told.follow({ object, uid: 'u', generation: 1, bundle: 'b', fluxObjects: [] }, false, (news) =>
    engine.waits.follow(engine.subject, objects, { changed: news }),
  )
  const name = `Deployment/${namespace}/web`
  await vi.waitUntil(() => words.at(-1)?.health === 'Failed', { timeout: 20_000 })
  expect(words.at(-1)).toMatchObject({ object, bundle: 'b', message: `${name} is Failed: Progress deadline exceeded` })
  expect(words[0]).toMatchObject({ health: 'InProgress', message: expect.stringContaining(`${name} is InProgress`) })
  expect(words.some(({ health }) => health === 'Current')).toBe(false)
  await apply([{ ...stuck, spec: { ...stuck.spec, template: template({}) } }])
  await vi.waitUntil(() => words.at(-1)?.health === 'Current', { timeout: 20_000 })
  expect(words.length).toBeLessThan(10)
})

test('tells how a release is doing that nobody waited for, by the object that is late now', async () => {
  const labelled = (image: string, labels: object): Manifest => {
    const { metadata, spec } = aDeployment(image, 1) as Manifest & { readonly spec: { readonly template: Manifest } }
    const template = { ...spec.template, metadata: { labels: { app: 'web', ...labels } } }
    return { ...aDeployment(), metadata: { ...metadata, labels: { [RELEASE_NAME_LABEL]: 'web' } }, spec: { ...spec, template } }
  }
  const write = (one: Manifest) => cluster.kubectl(['apply', '--server-side', '-f', '-'], { input: JSON.stringify(one) })
  const words: AppliedReport[] = []
  await using told = openAppliedWords({ clock: systemClock, tell: (word) => words.push(word) })
  const object = aHelmRelease({ metadata: { uid: 'u', generation: 1 } })
  const nothing = { silence: () => undefined, forget: () => undefined }
  const watch = createReleaseWatch({
    ...{ as: () => engine.kube, watches: engine.watches, waits: engine.waits, memory: nothing, configs: nothing, canBeLate },
    seen: (subject, live) => engine.waits.observed(subject, live),
    isFlux: () => false,
    sighted: () => [],
    follow: told.follow,
  })
  const settled = { key: 'k', object, account: { namespace, name: 'applier' }, isActed: true }
  const objects = [aConfigMap(), aJob(), labelled('web:1', {})].map((one) => {
    return { ref: refOf(one), apiVersion: one.apiVersion, isLabelled: true, isPassing: one.kind === 'Job' }
  })
  await write(labelled('web:1', {}))
  await watch.settled({ ...settled, bundle: 'one', objects }, signal)
  await vi.waitUntil(() => words.at(-1)?.health === 'Current', { timeout: 20_000 })
  expect(engine.watches.size).toBe(1)
  await write(labelled('web:2', NEVER_READY))
  const before = words.length
  await watch.settled({ ...settled, bundle: 'two', objects }, signal)
  await vi.waitUntil(() => words.at(-1)?.message.includes(`Deployment/${namespace}/web is InProgress`), { timeout: 20_000 })
  // What was seen of the Deployment before the upgrade was well.
  expect(words.slice(before).filter(({ bundle, health }) => bundle === 'two' && health === 'Current')).toEqual([])
  watch.forget('k')
  await vi.waitUntil(() => engine.watches.size === 0)
})

test('who waits judges by its own expressions what was seen before, and hears of each change; others judge as ever', async () => {
  const given = (ready: string) => ({ ...aConfigMap(), data: { ready } })
  await apply([given('no'), aDeployment()])
  expect(await wait([awaited(aConfigMap()), awaited(aDeployment())])).toEqual({ kind: 'healthy' })
  const checks = checksOf([{ apiVersion: 'v1', kind: 'ConfigMap', current: "data.ready == 'yes'", failed: "data.ready == 'never'" }])
  expect(await wait([awaited(aConfigMap())], 1_000, checks)).toMatchObject({
    kind: 'timeout',
    objects: [{ ref: { name: 'c' }, health: { status: 'InProgress' } }],
  })
  const late = wait([awaited(aConfigMap()), awaited(aDeployment())], 30_000, checks)
  expect(await wait([awaited(aConfigMap())])).toEqual({ kind: 'healthy' })
  await apply([given('yes')])
  expect(await late).toEqual({ kind: 'healthy' })
  await apply([given('never')])
  expect(await wait([awaited(aConfigMap())], 30_000, checks)).toMatchObject({ kind: 'failed', objects: [{ ref: { name: 'c' } }] })
})

test('what an expression reads and is not there yet is waited for, and named at the end', async () => {
  await apply([aConfigMap()])
  const checks = checksOf([{ apiVersion: 'v1', current: "data.ready == 'yes'" }])
  const outcome = wait([awaited(aConfigMap())], 1_500, checks)
  using _held = engine.watches.hold(engine.subject, [awaited(aConfigMap())])
  const told: (string | undefined)[] = []
  using followed = engine.waits.follow(engine.subject, [awaited(aConfigMap())], {
    changed: () => told.push(followed.together()?.health),
    checks,
  })
  expect(await outcome).toMatchObject({
    kind: 'timeout',
    objects: [
      { health: { status: 'Unknown', message: "failed to evaluate the CEL expression 'data.ready == 'yes'': Unknown variable: data" } },
    ],
  })
  await apply([{ ...aConfigMap(), data: { ready: 'yes' } }])
  await vi.waitUntil(() => told.at(-1) === 'Current')
  expect(told).toContain('InProgress')
})

test('waits for an object of somebody else by its name', async () => {
  const outcome = wait([awaited(aDeployment(), false)])
  await cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify(aDeployment()) })
  expect(await outcome).toEqual({ kind: 'healthy' })
})

test('reads objects where it may not watch them', async () => {
  const other = await cluster.createNamespace('health')
  const rules = `{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"name":"get-${other}"},"rules":[{"apiGroups":[""],"resources":["configmaps"],"verbs":["get"]}]}`
  await cluster.kubectl(['apply', '-f', '-'], { input: rules })
  await using poor = await openApplyEngine(cluster, { namespace: other, clusterRole: `get-${other}` })
  const object = { ...aConfigMap(), metadata: { name: 'c', namespace: other } }
  const outcome = poor.waits.wait(poor.subject, [awaited(object)], { signal, timeoutMs: 20_000 })
  await cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify(object) })
  expect(await outcome).toEqual({ kind: 'healthy' })
  await cluster.kubectl(['delete', 'clusterrole', `get-${other}`])
})

test('many waits share one watch per kind, and none is left afterwards', async () => {
  const objects = ['a', 'b', 'c', 'd'].map((name) => aConfigMap(name))
  await apply(objects)
  const held = objects.map((object) => engine.watches.hold(engine.subject, [awaited(object)]))
  await Promise.all(objects.map((object) => wait([awaited(object)])))
  expect(engine.watches.size).toBe(1)
  for (const one of held) one[Symbol.dispose]()
  await vi.waitUntil(() => engine.watches.size === 0)
})

test('an identity that may watch all namespaces needs one watch per kind for all of them', async () => {
  const others = await Promise.all([1, 2, 3].map(() => cluster.createNamespace('health')))
  await using wide = await openApplyEngine(cluster, { namespace: others[0] ?? '', clusterRole: 'cluster-admin', everywhere: true })
  const objects = others.map((other) => ({ ...aConfigMap(), metadata: { name: 'c', namespace: other } }))
  await wide.apply(objects, { cluster: wide.cluster, owner, force: false, signal })
  const waits = objects.map((object) => wide.waits.wait(wide.subject, [awaited(object)], { signal, timeoutMs: 20_000 }))
  using _held = wide.watches.hold(
    wide.subject,
    objects.map((object) => awaited(object)),
  )
  expect(await Promise.all(waits)).toEqual(objects.map(() => ({ kind: 'healthy' })))
  expect(wide.watches.size).toBe(1)
  await cluster.kubectl(['delete', 'configmap/c', '-n', others[2] ?? ''])
  await vi.waitUntil(() => wide.drifts.length > 0, { timeout: 5_000 })
  expect(wide.drifts).toMatchObject([{ what: 'deleted', ref: { namespace: others[2] } }])
})

test('prunes what is ours and keeps what is not, or says so', async () => {
  const kept = aConfigMap('kept', { 'kustomize.toolkit.fluxcd.io/prune': 'Disabled' })
  await apply([aConfigMap('mine'), kept])
  await cluster.kubectl(['create', 'configmap', 'foreign', '-n', namespace])
  const gone = { apiVersion: 'nowhere.example.com/v1', kind: 'Thing', metadata: { name: 't', namespace } }
  const pruned = await remove([aConfigMap('mine'), kept, aConfigMap('foreign'), aConfigMap('absent'), gone])
  expect(pruned.map((one) => [one.item.ref.name, one.kind, one.kind === 'kept' ? one.why : '']).sort()).toEqual([
    ['absent', 'absent', ''],
    ['foreign', 'kept', 'not-owned'],
    ['kept', 'kept', 'prune-disabled'],
    ['mine', 'deleted', ''],
    ['t', 'absent', ''],
  ])
  expect(await remove([kept], { name: 'other', namespace: 'flux-system' })).toMatchObject([{ kind: 'kept' }])
})

test('an object that may not be deleted is a failure in the words of Kubernetes', async () => {
  await apply([aConfigMap('mine')])
  const other = await cluster.createNamespace('health')
  await using viewer = await openApplyEngine(cluster, { namespace: other, clusterRole: 'view', everywhere: true })
  const pruned = await prune([item(aConfigMap('mine'))], {
    cluster: openPruneCluster(viewer.kube, { clock: systemClock }),
    owner,
    order: (a, b) => compareOrder(a.ref, b.ref),
    signal,
  })
  expect(pruned).toMatchObject([
    { kind: 'failed', error: { code: 'forbidden', message: expect.stringContaining('cannot delete resource "configmaps"') } },
  ])
})
