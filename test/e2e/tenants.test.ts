import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ClusterView, viewCluster } from '../support/cluster-view.ts'
import { eventually } from '../support/eventually.ts'
import { aConfigMap, aGitRepository, aKustomization, yaml } from '../support/flux.ts'
import { kubectl } from '../support/kubectl.ts'
import { createTokenUser } from '../support/token-user.ts'
import { openWorld, type TestWorld } from '../support/world.ts'

// A tenant from its creation to its end, over two clusters of which it may use one.

let world: TestWorld
let shop: ClusterView
let platform: ClusterView
/** Kubeconfig of a token that is bound to the tenant; contexts `fleet`, `one`, `two`, `all`. */
let asTenant: string

beforeAll(async () => {
  world = await openWorld(['one', 'two'])
  const repository = await world.repository('shop')
  await repository.commit({
    'own/one.yaml': yaml(aConfigMap('own', { v: '1' }, 'shop')),
    'beyond/one.yaml': yaml(aConfigMap('beyond', { v: '1' }, 'default')),
    'platform/one.yaml': yaml(aConfigMap('platform', { v: '1' }, 'default')),
  })
  shop = viewCluster(world, 'one', 'shop')
  platform = viewCluster(world, 'one')
})
afterAll(() => world[Symbol.asyncDispose]())

const said = async (args: readonly string[], input?: string) => {
  const options = input === undefined ? {} : { input }
  return kubectl(asTenant, args, options).then(
    (out) => out,
    (error: unknown) => String(error),
  )
}

test('tenant create makes namespace, account and binding on the clusters that it may use, and on no other', async () => {
  const ran = await world.flotilla(['tenant', 'create', 'shop', '--namespace', 'shop', '--cluster', 'one'])
  expect(ran).toMatchObject({ code: 0 })
  const binding = await eventually('the binding is there', () => world.get('one', 'rolebinding', 'flotilla-tenant', 'shop'))
  expect(binding).toMatchObject({
    roleRef: { kind: 'ClusterRole', name: 'edit' },
    subjects: [{ kind: 'ServiceAccount', name: 'flotilla-tenant', namespace: 'shop' }],
  })
  expect(await world.get('one', 'serviceaccount', 'flotilla-tenant', 'shop')).toBeDefined()
  expect(await world.get('two', 'namespace', 'shop')).toBeUndefined()
  const fleet = ['--context', 'fleet']
  await kubectl(world.file.hub?.kubeconfig ?? '', [...fleet, 'wait', 'tenant/shop', '--for=condition=Ready', '--timeout=30s'])
  expect((await world.flotilla(['tenant', 'list'])).stdout).toMatch(/^shop\s+shop\s+edit\s+1\/1\s+True\s+set up in 1 of 1 clusters?$/m)
  expect((await world.flotilla(['get', 'tenants', 'shop'])).stdout).toMatch(/^shop\s+shop\s+edit\s+1\/1\s+True/m)
})

test('a tenant that a cluster does not let in is not ready, in the words of the cluster', async () => {
  const spec = ['--namespace', 'mighty', '--cluster', 'two', '--cluster-role', 'cluster-admin']
  expect(await world.flotilla(['tenant', 'create', 'mighty', ...spec])).toMatchObject({ code: 0 })
  const shown = await eventually('the cluster said why', async () => {
    const { stdout } = await world.flotilla(['get', 'tenants', 'mighty'])
    return /\sFalse\s/.test(stdout) ? stdout : undefined
  })
  expect(shown).toMatch(/0\/1\s+False\s+cannot be set up in 1 cluster: two: .*is forbidden/)
  expect(await world.flotilla(['delete', 'tenant', 'mighty'])).toMatchObject({ code: 0 })
})

test("its objects run as the tenant's account, in their namespace and nowhere else", async () => {
  await shop.apply(
    aGitRepository('shop', world.url('shop'), {}, 'shop'),
    aKustomization('own', 'shop', './own', {}, 'shop'),
    aKustomization('beyond', 'shop', './beyond', {}, 'shop'),
  )
  await shop.ready('kustomization', 'own')
  expect(await shop.data('own', 'shop')).toEqual({ v: '1' })
  const refused = await shop.fails('kustomization', 'beyond', 'ReconciliationFailed')
  expect(refused.message).toContain('User "system:serviceaccount:shop:flotilla-tenant" cannot')
  expect(await shop.data('beyond')).toBeUndefined()
})

test('its sources come from the hosts that its list names and from no other, within seconds of a change', async () => {
  const listed = (hosts: readonly string[] | null) =>
    kubectl(world.file.hub?.kubeconfig ?? '', [
      ...['--context', 'fleet', 'patch', 'tenant', 'shop', '--type=merge', '-p', JSON.stringify({ spec: { sources: { hosts } } })],
    ])
  await listed(['git.example.com'])
  const refused = await shop.fails('gitrepository', 'shop', 'AccessDenied')
  expect(refused.message).toBe(
    'tenant shop may not fetch from there: 127.0.0.1 is not among the hosts that spec.sources.hosts of the tenant names (git.example.com); an administrator can add it there',
  )
  expect(await shop.data('own', 'shop')).toEqual({ v: '1' })
  await listed(['git.example.com', new URL(world.url('shop')).host])
  await shop.ready('gitrepository', 'shop')
  await listed(null)
  await shop.ready('gitrepository', 'shop')
})

