import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { statusOf } from '../../agent/kube/classify.ts'
import type { KubeConnection } from '../../agent/kube/connection.ts'
import { inform, type Told } from '../../agent/kube/inform.ts'
import type { Kube } from '../../agent/kube/model.ts'
import { serviceAccount } from '../../agent/kube/subject.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { FleetError } from '../../proto/base/errors.ts'
import { systemRandom } from '../../proto/base/random.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { openAdminKube } from '../support/apply-engine.ts'
import { openCluster, openSharedCluster, type TestCluster } from '../support/cluster.ts'
import { eventually } from '../support/eventually.ts'

let cluster: TestCluster
let connection: KubeConnection
let namespace: string
const signal = AbortSignal.timeout(600_000)
const bare = { fieldManager: 'test', signal }
const write = { ...bare, force: true }

beforeAll(async () => {
  cluster = await openSharedCluster()
  connection = await openAdminKube(cluster)
})
afterAll(async () => {
  await connection[Symbol.asyncDispose]()
  await cluster[Symbol.asyncDispose]()
})
beforeEach(async () => {
  namespace = await cluster.createNamespace('kube')
})

const aConfigMap = (name: string, data: Record<string, string> = {}): Manifest => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, labels: { test: 'yes' } },
  data,
})
const at = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name })
const all = () => ({ apiVersion: 'v1', kind: 'ConfigMap', namespace, labelSelector: 'test=yes' })

/** A list and watch read one telling at a time. */
function follow(kube: Kube, of = all()) {
  const stop = new AbortController()
  const told = inform(kube, of, { signal: stop.signal, clock: systemClock, random: systemRandom })
  const next = async (): Promise<string> => {
    const { value } = (await told.next()) as { value: Told }
    return value.kind === 'upsert'
      ? `upsert ${value.object.metadata.name}`
      : value.kind === 'delete'
        ? `delete ${value.ref.name}`
        : value.kind
  }
  return {
    next,
    async [Symbol.asyncDispose]() {
      stop.abort(new FleetError('aborted', 'test is done'))
      await told.next().catch(() => undefined)
    },
  }
}

test('creates, reads, patches and deletes', async () => {
  const kube = connection.own
  await kube.create(aConfigMap('c', { a: '1' }), bare)
  await expect(kube.create(aConfigMap('c'), bare)).rejects.toMatchObject({ code: 'already-exists' })
  await kube.patch(at('c'), { ...bare, type: 'merge', body: { data: { b: '2' } } })
  await kube.patch(at('c'), { ...bare, type: 'json', body: [{ op: 'remove', path: '/data/a' }] })
  expect((await kube.get(at('c'), { signal }))?.data).toEqual({ b: '2' })
  await expect(kube.remove(at('c'), { signal, uid: 'another' })).rejects.toMatchObject({ code: 'conflict' })
  expect(await kube.remove(at('c'), { signal })).toBe('deleting')
  expect(await kube.remove(at('c'), { signal })).toBe('absent')
  expect(await kube.get(at('c'), { signal })).toBeUndefined()
})

test('a dry-run changes nothing', async () => {
  const result = await connection.own.apply(aConfigMap('c'), { ...write, dryRun: true })
  expect(result.metadata.resourceVersion).toBeUndefined()
  expect(await connection.own.get(at('c'), { signal })).toBeUndefined()
})

test('lists in pages', async () => {
  for (const name of ['a', 'b', 'c']) await connection.own.apply(aConfigMap(name), write)
  const pages: string[][] = []
  for await (const page of connection.own.list(all(), { signal, limit: 2 }))
    pages.push(page.items.map(({ kind, metadata }) => `${kind} ${metadata.name}`))
  expect(pages).toEqual([['ConfigMap a', 'ConfigMap b'], ['ConfigMap c']])
})

test('list and watch tell what is, then what changes', async () => {
  await connection.own.apply(aConfigMap('a'), write)
  await using told = follow(connection.own)
  expect([await told.next(), await told.next()]).toEqual(['upsert a', 'synced'])
  await connection.own.apply(aConfigMap('b'), write)
  expect(await told.next()).toBe('upsert b')
  await connection.own.remove(at('a'), { signal })
  expect(await told.next()).toBe('delete a')
})

test('a watch for metadata alone tells of what is and what changes, and nothing that is in it', async () => {
  await connection.own.create(aConfigMap('a', { text: 'one' }), bare)
  const stop = new AbortController()
  const told = inform(connection.own, { ...all(), metadataOnly: true }, { signal: stop.signal, clock: systemClock, random: systemRandom })
  const objects: Manifest[] = []
  for await (const one of told) {
    if (one.kind === 'upsert') objects.push(one.object)
    if (one.kind === 'synced') await connection.own.apply(aConfigMap('a', { text: 'two' }), write)
    if (objects.length === 2) break
  }
  stop.abort()
  expect(objects).toMatchObject(Array(2).fill({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace } }))
  expect(objects.map((one) => Object.keys(one).sort())).toEqual(Array(2).fill(['apiVersion', 'kind', 'metadata']))
})

