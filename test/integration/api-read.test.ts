import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ApiWorld, aKustomization, openApiWorld, runKubectl, watchKubectl } from './api-world.ts'

let world: ApiWorld
let config: string
let staging: string
let production: string

beforeAll(async () => {
  world = await openApiWorld()
  staging = await world.addCluster('staging', { tier: 'edge' })
  production = await world.addCluster('production')
  await world.fold(staging, [
    aKustomization('apps', { labels: { team: 'web' } }),
    aKustomization('infra', { ready: 'False' }),
    aKustomization('shop', { namespace: 'shop' }),
  ])
  await world.fold(production, [aKustomization('apps')])
  config = world.kubeconfig(world.adminToken, ['staging', 'production'])
})
afterAll(() => world?.[Symbol.asyncDispose]())

/** What kubectl prints; a failure fails the test with its words. */
async function kubectl(context: string, ...args: readonly string[]): Promise<string> {
  const { code, err, out } = await runKubectl(config, ['--context', context, ...args])
  if (code !== 0) throw new Error(err)
  return out
}

const rows = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => line.split(/\s{2,}/).map((cell) => cell.trim()))

test('get prints the columns of Flux, -o wide and -A as kubectl does', async () => {
  const [head, first] = rows(await kubectl('staging', 'get', 'kustomizations', '-n', 'flux-system'))
  expect(head).toEqual(['NAME', 'AGE', 'READY', 'STATUS'])
  expect(first).toEqual(['apps', expect.any(String), 'True', 'Applied revision: main@sha1:abc'])
  const [wide] = rows(await kubectl('fleet', 'get', 'clusters', '-o', 'wide'))
  expect(wide).toEqual(expect.arrayContaining(['NAME', 'CONNECTED', 'ID']))
  const everywhere = rows(await kubectl('staging', 'get', 'ks', '-A'))
  expect(everywhere.map(([namespace, name]) => `${namespace}/${name}`)).toEqual([
    'NAMESPACE/NAME',
    'flux-system/apps',
    'flux-system/infra',
    'shop/shop',
  ])
})

test('get prints json, yaml, names and jsonpath', async () => {
  const object = JSON.parse(await kubectl('staging', 'get', 'ks', 'apps', '-n', 'flux-system', '-o', 'json'))
  expect(object).toMatchObject({ kind: 'Kustomization', metadata: { name: 'apps', uid: 'uid-flux-system-apps' }, spec: { path: './apps' } })
  expect(await kubectl('staging', 'get', 'ks', 'apps', '-n', 'flux-system', '-o', 'yaml')).toContain('path: ./apps')
  expect(await kubectl('staging', 'get', 'ks', '-n', 'flux-system', '-o', 'name')).toContain(
    'kustomization.kustomize.toolkit.fluxcd.io/apps',
  )
  expect(await kubectl('staging', 'get', 'ks', '-n', 'flux-system', '-o', 'jsonpath={.items[*].metadata.name}')).toBe('apps infra')
})

test('label and field selectors choose, in several pages too', async () => {
  expect(await kubectl('staging', 'get', 'ks', '-A', '-l', 'team=web', '-o', 'name')).toMatch(/^\S*\/apps\n$/)
  expect(await kubectl('staging', 'get', 'ks', '-A', '--field-selector', 'metadata.name=infra', '-o', 'name')).toMatch(/^\S*\/infra\n$/)
  expect(rows(await kubectl('staging', 'get', 'ks', '-A', '--chunk-size=1'))).toHaveLength(4)
  await expect(kubectl('staging', 'get', 'ks', '-A', '-l', 'a=(')).rejects.toThrow(/cannot read|unable to parse/)
})

test('the view over all clusters says which one, selects by it, and cannot be written', async () => {
  const all = rows(await kubectl('all', 'get', 'ks', 'apps', '-n', 'flux-system'))
  expect(all.map(([cluster, name]) => `${cluster} ${name}`)).toEqual(['CLUSTER NAME', 'staging apps', 'production apps'])
  const chosen = await kubectl(
    'all',
    'get',
    'ks',
    '-A',
    '-l',
    'fleet.flotilla.dev/cluster=production',
    '-o',
    'jsonpath={.items[*].metadata.labels}',
  )
  expect(chosen).toBe('{"fleet.flotilla.dev/cluster":"production"}')
  await expect(kubectl('all', 'delete', 'ks', 'apps', '-n', 'flux-system')).rejects.toThrow(/can only be read/)
})

