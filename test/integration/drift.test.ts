import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type { Manifest } from '../../proto/model/manifest.ts'
import { refOf } from '../../proto/model/manifest.ts'
import { type ApplyEngine, openApplyEngine } from '../support/apply-engine.ts'
import { openSharedCluster, type TestCluster } from '../support/cluster.ts'

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
  namespace = await cluster.createNamespace('drift')
  engine = await openApplyEngine(cluster, { namespace })
  return () => engine[Symbol.asyncDispose]()
})

const aConfigMap = (data: Record<string, string> = { a: '1' }): Manifest => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'c', namespace },
  data,
})
const aDeployment = (): Manifest => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'web', image: 'web:1', ports: [{ containerPort: 80 }] }] },
    },
  },
})
const apply = (objects: readonly Manifest[]) => engine.apply(objects, { cluster: engine.cluster, owner, force: false, signal })
const hold = (objects: readonly Manifest[]) =>
  engine.watches.hold(
    engine.subject,
    objects.map((object) => ({ ref: refOf(object), apiVersion: object.apiVersion, owned: true })),
  )
const known = (object: Manifest) =>
  vi.waitUntil(() => engine.memory.known(engine.subject, refOf(object)).kind === 'present', { timeout: 10_000 })
const told = () =>
  engine.drifts.map(({ ref, what, owner: whose, waitMs }) => `${ref.kind}/${ref.name} ${what} of ${whose.name} after ${waitMs}`)

test('an applied object that nobody touches needs no request at all', async () => {
  const objects = [aConfigMap(), aDeployment()]
  await apply(objects)
  using _held = hold(objects)
  await Promise.all(objects.map(known))
  await cluster.kubectl(['wait', 'deployment/web', '-n', namespace, '--for=condition=Available', '--timeout=30s'])
  const requests = await engine.requestsDuring(async () => {
    const { changes } = await apply(objects)
    expect(changes.map(({ action }) => action)).toEqual(['unchanged', 'unchanged'])
  })
  expect(requests).toEqual({})
  expect(engine.drifts).toEqual([])
})

test('a changed object needs a dry-run and an apply, and no read', async () => {
  await apply([aConfigMap()])
  using _held = hold([aConfigMap()])
  await known(aConfigMap())
  const requests = await engine.requestsDuring(() => apply([aConfigMap({ a: '2' })]))
  expect(requests).toEqual({ 'dry-run': 1, apply: 1 })
})

test('a change by kubectl is seen and undone', async () => {
  await apply([aDeployment()])
  using _held = hold([aDeployment()])
  await known(aDeployment())
  await cluster.kubectl(['scale', 'deployment/web', '--replicas=3', '-n', namespace])
  await vi.waitUntil(() => engine.drifts.length > 0, { timeout: 5_000 })
  expect(told()).toEqual(['Deployment/web changed of apps after 0'])
  expect((await apply([aDeployment()])).changes.map(({ action }) => action)).toEqual(['configured'])
  expect(await cluster.kubectl(['get', 'deployment/web', '-n', namespace, '-o', 'jsonpath={.spec.replicas}'])).toBe('1')
  expect(engine.drifts).toHaveLength(1)
})

test('a field added by kubectl is seen and removed', async () => {
  await apply([aConfigMap()])
  using _held = hold([aConfigMap()])
  await known(aConfigMap())
  await cluster.kubectl(['patch', 'configmap/c', '-n', namespace, '--type=merge', '-p', '{"data":{"extra":"x"}}'])
  await vi.waitUntil(() => engine.drifts.length > 0, { timeout: 5_000 })
  await apply([aConfigMap()])
  expect(await cluster.kubectl(['get', 'configmap/c', '-n', namespace, '-o', 'jsonpath={.data}'])).toBe('{"a":"1"}')
})

test('a field of another manager and a new status are no drift', async () => {
  await apply([aConfigMap()])
  using _held = hold([aConfigMap()])
  await known(aConfigMap())
  await cluster.kubectl([
    'patch',
    'configmap/c',
    '-n',
    namespace,
    '--type=merge',
    '-p',
    '{"data":{"hpa":"9"}}',
    '--field-manager=autoscaler',
  ])
  await cluster.kubectl(['delete', 'configmap/c', '-n', namespace])
  await vi.waitUntil(() => engine.drifts.length > 0, { timeout: 5_000 })
  expect(told()).toEqual(['ConfigMap/c deleted of apps after 0'])
  expect((await apply([aConfigMap()])).changes.map(({ action }) => action)).toEqual(['created'])
})

test('a fight over an object is slowed down', async () => {
  await apply([aConfigMap()])
  using _held = hold([aConfigMap()])
  await known(aConfigMap())
  for (const round of [1, 2, 3, 4, 5]) {
    await cluster.kubectl(['patch', 'configmap/c', '-n', namespace, '--type=merge', '-p', `{"data":{"a":"mine${round}"}}`])
    await vi.waitUntil(() => engine.drifts.length === round, { timeout: 5_000 })
    await apply([aConfigMap()])
  }
  expect(told()).toEqual([
    ...Array(3).fill('ConfigMap/c changed of apps after 0'),
    'ConfigMap/c changed of apps after 1000',
    'ConfigMap/c changed of apps after 2000',
  ])
})

test('what is remembered across a restart still finds what changed meanwhile', async () => {
  await apply([aConfigMap(), aDeployment()])
  const stored = engine.memory.snapshot()
  await cluster.kubectl(['delete', 'configmap/c', '-n', namespace])
  engine.memory.forget(engine.subject, [refOf(aConfigMap()), refOf(aDeployment())])
  engine.memory.restore(stored)
  using _held = hold([aConfigMap(), aDeployment()])
  await vi.waitUntil(() => engine.drifts.length > 0, { timeout: 5_000 })
  expect(told()).toEqual(['ConfigMap/c deleted of apps after 0'])
})
