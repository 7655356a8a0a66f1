import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { eventually } from '../support/eventually.ts'
import { flotilla, openTestHub, type TestHub } from '../support/hub.ts'
import { kubectl } from '../support/kubectl.ts'

let hub: TestHub
beforeAll(async () => {
  hub = await openTestHub()
})
afterAll(() => hub?.[Symbol.asyncDispose]())

const rows = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => line.split(/\s{2,}/))
const aTenant = (name: string, spec: object = {}) => ({
  apiVersion: 'fleet.flotilla.dev/v1alpha1',
  kind: 'Tenant',
  metadata: { name },
  spec: { namespaces: [name], clusters: { all: true }, ...spec },
})
function file(name: string, ...objects: readonly object[]): string {
  const path = join(hub.dir, name)
  writeFileSync(path, objects.map((object) => `---\n${stringify(object)}`).join(''))
  return path
}

test('a join token is shown once as JSON, listed without its text, and ends when it is revoked', async () => {
  const made = await hub.flotilla(['join-token', 'create', '--cluster', 'edge-1', '--uses', '3', '--ttl', '1h', '-o', 'json'])
  expect(made).toMatchObject({ code: 0, said: '' })
  const { id, token } = JSON.parse(made.out) as { id: string; token: string }
  expect(token.length).toBeGreaterThan(20)
  const listed = await hub.flotilla(['join-token', 'list'])
  expect(rows(listed.out)[0]).toEqual(['ID', 'DESCRIPTION', 'CLUSTER', 'USES', 'EXPIRES'])
  expect(listed.out).toMatch(new RegExp(`${id}\\s+edge-1\\s+3\\s+`))
  expect(listed.out).not.toContain(token)
  expect(await hub.flotilla(['join-token', 'revoke', id])).toMatchObject({ code: 0, said: `✔ ${id} revoked\n` })
  expect((await hub.flotilla(['join-token', 'list', '-o', 'json'])).out).not.toContain(id)
})

test('without -o a join token stands alone on stdout, to be put into a pipe', async () => {
  const { code, out, said } = await hub.flotilla(['join-token', 'create'])
  expect(code).toBe(0)
  expect(out).toMatch(/^\S+\n$/)
  expect(said).toContain('this is the only time that its text is shown')
})

test('login remembers a hub in a file of the user alone, and kubectl reaches it through the contexts', async () => {
  const { server, ca } = JSON.parse(readFileSync(hub.adminFile, 'utf8')) as { server: string; ca: string }
  const { token } = JSON.parse((await hub.flotilla(['token', 'create', '--description', 'me', '--role', 'admin', '-o', 'json'])).out)
  const home = join(hub.dir, 'home')
  mkdirSync(home)
  const caFile = join(home, 'ca.pem')
  writeFileSync(caFile, ca)
  const env = { HOME: home, FLOTILLA_CONFIG: '' }
  const done = await hub.flotilla(['login', '--server', server, '--ca-file', caFile, '--token-stdin'], { env, input: `${token}\n` })
  expect(done).toMatchObject({ code: 0, out: '' })
  const config = join(home, '.config/flotilla/config.yaml')
  expect(done.said).toBe(`✔ ${config} written\n✔ ${join(home, '.kube/config')} has the contexts fleet\n`)
  expect(statSync(config).mode & 0o777).toBe(0o600)
  expect(await hub.flotilla(['tenant', 'list'], { env })).toMatchObject({ code: 0, said: '' })
  expect(await kubectl(join(home, '.kube/config'), ['--context', 'fleet', 'get', 'tenants', '-o', 'name'])).toContain('tenant.fleet')
})

test('a token that was revoked is refused with exit code 3', async () => {
  const made = JSON.parse((await hub.flotilla(['token', 'create', '--description', 'ci', '-o', 'json'])).out) as {
    id: string
    token: string
  }
  const { server, ca } = JSON.parse(readFileSync(hub.adminFile, 'utf8')) as { server: string; ca: string }
  const config = join(hub.dir, 'ci.json')
  writeFileSync(config, JSON.stringify({ server, ca, token: made.token }))
  const asCi = (args: readonly string[]) => hub.flotilla(args, { env: { FLOTILLA_CONFIG: config } })
  expect(await asCi(['cluster', 'list'])).toMatchObject({ code: 0, said: 'no clusters yet; flotilla cluster join adds one\n' })
  const forbidden = await asCi(['tenant', 'create', 'x', '--namespace', 'x', '--all-clusters'])
  expect(forbidden).toMatchObject({ code: 3, out: '' })
  expect(forbidden.said).toMatch(/^✗ ci \(viewer\) may not create tenants.*; ask an administrator/)
  await hub.flotilla(['token', 'revoke', made.id])
  const refused = await asCi(['cluster', 'list'])
  expect(refused).toMatchObject({ code: 3, out: '' })
  expect(refused.said.trim().split('\n')).toHaveLength(1)
})

