import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Manifest } from '../../proto/model/manifest.ts'
import { type CallableCluster, openCallableCluster } from './api-cluster.ts'
import { type ApiWorld, openApiWorld, type Ran, runKubectl } from './api-world.ts'

let real: CallableCluster
let world: ApiWorld
let config: string
let shop: string
let other: string

beforeAll(async () => {
  real = await openCallableCluster()
  world = await openApiWorld((...call) => real.call(...call))
  await world.addCluster('one')
  await world.addCluster('two')
  shop = await real.cluster.createNamespace('shop')
  other = await real.cluster.createNamespace('other')
  await real.cluster.kubectl([
    'create',
    'clusterrolebinding',
    `api-test-${shop}`,
    '--clusterrole=cluster-admin',
    '--serviceaccount=flux-system:flotilla-platform',
  ])
  await real.cluster.kubectl(['create', 'serviceaccount', 'tenant', '-n', shop])
  await real.cluster.kubectl([
    'create',
    'role',
    'tenant',
    '--verb=*',
    '--resource=kustomizations.kustomize.toolkit.fluxcd.io,helmreleases.helm.toolkit.fluxcd.io,secrets',
    '-n',
    shop,
  ])
  await real.cluster.kubectl(['create', 'rolebinding', 'tenant', '--role=tenant', `--serviceaccount=${shop}:tenant`, '-n', shop])
  config = world.kubeconfig(world.adminToken, ['one', 'two'])
})
afterAll(async () => {
  await real?.cluster.kubectl(['delete', 'clusterrolebinding', `api-test-${shop}`, '--ignore-not-found'])
  await real?.cluster.kubectl(['delete', 'namespace', shop, other, '--wait=false', '--ignore-not-found'])
  await world?.[Symbol.asyncDispose]()
  await real?.[Symbol.asyncDispose]()
})

const run = (args: readonly string[], input?: unknown, file = config): Promise<Ran> =>
  runKubectl(file, args, input === undefined ? '' : typeof input === 'string' ? input : JSON.stringify(input))

async function ok(args: readonly string[], input?: unknown, file?: string): Promise<string> {
  const { code, err, out } = await run(args, input, file)
  if (code !== 0) throw new Error(err)
  return out
}

const inShop = (...args: readonly string[]) => ['--context', 'one', '-n', shop, ...args]

function kustomization(name: string, spec: object = {}, namespace = shop): Manifest {
  return {
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    metadata: { name, namespace },
    spec: { interval: '10m', path: './apps', prune: true, sourceRef: { kind: 'GitRepository', name: 'repo' }, ...spec },
  }
}

test('apply creates, configures and leaves alone, and what it drops is dropped in the cluster', async () => {
  const args = inShop('apply', '-f', '-')
  expect(await ok(args, kustomization('apps', { suspend: true }))).toContain('apps created')
  expect(await ok(args, kustomization('apps', { suspend: true }))).toContain('apps unchanged')
  expect(await ok(args, kustomization('apps', { path: './new' }))).toContain('apps configured')
  const inCluster = JSON.parse(await real.cluster.kubectl(['get', 'kustomization', 'apps', '-n', shop, '-o', 'json']))
  expect(inCluster.spec).toMatchObject({ path: './new' })
  expect(inCluster.spec.suspend).toBeUndefined()
})

test('annotate, label, patch and delete reach the cluster as the platform identity, and are read back at once', async () => {
  await ok(inShop('create', '-f', '-'), kustomization('edited'))
  await ok(inShop('annotate', 'ks/edited', 'reconcile.fluxcd.io/requestedAt=now'))
  await ok(inShop('label', 'ks/edited', 'tier=edge'))
  await ok(inShop('patch', 'ks/edited', '--type=merge', '-p', '{"spec":{"suspend":true}}'))
  await ok(inShop('patch', 'ks/edited', '--type=json', '-p', '[{"op":"replace","path":"/spec/path","value":"./json"}]'))
  const seen = JSON.parse(await ok(inShop('get', 'ks', 'edited', '-o', 'json')))
  expect(seen).toMatchObject({
    metadata: { labels: { tier: 'edge' }, annotations: { 'reconcile.fluxcd.io/requestedAt': 'now' } },
    spec: { suspend: true, path: './json' },
  })
  expect(new Set(real.calls.map(({ as }) => as))).toEqual(new Set(['flux-system/flotilla-platform']))
  expect(await ok(inShop('delete', 'ks', 'edited'))).toContain('deleted')
  expect((await run(inShop('get', 'ks', 'edited'))).err).toContain('not found')
  await expect(real.cluster.kubectl(['get', 'kustomization', 'edited', '-n', shop])).rejects.toThrow(/not found/)
})

test('a write with a version that has passed is refused before it is sent', async () => {
  await ok(inShop('create', '-f', '-'), kustomization('raced'))
  const seen = JSON.parse(await ok(inShop('get', 'ks', 'raced', '-o', 'json')))
  expect(await ok(inShop('replace', '-f', '-'), { ...seen, spec: { ...seen.spec, path: './second' } })).toContain('replaced')
  const before = real.calls.length
  expect((await run(inShop('replace', '-f', '-'), { ...seen, spec: { ...seen.spec, path: './third' } })).err).toMatch(/Conflict|modified/)
  expect(real.calls.length).toBe(before)
})

