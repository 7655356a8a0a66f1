import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { run } from '../../hub/cli/program.ts'
import { type CallableCluster, openCallableCluster } from './api-cluster.ts'
import { type ApiWorld, aKustomization, openApiWorld, runKubectl } from './api-world.ts'

let real: CallableCluster
let world: ApiWorld
let one: string
let namespace: string
let env: Record<string, string>

beforeAll(async () => {
  real = await openCallableCluster()
  world = await openApiWorld((...call) => real.call(...call))
  one = await world.addCluster('one', { tier: 'edge' })
  const two = await world.addCluster('two')
  namespace = await real.cluster.createNamespace('cli')
  await real.cluster.kubectl([
    'create',
    'clusterrolebinding',
    `cli-test-${namespace}`,
    '--clusterrole=cluster-admin',
    '--serviceaccount=flux-system:flotilla-platform',
  ])
  await world.fold(one, [aKustomization('apps', { namespace }), aKustomization('infra', { namespace, ready: 'False' })])
  await world.fold(two, [aKustomization('apps', { namespace })])
  const config = join(world.dir, 'config.json')
  writeFileSync(config, JSON.stringify({ server: world.url, ca: world.ca, token: world.adminToken }))
  env = { HOME: world.dir, FLOTILLA_CONFIG: config }
})
afterAll(async () => {
  await real?.cluster.kubectl(['delete', 'clusterrolebinding', `cli-test-${namespace}`, '--ignore-not-found'])
  await real?.cluster.kubectl(['delete', 'namespace', namespace, '--wait=false', '--ignore-not-found'])
  await world?.[Symbol.asyncDispose]()
  await real?.[Symbol.asyncDispose]()
})

interface Ended {
  readonly code: number
  readonly out: string
  readonly said: string
}

async function flotilla(
  args: readonly string[],
  more: { readonly stdin?: string; readonly env?: Record<string, string>; readonly signal?: AbortSignal } = {},
): Promise<Ended> {
  let out = ''
  let said = ''
  const code = await run(args, {
    env: { ...env, ...more.env },
    signal: more.signal ?? AbortSignal.timeout(60_000),
    stdin: (async function* () {
      yield more.stdin ?? ''
    })(),
    out: (text) => {
      out += text
    },
    say: (text) => {
      said += `${text}\n`
    },
  })
  return { code, out, said }
}

const cells = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => line.split(/\s{2,}/))

test('get has the words and columns of flux, and says which cluster', async () => {
  const { code, out } = await flotilla(['get', 'kustomizations', '-n', namespace])
  expect(code).toBe(0)
  expect(cells(out)).toEqual([
    ['CLUSTER', 'NAME', 'REVISION', 'SUSPENDED', 'READY', 'MESSAGE'],
    ['one', 'apps', '', 'False', 'True', 'Applied revision: main@sha1:abc'].filter(Boolean),
    ['two', 'apps', '', 'False', 'True', 'Applied revision: main@sha1:abc'].filter(Boolean),
    ['one', 'infra', '', 'False', 'False', 'kustomization.yaml: line 3: bad'].filter(Boolean),
  ])
  const json = JSON.parse((await flotilla(['get', 'ks', 'apps', '-n', namespace, '--cluster', 'one', '-o', 'json'])).out)
  expect(json).toMatchObject({ kind: 'Kustomization', metadata: { name: 'apps' } })
  expect((await flotilla(['get', 'all', '-A'])).out).toContain('kustomization/infra')
  expect(cells((await flotilla(['get', 'clusters'])).out)[0]).toEqual(expect.arrayContaining(['NAME', 'CONNECTED', 'READY']))
})