test('tenants are created, listed, shown as YAML, and deleted', async () => {
  expect(
    await hub.flotilla(['tenant', 'create', 'shop', '--namespace', 'shop', 'shop-jobs', '--cluster-selector', 'tier=prod']),
  ).toMatchObject({ code: 0, said: '✔ tenant shop created\n' })
  const [head, ...tenants] = rows((await hub.flotilla(['tenant', 'list'])).out)
  expect(head).toEqual(['NAME', 'NAMESPACES', 'ROLE', 'CLUSTERS', 'READY', 'MESSAGE'])
  expect(tenants.find(([name]) => name === 'shop')?.slice(0, 3)).toEqual(['shop', 'shop,shop-jobs', 'edit'])
  const yaml = (await hub.flotilla(['get', 'tenant', 'shop', '-o', 'yaml'])).out
  expect(yaml).toContain('matchLabels:\n      tier: prod')
  expect(await hub.flotilla(['delete', 'tenant', 'shop'])).toMatchObject({ code: 0 })
  expect(await hub.flotilla(['get', 'tenant', 'shop'])).toMatchObject({ code: 3, said: '✗ Tenant shop not found\n' })
})

test('a token of a tenant sees what is the tenant’s; for the rest there is nothing', async () => {
  await hub.flotilla(['tenant', 'create', 'bound', '--namespace', 'bound', '--all-clusters'])
  const { out } = await hub.flotilla(['token', 'create', '--description', 'team', '--tenant', 'bound', '--role', 'editor', '-o', 'json'])
  const { server, ca } = JSON.parse(readFileSync(hub.adminFile, 'utf8')) as { server: string; ca: string }
  const config = join(hub.dir, 'bound.json')
  writeFileSync(config, JSON.stringify({ server, ca, token: JSON.parse(out).token }))
  const asTeam = (...args: readonly string[]) => hub.flotilla(args, { env: { FLOTILLA_CONFIG: config } })
  expect(rows((await asTeam('get', 'tenants')).out).map(([name]) => name)).toEqual(['NAME', 'bound'])
  expect(await asTeam('get', 'ks', '-n', 'bound')).toMatchObject({
    code: 0,
    said: expect.stringContaining('no Kustomization objects found'),
  })
  expect(await asTeam('get', 'all', '-A')).toMatchObject({ code: 0, said: 'no Flux objects found\n' })
  expect(await asTeam('get', 'ks')).toMatchObject({
    code: 0,
    said: 'no Kustomization objects found in flux-system namespace; -A looks in every namespace\n',
  })
  expect(await asTeam('get', 'tenant', 'platform')).toMatchObject({ code: 3, said: '✗ Tenant platform not found\n' })
})

test('apply creates what is not there, changes what differs and leaves the rest alone', async () => {
  const path = file('tenants.yaml', aTenant('one'), aTenant('two'))
  const lines = async (...args: readonly string[]) => (await hub.flotilla(['apply', ...args])).out.trim().split('\n')
  expect(await lines('-f', path)).toEqual(['tenant.fleet.flotilla.dev/one created', 'tenant.fleet.flotilla.dev/two created'])
  file('tenants.yaml', aTenant('one'), aTenant('two', { clusterRole: 'view' }))
  expect(await lines('-f', path)).toEqual(['tenant.fleet.flotilla.dev/one unchanged', 'tenant.fleet.flotilla.dev/two configured'])
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [aTenant('three')] })
  expect(await hub.flotilla(['apply', '-f', '-'], { input })).toMatchObject({ code: 0, out: 'tenant.fleet.flotilla.dev/three created\n' })
})

test('apply of a file with mistakes names every one with its path, and stores nothing', async () => {
  const path = file(
    'wrong.yaml',
    aTenant('good'),
    aTenant('bad', { namespaces: [], role: 'x' }),
    { kind: 'Tenant' },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
    },
  )
  const { code, out, said } = await hub.flotilla(['apply', '-f', path])
  expect({ code, out }).toEqual({ code: 2, out: '' })
  expect(said).toContain(`${path}: Tenant bad: spec.namespaces`)
  expect(said).toContain(`${path}: Tenant bad: spec.role: unknown field`)
  expect(said).toContain(`${path}: must have apiVersion, kind and metadata.name`)
  expect(said).toContain('the hub has no kind apps/v1 Deployment')
  expect(await hub.flotilla(['get', 'tenant', 'good'])).toMatchObject({ code: 3 })
})

