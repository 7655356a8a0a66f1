import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Applied } from '../../agent/apply/model.ts'
import type { ApplyOptions } from '../../agent/apply/service.ts'
import { serviceAccount } from '../../agent/kube/subject.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { formatRef } from '../../proto/model/object-ref.ts'
import { type ApplyEngine, openApplyEngine } from '../support/apply-engine.ts'
import { openSharedCluster, type TestCluster } from '../support/cluster.ts'

let cluster: TestCluster
let engine: ApplyEngine
let namespace: string
const signal = AbortSignal.timeout(600_000)

beforeAll(async () => {
  cluster = await openSharedCluster()
})
afterAll(() => cluster[Symbol.asyncDispose]())
beforeEach(async () => {
  namespace = await cluster.createNamespace('apply')
  engine = await openApplyEngine(cluster, { namespace, clusterRole: 'cluster-admin', everywhere: true })
  return () => engine[Symbol.asyncDispose]()
})

const owner = { name: 'apps', namespace: 'flux-system' }
const aConfigMap = (name: string, data: Record<string, string>, metadata: Partial<Manifest['metadata']> = {}): Manifest => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, ...metadata },
  data,
})
const aSecret = (name: string, stringData: Record<string, string>, annotations = {}): Manifest => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace, annotations },
  immutable: true,
  stringData,
})
const ssa = (value: string) => ({ annotations: { 'kustomize.toolkit.fluxcd.io/ssa': value } })
const apply = (objects: readonly Manifest[], more: Partial<ApplyOptions> = {}) =>
  engine.apply(objects, { cluster: engine.cluster, owner, force: false, signal, ...more })
const actions = ({ changes, failure }: Applied) => [
  ...changes.map(({ ref, action }) => `${formatRef(ref).replace(`/${namespace}`, '')} ${action}`),
  ...(failure ? [failure.message.replaceAll(namespace, 'NS')] : []),
]
const live = (object: Manifest) =>
  engine.connection.own.get({ apiVersion: object.apiVersion, kind: object.kind, name: object.metadata.name, namespace }, { signal })

test('creates objects in order with owner labels, with two requests each, then leaves them alone', async () => {
  const objects = [
    aSecret('b', { k: 'v' }),
    aConfigMap('c', { a: '1' }),
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'd', namespace } },
  ]
  let first: Applied | undefined
  const requests = await engine.requestsDuring(async () => {
    first = await apply(objects)
  })
  expect(first && actions(first)).toEqual(['ServiceAccount/d created', 'ConfigMap/c created', 'Secret/b created'])
  expect(requests).toEqual({ 'dry-run': 3, apply: 3 })
  expect((await live(aConfigMap('c', {})))?.metadata.labels).toEqual({
    'kustomize.toolkit.fluxcd.io/name': 'apps',
    'kustomize.toolkit.fluxcd.io/namespace': 'flux-system',
  })
  expect(actions(await apply(objects))).toEqual(['ServiceAccount/d unchanged', 'ConfigMap/c unchanged', 'Secret/b unchanged'])
})

test('changes what differs and removes fields that are not desired any more', async () => {
  await apply([aConfigMap('c', { a: '1', b: '1' })])
  expect(actions(await apply([aConfigMap('c', { a: '2' })]))).toEqual(['ConfigMap/c configured'])
  expect((await live(aConfigMap('c', {})))?.data).toEqual({ a: '2' })
})

test('applies nothing of a stage when one object of it is refused, and names all that are', async () => {
  const bad = { ...aConfigMap('bad', {}), data: { a: { b: 1 } } }
  const worse = { ...aConfigMap('worse', {}), data: [] }
  const result = await apply([aConfigMap('good', { a: '1' }), bad, worse])
  expect(result.changes).toEqual([])
  expect(result.failure?.message).toMatch(/ConfigMap\/.*\/bad dry-run failed.*\nConfigMap\/.*\/worse dry-run failed/s)
  expect(await live(aConfigMap('good', {}))).toBeUndefined()
})

test('keeps the changes of earlier stages in the result when a later stage fails', async () => {
  const result = await apply([
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: `${namespace}-x` } },
    { ...aConfigMap('bad', {}), data: [] },
  ])
  expect(result.changes.map(({ ref, action }) => `${formatRef(ref)} ${action}`)).toEqual([`Namespace/${namespace}-x created`])
  expect(result.failure?.code).toBe('invalid')
  await cluster.kubectl(['delete', 'namespace', `${namespace}-x`, '--wait=false'])
})