test('exit codes say what kind of failure it was, in one sentence', async () => {
  expect((await flotilla(['get', 'ks', 'nothing', '-n', namespace])).code).toBe(3)
  expect((await flotilla(['get', 'nonsense'])).code).toBe(2)
  expect((await flotilla(['frobnicate'])).code).toBe(2)
  const nobody = await flotilla(['get', 'ks'], { env: { FLOTILLA_CONFIG: join(world.dir, 'missing') } })
  expect(nobody).toMatchObject({ code: 3, said: expect.stringContaining('run flotilla login') })
  const dead = join(world.dir, 'dead.yaml')
  writeFileSync(dead, stringify({ server: 'https://127.0.0.1:1', ca: world.ca, token: 'x' }))
  expect(await flotilla(['get', 'ks'], { env: { FLOTILLA_CONFIG: dead } })).toMatchObject({
    code: 4,
    said: expect.stringContaining('cannot be reached'),
  })
  const viewer = join(world.dir, 'viewer.yaml')
  writeFileSync(viewer, stringify({ server: world.url, ca: world.ca, token: await world.token('viewer') }))
  expect(
    await flotilla(['tenant', 'create', 'x', '--namespace', 'x', '--all-clusters'], { env: { FLOTILLA_CONFIG: viewer } }),
  ).toMatchObject({ code: 3 })
})

test('a token is shown once, listed without its text, and ends when revoked', async () => {
  const { id, token } = JSON.parse((await flotilla(['token', 'create', '--description', 'ci', '--role', 'editor', '-o', 'json'])).out)
  expect(token).toMatch(/^fat_/)
  const listed = await flotilla(['token', 'list'])
  expect(listed.out).toContain(id)
  expect(listed.out).not.toContain(token)
  expect((await flotilla(['token', 'revoke', id])).code).toBe(0)
  expect((await flotilla(['token', 'revoke', id])).code).toBe(3)
  const join = JSON.parse(
    (await flotilla(['join-token', 'create', '--cluster', 'edge-1', '--label', 'tier=edge', '--uses', '2', '-o', 'json'])).out,
  )
  expect(join.token).toMatch(/^fjt_/)
  expect((await flotilla(['join-token', 'list'])).out).toMatch(/edge-1\s+2/)
  expect((await flotilla(['join-token', 'revoke', join.id])).code).toBe(0)
})

test('clusters are listed, labelled, described and removed; tenants created and listed', async () => {
  await world.addCluster('old')
  expect((await flotilla(['cluster', 'label', 'old', 'tier=core', 'region=eu'])).code).toBe(0)
  expect((await flotilla(['cluster', 'list', '-l', 'tier=core'])).out).toContain('region=eu')
  expect((await flotilla(['cluster', 'label', 'old', 'region-'])).code).toBe(0)
  expect((await flotilla(['cluster', 'describe', 'old'])).out).not.toContain('region')
  expect((await flotilla(['cluster', 'remove', 'old'])).code).toBe(0)
  expect((await flotilla(['cluster', 'describe', 'old'])).code).toBe(3)
  expect((await flotilla(['tenant', 'create', 'shop', '--namespace', 'shop', '--cluster-selector', 'tier=edge'])).code).toBe(0)
  expect((await flotilla(['tenant', 'list'])).out).toMatch(/shop\s+shop\s+edit/)
  const { rows } = await world.database.db.query('select cluster_id, service_account, position from tenant_access where not removed')
  expect(rows).toEqual([{ cluster_id: one, service_account: 'flotilla-tenant', position: expect.any(BigInt) }])
  expect((await flotilla(['delete', 'tenant', 'shop'])).code).toBe(0)
})

const manifest = (name: string, spec: object = {}) => ({
  apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
  kind: 'Kustomization',
  metadata: { name, namespace },
  spec: { interval: '10m', path: './x', prune: true, sourceRef: { kind: 'GitRepository', name: 'repo' }, ...spec },
})