test('references to other namespaces and other accounts are refused', async () => {
  await platform.apply(aGitRepository('shared', world.url('shop')), aKustomization('platform', 'shared', './platform'))
  await platform.ready('kustomization', 'platform')
  const foreign = { sourceRef: { kind: 'GitRepository', name: 'shared', namespace: 'flux-system' } }
  await shop.apply(
    aKustomization('foreign', 'shared', './own', foreign, 'shop'),
    aKustomization('after', 'shop', './own', { dependsOn: [{ name: 'platform', namespace: 'flux-system' }] }, 'shop'),
    aKustomization('named', 'shop', './own', { serviceAccountName: 'default' }, 'shop'),
  )
  for (const name of ['foreign', 'after'])
    expect((await shop.fails('kustomization', name, 'AccessDenied')).message).toContain('cannot refer to namespace flux-system')
  expect((await shop.fails('kustomization', 'named', 'AccessDenied')).message).toContain('ServiceAccount shop/default is not the account')
})

test('a token of the tenant sees and changes its own; everything else does not exist', async () => {
  asTenant = (await createTokenUser(world, 'shop', 'editor')).kubeconfig
  const everywhere = ['get', 'kustomizations', '-A', '-o', 'name']
  for (const name of ['one', 'all'])
    await eventually(`${name} shows the tenant's own`, async () => {
      const text = await said(['--context', name, ...everywhere])
      expect(text).not.toContain('/platform')
      return text.includes('/own')
    })
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['one', ['get', 'kustomization', 'platform', '-n', 'flux-system']],
    ['one', ['delete', 'kustomization', 'platform', '-n', 'flux-system']],
    ['one', ['annotate', 'kustomization', 'platform', '-n', 'flux-system', 'a=b']],
    ['two', everywhere],
    ['fleet', ['get', 'cluster', 'two']],
    ['fleet', ['get', 'tenant', 'platform']],
  ]
  for (const [name, args] of cases) expect(await said(['--context', name, ...args])).toMatch(/NotFound/)
  expect(await world.get('one', 'kustomization', 'platform', 'flux-system')).toBeDefined()
  expect(await said(['--context', 'fleet', 'get', 'clusters', '-o', 'name'])).toBe('cluster.fleet.flotilla.dev/one\n')
})

test('through the hub the tenant writes as its own account', async () => {
  const annotated = await said(['--context', 'one', 'annotate', 'kustomization', 'own', '-n', 'shop', 'note=mine'])
  expect(annotated).toContain('annotated')
  expect((await world.get('one', 'kustomization', 'own', 'shop'))?.metadata.annotations).toMatchObject({ note: 'mine' })
  const foreign = yaml(aKustomization('sneaked', 'shared', './own'))
  expect(await said(['--context', 'one', 'create', '-f', '-'], foreign)).toMatch(/NotFound|not found/)
  expect(await world.get('one', 'kustomization', 'sneaked', 'flux-system')).toBeUndefined()
})

test('a watch of the tenant tells of its own and of nothing else', async () => {
  const watching = kubectl(asTenant, ['--context', 'all', 'get', 'kustomizations', '-A', '-o', 'name', '--watch', '--request-timeout=6s'], {
    signal: AbortSignal.timeout(30_000),
  }).catch((error: unknown) => String(error))
  await world.kubectl('one', ['annotate', 'kustomization', 'platform', '-n', 'flux-system', '--overwrite', 'seen=by-nobody'])
  await world.kubectl('one', ['annotate', 'kustomization', 'own', '-n', 'shop', '--overwrite', 'seen=by-its-tenant'])
  const told = await watching
  expect(told).toContain('/own')
  expect(told).not.toContain('/platform')
})

test('a tenant that is removed takes its objects along, its bindings last, and its token sees nothing any more', async () => {
  expect(await world.flotilla(['delete', 'tenant', 'shop'])).toMatchObject({ code: 0 })
  await eventually('the bindings are gone', async () => (await world.get('one', 'rolebinding', 'flotilla-tenant', 'shop')) === undefined)
  // The bindings go last: by now there is nothing left that would need them.
  expect(await world.get('one', 'kustomization', 'own', 'shop')).toBeUndefined()
  expect(await shop.data('own', 'shop')).toBeUndefined()
  expect(await platform.data('platform')).toEqual({ v: '1' })
  const text = await said(['--context', 'one', 'get', 'kustomizations', '-A', '-o', 'name'])
  expect(text).not.toContain('kustomization.kustomize.toolkit.fluxcd.io/')
})