test('dry run asks the cluster and changes nothing', async () => {
  expect(await ok(inShop('apply', '--dry-run=server', '-f', '-'), kustomization('dry'))).toContain('created (server dry run)')
  expect((await run(inShop('get', 'ks', 'dry'))).err).toContain('not found')
})

test('unknown fields, wrong types and unknown kinds are refused with every path, and nothing is stored', async () => {
  const before = real.calls.length
  const unknown = await run(inShop('create', '-f', '-'), kustomization('bad', { colour: 'red', patches: [{ patch: 'x', nope: 1 }] }))
  expect(unknown.err).toMatch(/unknown field "spec\.colour"/)
  expect(unknown.err).toMatch(/unknown field "spec\.patches\[0\]\.nope"/)
  const wrong = await run(inShop('create', '--validate=false', '-f', '-'), kustomization('bad', { prune: 'yes', interval: 5 }))
  expect(wrong.err).toMatch(/spec\.prune/)
  expect(wrong.err).toMatch(/spec\.interval/)
  expect((await run(inShop('create', '-f', '-'), { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' } })).err).toMatch(
    /no matches for kind "Pod"/,
  )
  expect(real.calls.length).toBe(before)
})

test('server-side apply is refused with a sentence', async () => {
  const answer = await run(inShop('apply', '--server-side', '-f', '-'), kustomization('apps'))
  expect(answer.err).toContain('server-side apply does not go through the hub yet')
})

test('the words of the cluster itself are the answer when it refuses', async () => {
  const tenant = world.kubeconfig(await tenantToken(), ['one'])
  const answer = await run(
    inShop('create', '-f', '-'),
    {
      ...kustomization('x'),
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'GitRepository',
      spec: { interval: '1m', url: 'https://example.com/x' },
    },
    tenant,
  )
  expect(answer.err).toMatch(/gitrepositories.* is forbidden: User "system:serviceaccount:shop-\w+:tenant" cannot create/)
})

test('secrets can be written and never read', async () => {
  await ok(inShop('create', 'secret', 'generic', 'token', '--from-literal=password=s3cret'))
  expect(await real.cluster.kubectl(['get', 'secret', 'token', '-n', shop, '-o', 'jsonpath={.data.password}'])).toBe(btoa('s3cret'))
  expect((await run(inShop('get', 'secret', 'token', '-o', 'yaml'))).err).toContain('never read')
  expect((await run(inShop('get', 'secrets'))).err).toContain('never read')
  const { rows } = await world.database.db.query<{ all: string }>(`select string_agg(t::text, '') as all from audit t`)
  expect(rows[0]?.all).not.toContain('s3cret')
  await ok(inShop('delete', 'secret', 'token'))
})

let known: string | undefined
/** A token of the tenant `shop`, which has its namespace on cluster one. */
async function tenantToken(): Promise<string> {
  if (known) return known
  const tenant = {
    apiVersion: 'fleet.flotilla.dev/v1alpha1',
    kind: 'Tenant',
    metadata: { name: 'shop' },
    spec: { namespaces: [shop], clusters: { names: ['one'] }, serviceAccount: 'tenant' },
  }
  await ok(['--context', 'fleet', 'apply', '-f', '-'], tenant)
  known = await world.token('editor', 'shop')
  return known
}

test('a tenant acts as its own ServiceAccount and sees nothing but its own', async () => {
  const file = world.kubeconfig(await tenantToken(), ['one', 'two'])
  await ok(['--context', 'one', '-n', other, 'create', '-f', '-'], kustomization('theirs', {}, other))
  await ok(inShop('create', '-f', '-'), kustomization('mine'), file)
  expect(real.calls.at(-1)?.as).toBe(`${shop}/tenant`)
  const everywhere = await ok(['--context', 'one', 'get', 'ks', '-A', '-o', 'name'], undefined, file)
  expect(everywhere).toContain('/mine')
  expect(everywhere).not.toContain('theirs')
  expect(await ok(['--context', 'all', 'get', 'ks', '-A', '-o', 'name'], undefined, file)).not.toContain('theirs')
  const missing = `Error from server (NotFound): kustomizations.kustomize.toolkit.fluxcd.io`
  for (const args of [
    ['get', 'ks', 'theirs'],
    ['delete', 'ks', 'theirs'],
    ['label', 'ks', 'theirs', 'a=b'],
    ['get', 'ks', 'nothing'],
  ])
    expect((await run(['--context', 'one', '-n', other, ...args], undefined, file)).err).toMatch(
      new RegExp(`^${missing.replace(/[()]/g, '\\$&')} "`),
    )
  expect((await run(['--context', 'two', 'get', 'ks', '-A'], undefined, file)).err).toContain('clusters.fleet.flotilla.dev "two" not found')
  expect(await ok(['--context', 'fleet', 'get', 'clusters', '-o', 'name'], undefined, file)).toBe('cluster.fleet.flotilla.dev/one\n')
  expect((await run(['--context', 'fleet', 'get', 'tokens'], undefined, file)).err).toMatch(/NotFound|Forbidden/)
})

test('a tenant asks for diffs of its own HelmReleases, as its own ServiceAccount, and of nothing else', async () => {
  const release = (namespace: string) => ({
    apiVersion: 'helm.toolkit.fluxcd.io/v2',
    kind: 'HelmRelease',
    metadata: { name: 'web', namespace },
    spec: { interval: '1m', chartRef: { kind: 'OCIRepository', name: 'web' } },
  })
  for (const namespace of [shop, other]) await ok(['--context', 'one', '-n', namespace, 'create', '-f', '-'], release(namespace))
  await tenantToken()
  const file = world.kubeconfig(await world.token('viewer', 'shop'), [])
  const diff = (cluster: string, plural: string, namespace: string) => {
    const [group, version, name] = plural === 'helmreleases' ? ['helm', 'v2', 'web'] : ['kustomize', 'v1', 'apps']
    const path = `/clusters/${cluster}/apis/${group}.toolkit.fluxcd.io/${version}/namespaces/${namespace}/${plural}/${name}/diff`
    return run(['--context', 'fleet', 'get', '--raw', path], undefined, file)
  }
  expect(await diff('one', 'helmreleases', shop)).toMatchObject({ code: 0, out: expect.stringContaining('"kind":"HelmRelease"') })
  expect(real.calls.at(-1)).toMatchObject({ verb: 'diff', as: `${shop}/tenant`, dryRun: true, object: { namespace: shop, name: 'web' } })
  const before = real.calls.length
  expect((await diff('one', 'helmreleases', other)).err).toContain('"web" not found')
  expect((await diff('two', 'helmreleases', shop)).err).toContain('"two" not found')
  expect((await diff('one', 'kustomizations', shop)).err).toContain('the hub serves nothing at')
  expect(real.calls.length).toBe(before)
})

test('no answer says so: 503 when the agent is away, and a write is in the audit log whatever came of it', async () => {
  await using away = await openApiWorld()
  await away.addCluster('gone')
  const file = away.kubeconfig(away.adminToken, ['gone'])
  const answer = await run(['--context', 'gone', 'create', '-f', '-'], kustomization('x', {}, 'flux-system'), file)
  expect(answer.err).toMatch(/ServiceUnavailable|no agent of the cluster is connected/)
  const { rows } = await away.database.db.query<{ verb: string; object: string; outcome: string }>(
    'select verb, object, outcome from audit',
  )
  expect(rows).toContainEqual({ verb: 'create', object: 'clusters/gone/kustomizations/flux-system/x', outcome: 'unavailable' })
})

test('a namespace belongs to one tenant, and the platform keeps its own', async () => {
  await tenantToken()
  const tenant = (name: string, namespaces: readonly string[]) => ({
    apiVersion: 'fleet.flotilla.dev/v1alpha1',
    kind: 'Tenant',
    metadata: { name },
    spec: { namespaces, clusters: { all: true } },
  })
  expect((await run(['--context', 'fleet', 'create', '-f', '-'], tenant('thief', [shop]))).err).toContain(
    `namespace ${shop} belongs to tenant shop`,
  )
  expect((await run(['--context', 'fleet', 'create', '-f', '-'], tenant('root', ['kube-system']))).err).toContain('belongs to the platform')
  expect((await run(['--context', 'fleet', 'create', '-f', '-'], tenant('nobody', []))).err).toMatch(/spec\.namespaces/)
})

test('who has no token, or one that is revoked, is told so and nothing else', async () => {
  const nobody = world.kubeconfig(`fat_${'0'.repeat(12)}_${randomUUID().replaceAll('-', '').repeat(2)}`, [])
  expect((await run(['--context', 'fleet', 'get', 'clusters'], undefined, nobody)).err).toMatch(
    /must be logged in|Unauthorized|token is unknown/,
  )
  const made = JSON.parse(
    await ok(['--context', 'fleet', 'create', '-o', 'json', '-f', '-'], {
      apiVersion: 'fleet.flotilla.dev/v1alpha1',
      kind: 'Token',
      metadata: { name: 'new' },
      spec: { description: 'ci', role: 'viewer' },
    }),
  )
  const viewer = world.kubeconfig(made.status.token, [])
  await ok(['--context', 'fleet', 'get', 'clusters'], undefined, viewer)
  expect((await run(['--context', 'fleet', 'delete', 'cluster', 'one'], undefined, viewer)).err).toContain('may not delete')
  expect(await ok(['--context', 'fleet', 'get', 'tokens', '-o', 'json'])).not.toContain(made.status.token)
  await ok(['--context', 'fleet', 'delete', 'token', made.metadata.name])
  expect((await run(['--context', 'fleet', 'get', 'clusters'], undefined, viewer)).err).toMatch(
    /must be logged in|Unauthorized|token is unknown/,
  )
})