test('apply puts objects into a cluster, and a file with one wrong object changes nothing', async () => {
  const good = stringify(manifest('applied'))
  const apply = (stdin: string) => flotilla(['apply', '-f', '-', '--cluster', 'one'], { stdin })
  expect((await apply(good)).out).toBe('kustomization.kustomize.toolkit.fluxcd.io/applied created\n')
  expect((await apply(good)).out).toContain('unchanged')
  expect((await apply(stringify(manifest('applied', { suspend: true })))).out).toContain('configured')
  const bad = await apply(
    `${stringify(manifest('first'))}---\n${stringify(manifest('second', { colour: 'red', prune: 'maybe' }))}---\nkind: Pod\napiVersion: v1\nmetadata: {name: p}\n`,
  )
  expect(bad).toMatchObject({ code: 2, out: '' })
  expect(bad.said).toMatch(/spec\.colour: unknown field/)
  expect(bad.said).toMatch(/spec\.prune/)
  expect(bad.said).toMatch(/Pod/)
  await expect(real.cluster.kubectl(['get', 'ks', 'first', '-n', namespace])).rejects.toThrow(/not found/)
  expect((await flotilla(['delete', 'kustomization', 'applied', '-n', namespace, '--cluster', 'one'])).code).toBe(0)
})

/** Does what an agent would: writes the status in the cluster and reports the object. */
async function becomes(name: string, status: object): Promise<void> {
  await real.cluster.kubectl([
    'patch',
    'ks',
    name,
    '-n',
    namespace,
    '--subresource=status',
    '--type=merge',
    '-p',
    JSON.stringify({ status }),
  ])
  const seen = JSON.parse(await real.cluster.kubectl(['get', 'ks', name, '-n', namespace, '-o', 'json']))
  await world.fold(one, [seen], Number(seen.metadata.resourceVersion))
}

const ready = (more: object = {}) => ({
  observedGeneration: 1,
  conditions: [
    {
      type: 'Ready',
      status: 'True',
      reason: 'ReconciliationSucceeded',
      message: 'Applied revision: main@sha1:abc',
      lastTransitionTime: '2026-01-01T00:00:00Z',
      observedGeneration: 1,
    },
  ],
  ...more,
})

test('reconcile asks, waits for the answer and says the revision; a failure is not 0', async () => {
  await flotilla(['apply', '-f', '-', '--cluster', 'one'], { stdin: stringify(manifest('live')) })
  const asked = () =>
    real.calls.findLast(({ object, verb }) => object.name === 'live' && verb === 'patch-merge')?.body as
      | { metadata: { annotations: Record<string, string> } }
      | undefined
  const reconcile = async (status: (at: string) => object) => {
    const before = real.calls.length
    const running = flotilla(['reconcile', 'kustomization', 'live', '-n', namespace, '--timeout', '20s'])
    await expect.poll(() => real.calls.length).toBeGreaterThan(before)
    await becomes('live', status(asked()?.metadata.annotations['reconcile.fluxcd.io/requestedAt'] ?? ''))
    return running
  }
  const good = await reconcile((at) => ready({ lastHandledReconcileAt: at, lastAppliedRevision: 'main@sha1:abc' }))
  expect(good.said).toContain('✔ applied revision main@sha1:abc')
  expect(good.code).toBe(0)
  const failed = { ...ready().conditions[0], status: 'False', reason: 'BuildFailed', message: 'line 3' }
  const bad = await reconcile((at) => ready({ lastHandledReconcileAt: at, conditions: [failed] }))
  expect(bad).toMatchObject({ code: 1, said: expect.stringContaining('BuildFailed: line 3') })
  expect((await flotilla(['suspend', 'kustomization', 'live', '-n', namespace])).code).toBe(0)
  expect((await flotilla(['get', 'ks', 'live', '-n', namespace])).out).toMatch(/one\s+live\s.*True/)
  expect((await flotilla(['resume', 'ks', 'live', '-n', namespace, '--no-wait'])).code).toBe(0)
})