test('a version that is too old leads to a new list that tells what vanished meanwhile', async () => {
  await using own = await openCluster({ name: 'gone' })
  await using mine = await openAdminKube(own)
  namespace = 'default'
  for (const name of ['a', 'b']) await mine.own.apply(aConfigMap(name), write)
  await using told = follow(mine.own)
  expect([await told.next(), await told.next(), await told.next()]).toEqual(['upsert a', 'upsert b', 'synced'])
  const old = (await mine.own.get(at('b'), { signal }))?.metadata.resourceVersion ?? ''
  await mine.own.remove(at('a'), { signal })
  // A restarted API server has no history from before its start.
  await own.restart('kube-apiserver', { signal })
  await expect(mine.own.watch(all(), { resourceVersion: old, signal }).next()).rejects.toMatchObject({ code: 'gone' })
  expect([await told.next(), await told.next(), await told.next()]).toEqual(['upsert b', 'delete a', 'synced'])
})

test('a watch outlives a restart of the API server', async () => {
  await using own = await openCluster({ name: 'restarted' })
  await using mine = await openAdminKube(own)
  namespace = 'default'
  await using told = follow(mine.own)
  expect(await told.next()).toBe('synced')
  const next = told.next()
  await mine.own.apply(aConfigMap('a'), write)
  expect(await next).toBe('upsert a')
  const lost = told.next()
  await own.restart('kube-apiserver', { signal })
  await mine.own.apply(aConfigMap('b'), write)
  const heard = [await lost]
  while (heard.at(-1) !== 'upsert b') heard.push(await told.next())
  expect(heard).toContain('upsert b')
})

test('a refusal of what was listed before is believed once it has stood: a starting API server does not know its roles yet', async () => {
  await using own = await openCluster({ name: 'refusing' })
  await using mine = await openAdminKube(own)
  namespace = 'default'
  const binding: Manifest = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: 'reader', namespace },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
    subjects: [{ kind: 'ServiceAccount', name: 'default', namespace }],
  }
  const unbind = () =>
    mine.own.remove({ apiVersion: binding.apiVersion, kind: 'RoleBinding', namespace, name: binding.metadata.name }, { signal })
  // The API server hears of bindings by a watch of its own.
  const until = (allowed: boolean) =>
    eventually(allowed ? 'it is allowed' : 'it is refused', async () => {
      const question = { verb: 'list', group: '', resource: 'configmaps', namespace }
      return (await mine.as(serviceAccount(namespace, 'default')).may(question, { signal })) === allowed
    })
  await mine.own.apply(binding, write)
  await until(true)
  await using told = follow(mine.as(serviceAccount(namespace, 'default')))
  expect(await told.next()).toBe('synced')
  const watched = told.next()
  await mine.own.apply(aConfigMap('watched'), write)
  expect(await watched).toBe('upsert watched')
  const lost = told.next()
  await unbind()
  await until(false)
  await own.restart('kube-apiserver', { signal })
  expect(await lost).toBe('lost')
  const heard = [await told.next()]
  await mine.own.apply(binding, write)
  await mine.own.apply(aConfigMap('a'), write)
  while (heard.at(-1) !== 'upsert a') heard.push(await told.next())
  await unbind()
  await until(false)
  await own.restart('kube-apiserver', { signal })
  const end = async () => {
    for (;;) await told.next()
  }
  await expect(end()).rejects.toMatchObject({ code: 'forbidden' })
})

test('acts as a ServiceAccount and gets its refusals in the words of Kubernetes', async () => {
  const kube = connection.as(serviceAccount(namespace, 'default'))
  const error = await kube.get(at('c'), { signal }).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({
    code: 'forbidden',
    message: expect.stringContaining(`User "system:serviceaccount:${namespace}:default" cannot get`),
  })
  expect(statusOf(error)?.reason).toBe('Forbidden')
  const question = { verb: 'get', group: '', resource: 'configmaps', namespace }
  expect(await kube.may(question, { signal })).toBe(false)
  expect(await connection.own.may(question, { signal })).toBe(true)
})

test('a kind that is not served is an error that names it', async () => {
  const missing = { apiVersion: 'nowhere.example.com/v1', kind: 'Thing', namespace, name: 't' }
  await expect(connection.own.get(missing, { signal })).rejects.toMatchObject({ code: 'not-found' })
  await expect(connection.own.patch(missing, { ...bare, type: 'merge', body: {} })).rejects.toThrow(
    'no matches for kind "Thing" in version "nowhere.example.com/v1"',
  )
})

test('sends a hundred requests over few connections', async () => {
  await Promise.all(Array.from({ length: 100 }, (_, i) => connection.own.apply(aConfigMap(`n${i}`), write)))
  const names: string[] = []
  for await (const { items } of connection.own.list(all(), { signal, limit: 30 })) names.push(...items.map(({ metadata }) => metadata.name))
  expect(names).toHaveLength(100)
})

test('carries a ConfigMap of a megabyte', async () => {
  await connection.own.apply(aConfigMap('big', { a: 'x'.repeat(1_000_000) }), write)
  expect((await connection.own.get(at('big'), { signal }))?.data).toEqual({ a: 'x'.repeat(1_000_000) })
})

test('a request ends with its signal', async () => {
  const stop = new AbortController()
  const pending = connection.own.get(at('c'), { signal: stop.signal })
  stop.abort(new FleetError('aborted', 'changed my mind'))
  await expect(pending).rejects.toThrow('changed my mind')
})