test('applies a definition, its custom resource, a namespace and what is in it in one run', async () => {
  const group = `g${namespace.slice(-6)}.example.com`
  const definition: Manifest = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `widgets.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        },
      ],
    },
  }
  const result = await apply([
    { apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name: 'w', namespace: `${namespace}-y` }, spec: { size: 1 } },
    aConfigMap('c', {}, { namespace: `${namespace}-y` }),
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: `${namespace}-y` } },
    definition,
  ])
  expect(result.failure).toBeUndefined()
  expect(result.changes.map(({ ref, action }) => `${ref.kind} ${action}`)).toEqual([
    'CustomResourceDefinition created',
    'Namespace created',
    'ConfigMap created',
    'Widget created',
  ])
  await cluster.kubectl(['delete', 'namespace', `${namespace}-y`, '--wait=false'])
  await cluster.kubectl(['delete', 'crd', `widgets.${group}`, '--wait=false'])
})

test('refuses to change an immutable object, and recreates it when forced by option or by annotation', async () => {
  await apply([aSecret('s', { k: 'one' }), aSecret('t', { k: 'one' })])
  const refused = await apply([aSecret('s', { k: 'two-secret' })])
  expect(actions(refused)).toEqual([expect.stringMatching(/^Secret\/NS\/s dry-run failed \(Invalid\): .*immutable/)])
  expect(refused.failure?.message).not.toContain('two-secret')
  const before = await live(aSecret('s', {}))
  expect(actions(await apply([aSecret('s', { k: 'two' })], { force: true }))).toEqual(['Secret/s created'])
  expect((await live(aSecret('s', {})))?.metadata.uid).not.toBe(before?.metadata.uid)
  expect(actions(await apply([aSecret('t', { k: 'two' }, { 'kustomize.toolkit.fluxcd.io/force': 'Enabled' })]))).toEqual([
    'Secret/t created',
  ])
})

test('IfNotPresent creates an object once and never changes it', async () => {
  expect(actions(await apply([aConfigMap('c', { a: '1' }, ssa('IfNotPresent'))]))).toEqual(['ConfigMap/c created'])
  expect(actions(await apply([aConfigMap('c', { a: '2' }, ssa('ifnotpresent'))]))).toEqual(['ConfigMap/c skipped'])
  expect((await live(aConfigMap('c', {})))?.data).toEqual({ a: '1' })
})

test('leaves objects alone that say so, in the build or live', async () => {
  expect(actions(await apply([aConfigMap('c', {}, ssa('Ignore'))]))).toEqual(['ConfigMap/c skipped'])
  await apply([aConfigMap('d', { a: '1' })])
  await cluster.kubectl(['annotate', 'configmap', 'd', 'kustomize.toolkit.fluxcd.io/reconcile=Disabled', '-n', namespace])
  expect(actions(await apply([aConfigMap('d', { a: '2' })]))).toEqual(['ConfigMap/d skipped'])
})

test('takes over what kubectl applied, and undoes what kubectl added', async () => {
  await cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify(aConfigMap('c', { a: '1', extra: 'x' })) })
  expect(actions(await apply([aConfigMap('c', { a: '1' })]))).toEqual(['ConfigMap/c configured'])
  const taken = await live(aConfigMap('c', {}))
  expect(taken?.data).toEqual({ a: '1' })
  expect(taken?.metadata.annotations).toBeUndefined()
  expect(taken?.metadata.managedFields?.map(({ manager }) => manager)).toEqual(['kustomize-controller'])
})

test('keeps what kubectl added where the object asks for Merge', async () => {
  await cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify(aConfigMap('c', { a: '1', extra: 'x' })) })
  await apply([aConfigMap('c', { a: '2' }, ssa('Merge'))])
  expect((await live(aConfigMap('c', {})))?.data).toEqual({ a: '2', extra: 'x' })
})

test('keeps what another manager owns', async () => {
  await apply([aConfigMap('c', { a: '1' })])
  await cluster.kubectl([
    'patch',
    'configmap',
    'c',
    '-n',
    namespace,
    '--type=merge',
    '-p',
    '{"data":{"hpa":"9"}}',
    '--field-manager=autoscaler',
  ])
  expect(actions(await apply([aConfigMap('c', { a: '1' })]))).toEqual(['ConfigMap/c unchanged'])
  expect((await live(aConfigMap('c', {})))?.data).toEqual({ a: '1', hpa: '9' })
})

test('refuses a namespaced object without namespace, and drops the namespace of a cluster-scoped one', async () => {
  const nowhere = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' } }
  expect(actions(await apply([nowhere]))).toEqual(['ConfigMap/c namespace not specified: set metadata.namespace or spec.targetNamespace'])
  const role = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: `role-${namespace}`, namespace },
    rules: [],
  }
  const result = await apply([role])
  expect(result.changes.map(({ ref }) => formatRef(ref))).toEqual([`ClusterRole/role-${namespace}`])
  await cluster.kubectl(['delete', 'clusterrole', `role-${namespace}`])
})

test('names a kind that is not served', async () => {
  const result = await apply([{ apiVersion: 'nowhere.example.com/v1', kind: 'Thing', metadata: { name: 't', namespace } }])
  expect(actions(result)).toEqual(['Thing/NS/t dry-run failed: no matches for kind "Thing" in version "nowhere.example.com/v1"'])
})

test('cannot act without a ServiceAccount, nor beyond its rights', async () => {
  expect(() => serviceAccount('', 'x')).toThrow(/names no account/)
  expect(() => serviceAccount('a', '')).toThrow(/names no account/)
  const other = await cluster.createNamespace('apply')
  await using tenant = await openApplyEngine(cluster, { namespace: other })
  const result = await tenant.apply([aConfigMap('c', {})], { cluster: tenant.cluster, owner, force: false, signal })
  expect(result.failure?.code).toBe('forbidden')
  expect(result.failure?.message).toContain(`User "system:serviceaccount:${other}:applier" cannot patch resource "configmaps"`)
})