test('tree follows what was applied, events are shown per object', async () => {
  const inventory = {
    entries: [
      { id: `${namespace}_web_apps_Deployment`, v: 'v1' },
      { id: '_shop__reader_rbac.authorization.k8s.io_ClusterRole', v: 'v1' },
    ],
  }
  const { status, ...rest } = aKustomization('apps', { namespace })
  await world.fold(one, [{ ...rest, status: { ...(status as object), inventory } }], 99)
  const { out } = await flotilla(['tree', 'kustomization', 'apps', '-n', namespace, '--cluster', 'one'])
  expect(out).toBe(`Kustomization/${namespace}/apps\n├── Deployment/${namespace}/web\n└── ClusterRole/shop:reader\n`)
  await world.database.db.query(
    `insert into events (id, cluster_id, grp, kind, namespace, name, severity, reason, message, at)
     values ('e', $1, 'kustomize.toolkit.fluxcd.io', 'Kustomization', $2, 'infra', 'error', 'BuildFailed', 'line 3 is bad', now())`,
    [one, namespace],
  )
  expect((await flotilla(['events', '--for', 'Kustomization/infra', '-n', namespace])).out).toMatch(
    /one\s+Warning\s+BuildFailed\s+Kustomization\/infra\s+line 3 is bad/,
  )
  expect((await flotilla(['events', '--for', 'Kustomization/apps', '-n', namespace])).said).toContain('no events')
})

test('bootstrap git makes the objects that flux bootstrap makes, with the credentials in a Secret', async () => {
  await real.cluster.kubectl(['create', 'namespace', 'flux-system']).catch(() => undefined)
  const done = await flotilla(
    [
      'bootstrap',
      'git',
      '--cluster',
      'one',
      '--url',
      'https://git.example.com/fleet.git',
      '--path',
      'clusters/one',
      '--username',
      'bot',
      '--password-stdin',
      '--no-wait',
    ],
    { stdin: 'hunter2\n' },
  )
  expect(done.code).toBe(0)
  expect(done.said).not.toContain('hunter2')
  const get = async (kind: string) =>
    JSON.parse(await real.cluster.kubectl(['get', kind, 'flux-system', '-n', 'flux-system', '-o', 'json']))
  expect((await get('gitrepository')).spec).toMatchObject({
    interval: '1m0s',
    ref: { branch: 'main' },
    secretRef: { name: 'flux-system' },
    url: 'https://git.example.com/fleet.git',
  })
  expect((await get('kustomization')).spec).toMatchObject({
    interval: '10m0s',
    path: './clusters/one',
    prune: true,
    sourceRef: { kind: 'GitRepository', name: 'flux-system' },
  })
  expect((await get('secret')).data).toEqual({ username: btoa('bot'), password: btoa('hunter2') })
  await real.cluster.kubectl(['delete', 'gitrepository,kustomization,secret', 'flux-system', '-n', 'flux-system'])
})

test('login writes the configuration and contexts that kubectl can use', async () => {
  const home = join(world.dir, 'home')
  mkdirSync(home)
  const caFile = join(world.dir, 'ca.pem')
  writeFileSync(caFile, world.ca)
  const own = { HOME: home, FLOTILLA_CONFIG: join(home, 'flotilla.yaml') }
  const done = await flotilla(['login', '--server', world.url, '--ca-file', caFile, '--token-stdin'], { stdin: world.adminToken, env: own })
  expect(done.code).toBe(0)
  expect(parse(readFileSync(own.FLOTILLA_CONFIG, 'utf8'))).toEqual({ server: world.url, ca: world.ca, token: world.adminToken })
  const listed = await runKubectl(join(home, '.kube', 'config'), ['--context', 'flotilla-one', 'get', 'ks', '-A', '-o', 'name'])
  expect(listed.out).toContain('/apps')
})

test('cluster join --print gives the manifests and a join token for that name only', async () => {
  const { code, out } = await flotilla(['cluster', 'join', 'edge-7', '--print', '--hub-address', 'hub.example.com:8443'])
  expect(code).toBe(0)
  expect(out).toContain('kind: CustomResourceDefinition')
  expect(out).toContain('hub.example.com:8443')
  expect(out).toMatch(/token: fjt_/)
  expect((await flotilla(['cluster', 'join', 'edge-8'])).code).toBe(2)
})