test('get --watch goes on with what changes until it is interrupted', async () => {
  const stop = new AbortController()
  let seen = ''
  const watching = hub.flotilla(['get', 'tenants', '--watch'], {
    signal: stop.signal,
    onOut: (text) => {
      seen += text
    },
  })
  await eventually('the list is shown', async () => seen.includes('platform'))
  await hub.flotilla(['tenant', 'create', 'late', '--namespace', 'late', '--all-clusters'])
  await eventually('the new one is shown', async () => /^late\s+late\s+edit/m.test(seen))
  stop.abort()
  expect(await watching).toMatchObject({ code: 130, said: '' })
  expect(seen.match(/NAMESPACES/g)).toHaveLength(1)
})

test('cluster join --print prints everything but the token, and says where that goes', async () => {
  const { code, out } = await hub.flotilla(['cluster', 'join', 'edge', '--print', '--hub-address', 'hub.example.com:8443'])
  expect(code).toBe(0)
  expect(out).toContain('kind: CustomResourceDefinition')
  expect(out).toContain('value: hub.example.com:8443')
  expect(out).toContain('#   flotilla join-token create --cluster edge')
  expect(out).not.toMatch(/kind: Secret$/m)
  expect((await hub.flotilla(['join-token', 'list', '-o', 'json'])).out).not.toContain('"edge"')
})

test.each([
  ['an unknown command', ['frobnicate'], 2, /unknown command 'frobnicate'/],
  ['an option without its value', ['get', 'ks', '--cluster'], 2, /argument missing/],
  ['an unknown kind', ['get', 'pods'], 2, /^✗ pods is no kind; name one such as kustomization/],
  ['a cluster that does not exist', ['get', 'ks', '--cluster', 'nowhere'], 3, /clusters\.fleet\.flotilla\.dev "nowhere" not found/],
  ['a cluster that does not exist, by name', ['cluster', 'describe', 'nowhere'], 3, /clusters\.fleet\.flotilla\.dev "nowhere" not found/],
  ['an object that no cluster has', ['reconcile', 'ks', 'nothing'], 3, /^✗ Kustomization\/flux-system\/nothing not found; flotilla get/],
  ['a join without a context', ['cluster', 'join', 'edge'], 2, /^✗ say which cluster: --context NAME of your kubeconfig, or --print/],
  ['a file that is not there', ['apply', '-f', '/nowhere.yaml'], 2, /^✗ apply: \/nowhere\.yaml cannot be read/],
  ['uses that are no number', ['join-token', 'create', '--uses', 'many'], 2, /^✗ --uses many: must be a whole number/],
])('%s gets a sentence and its exit code', async (_name, args, code, sentence) => {
  const ran = await hub.flotilla(args)
  expect(ran).toMatchObject({ code, out: '' })
  expect(ran.said).toMatch(sentence)
  expect(ran.said).not.toMatch(/\n\s+at /)
})

test('a hub that cannot be reached is exit code 4, no configuration is told with the next step', async () => {
  const config = join(hub.dir, 'away.json')
  writeFileSync(config, JSON.stringify({ server: 'https://127.0.0.1:1', token: 'x' }))
  const away = await flotilla(['cluster', 'list'], { env: { FLOTILLA_CONFIG: config } })
  expect(away.code).toBe(4)
  expect(away.said).toMatch(/^✗ the hub at https:\/\/127\.0\.0\.1:1 cannot be reached: .*; check that it runs/)
  const unknown = await flotilla(['cluster', 'list'], { env: { FLOTILLA_CONFIG: join(hub.dir, 'none.yaml') } })
  expect(unknown.code).toBe(3)
  expect(unknown.said).toContain('run flotilla login')
})

test('--help of every command says what it does', async () => {
  const { code, out } = await hub.flotilla(['--help'])
  expect(code).toBe(0)
  for (const command of ['login', 'cluster', 'bootstrap', 'get', 'reconcile', 'suspend', 'events', 'tree', 'apply'])
    expect(out).toMatch(new RegExp(`^  ${command}\\b.*\\S{3}`, 'm'))
  expect((await hub.flotilla(['get', '--help'])).out).toContain('flotilla get kustomizations -A')
})