test('get -w goes on with what changes', async () => {
  const lines = await watchKubectl(
    config,
    ['--context', 'production', 'get', 'ks', '-n', 'flux-system', '-w', '--output-watch-events'],
    (seen) => seen.some((line) => /^DELETED\s+fresh/.test(line)),
    async () => {
      await world.fold(production, [aKustomization('fresh', { ready: 'Unknown' })], 2)
      await world.fold(production, [aKustomization('fresh')], 3)
      await world.objects.remove({
        scope: production,
        group: 'kustomize.toolkit.fluxcd.io',
        kind: 'Kustomization',
        namespace: 'flux-system',
        name: 'fresh',
      })
    },
  )
  expect(lines[0]).toMatch(/^EVENT\s+NAME\s+AGE\s+READY\s+STATUS/)
  expect(lines.at(-1)).toMatch(/^DELETED\s+fresh/)
})

test('wait ends when the condition holds', async () => {
  await world.fold(production, [aKustomization('slow', { ready: 'Unknown' })], 4)
  const waiting = kubectl('production', 'wait', 'ks/slow', '-n', 'flux-system', '--for=condition=Ready', '--timeout=30s')
  await world.fold(production, [aKustomization('slow')], 5)
  expect(await waiting).toContain('condition met')
})

test('describe shows the events of the object', async () => {
  await world.database.db.query(
    `insert into events (id, cluster_id, grp, kind, namespace, name, severity, reason, message, at)
     values ('e-1', $1, 'kustomize.toolkit.fluxcd.io', 'Kustomization', 'flux-system', 'infra', 'error', 'BuildFailed', 'line 3 is bad', now()),
            ('e-2', $1, 'kustomize.toolkit.fluxcd.io', 'Kustomization', 'flux-system', 'apps', 'info', 'Progressing', 'all is well', now())`,
    [staging],
  )
  const described = await kubectl('staging', 'describe', 'ks', 'infra', '-n', 'flux-system')
  expect(described).toMatch(/Warning\s+BuildFailed.*line 3 is bad/)
  expect(described).not.toContain('all is well')
  expect(await kubectl('staging', 'get', 'events', '-n', 'flux-system', '--field-selector', 'type=Normal')).toMatch(/Progressing/)
})

test('api-resources and explain know every kind', async () => {
  const fleet = await kubectl('fleet', 'api-resources')
  expect(fleet).toMatch(/clusters\s+fleet.flotilla.dev\/v1alpha1\s+false\s+Cluster/)
  const cluster = await kubectl('staging', 'api-resources', '--verbs=patch')
  expect(cluster).toMatch(/kustomizations\s+ks\s+kustomize.toolkit.fluxcd.io\/v1\s+true\s+Kustomization/)
  expect(await kubectl('staging', 'explain', 'kustomization.spec.prune')).toMatch(/FIELD: prune <boolean>/)
  expect(await kubectl('fleet', 'explain', 'tenant.spec', '--recursive')).toContain('namespaces')
})

test('auth can-i answers as the door would', async () => {
  const viewer = world.kubeconfig(await world.token('viewer'), ['staging'])
  const can = async (file: string, ...args: readonly string[]) =>
    ((ran) => (ran.out || ran.err).trim())(await runKubectl(file, ['--context', 'staging', 'auth', 'can-i', ...args]))
  expect(await can(config, 'delete', 'kustomizations', '-n', 'flux-system')).toBe('yes')
  expect(await can(viewer, 'delete', 'kustomizations', '-n', 'flux-system')).toBe('no')
  expect(await can(viewer, 'list', 'kustomizations', '-n', 'flux-system')).toBe('yes')
  expect(await can(config, 'get', 'secrets', '-n', 'flux-system')).toMatch(/^no/)
  expect(await can(config, 'create', 'secrets', '-n', 'flux-system')).toBe('yes')
  expect(await can(viewer, '--list', '-n', 'flux-system')).toMatch(/kustomizations\S*\s+\[\]\s+\[\]\s+\[get list watch\]/)
})

test('what does not exist is not found, what is not served here has nothing there', async () => {
  await expect(kubectl('staging', 'get', 'ks', 'nope', '-n', 'flux-system')).rejects.toThrow(
    'Error from server (NotFound): kustomizations.kustomize.toolkit.fluxcd.io "nope" not found',
  )
  await expect(kubectl('staging', 'get', 'pods', '-n', 'flux-system')).rejects.toThrow(/doesn't have a resource type "pods"/)
  const other = world.kubeconfig(world.adminToken, ['nowhere'])
  expect((await runKubectl(other, ['--context', 'nowhere', 'get', 'ks', '-A'])).err).toContain(
    'clusters.fleet.flotilla.dev "nowhere" not found',
  )
})
