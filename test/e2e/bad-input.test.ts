import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { connect, jwtAuthenticator } from '@nats-io/transport-node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { BusCredentials } from '../../agent/bus/bus.ts'
import { openGitServer } from '../../deploy/local/git-server.ts'
import { type Db, openDb } from '../../hub/db/db.ts'
import { silentLog } from '../../proto/base/log.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { refOf } from '../../proto/model/manifest.ts'
import { EMPTY_REPORT, type Report } from '../../proto/model/report.ts'
import { inboxPrefix, reportSubject } from '../../proto/model/subjects.ts'
import { reportToWire } from '../../proto/wire/report.ts'
import { type ClusterView, viewCluster } from '../support/cluster-view.ts'
import { eventually } from '../support/eventually.ts'
import { aConfigMap, aGitRepository, aKustomization, yaml } from '../support/flux.ts'
import { git, type TestRepository } from '../support/git-repository.ts'
import { openSshGitServer } from '../support/ssh-server.ts'
import { openWorld, type TestWorld } from '../support/world.ts'

// What bad input gets, at the level of the whole system: a refusal with a sentence, and nobody else is disturbed.

let world: TestWorld
let fleet: TestRepository
let view: ClusterView
let db: Db
const scope = new AsyncDisposableStack()

beforeAll(async () => {
  world = scope.use(await openWorld(['one', 'two']))
  fleet = await world.repository('fleet')
  view = viewCluster(world, 'one')
  const postgres = join(world.dir, 'hub', 'postgres')
  const port = readFileSync(join(postgres, 'data', 'postmaster.pid'), 'utf8').split('\n')[3]
  const password = readFileSync(join(postgres, 'password'), 'utf8').trim()
  db = scope.use(await openDb(`postgres://flotilla:${password}@127.0.0.1:${port}/postgres`, { signal: AbortSignal.timeout(30_000) }))
  await fleet.commit({ 'good/one.yaml': config('good', 'first'), 'bad/one.yaml': config('bad', 'first') })
  await view.apply(aGitRepository('fleet', world.url('fleet')))
})
afterAll(() => scope.disposeAsync())

const config = (name: string, v: string) => yaml(aConfigMap(name, { v }))
const refusal = (cluster: string, args: readonly string[], input: string) =>
  world.viaHub(cluster, args, input).then(
    (out) => `not refused: ${out}`,
    (error: unknown) => String(error),
  )

test('unknown fields, wrong types and unknown kinds are refused with every path by kubectl through the hub, and nothing is stored', async () => {
  const wrong = yaml(aKustomization('wrong', 'fleet', './good', { colour: 'red', patches: [{ patch: 'x', nope: 1 }] }))
  const said = await refusal('one', ['apply', '-f', '-'], wrong)
  for (const path of ['spec.colour', 'spec.patches[0].nope']) expect(said).toContain(path)
  const types = yaml(aKustomization('wrong', 'fleet', './good', { prune: 'yes please', interval: 5 }))
  const typed = await refusal('one', ['apply', '--validate=false', '-f', '-'], types)
  for (const path of ['spec.prune', 'spec.interval']) expect(typed).toContain(path)
  const kind = await refusal(
    'one',
    ['apply', '-f', '-'],
    yaml({ apiVersion: 'kustomize.toolkit.fluxcd.io/v1', kind: 'Nothing', metadata: { name: 'x' } }),
  )
  expect(kind).toContain('no matches for kind "Nothing"')
  expect(await world.get('one', 'kustomization', 'wrong', 'flux-system')).toBeUndefined()
})

test('flotilla apply names every problem of a file with its path, and stores none of its objects', async () => {
  const objects = [
    aKustomization('innocent', 'fleet', './good'),
    aKustomization('wrong', 'fleet', './good', { colour: 'red', prune: 'yes please' }),
  ]
  const ran = await world.flotilla(['apply', '-f', '-', '--cluster', 'one'], yaml(...objects))
  expect(ran.code).not.toBe(0)
  for (const path of ['spec.colour', 'spec.prune']) expect(ran.stderr).toContain(path)
  for (const name of ['innocent', 'wrong']) expect(await world.get('one', 'kustomization', name, 'flux-system')).toBeUndefined()
  // A file means the same to flotilla as to kubectl and Flux, which read YAML 1.1.
  const old = yaml(aKustomization('old-yaml', 'fleet', './good', { suspend: true })).replace('suspend: true', 'suspend: yes')
  expect(await world.flotilla(['apply', '-f', '-', '--cluster', 'one'], old)).toMatchObject({ code: 0 })
  const unknown = await world.flotilla(
    ['apply', '-f', '-', '--cluster', 'one'],
    yaml({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' } }),
  )
  expect(unknown.code).not.toBe(0)
  expect(unknown.stderr).toContain('Pod')
})

const link = async (name: string, target: string) => {
  const work = join(world.dir, 'work-link')
  await git(world.dir, ['clone', '--quiet', fleet.path, work])
  await git(work, ['checkout', '--quiet', 'main'])
  await symlink(target, join(work, name))
  await git(work, ['add', '--all'])
  await git(work, ['commit', '--quiet', '-m', 'link'])
  await git(work, ['push', '--quiet', 'origin', 'HEAD:refs/heads/main'])
}
const BOMB = `a: &a [x, x, x, x, x, x, x, x, x]\n${'bcdefghi'
  .split('')
  .map((name, at) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[at]}`).join(', ')}]`)
  .join('\n')}\n`
const BAD: readonly (readonly [name: string, path: string, reason: string, text: RegExp])[] = [
  ['yaml', './yaml', 'BuildFailed', /yaml\/broken\.yaml/],
  ['kustomization-file', './kustomization', 'BuildFailed', /kustomization\.yaml/],
  ['missing', './nowhere', 'ArtifactFailed', /nowhere/],
  ['dots', './../../etc', 'ArtifactFailed', /etc/],
  ['link-out', './link', 'ArtifactFailed', /link/],
  ['base-out', './base-out', 'BuildFailed', /\.\.\/\.\.\/\.\.\/etc|etc/],
  ['remote', './remote', 'BuildFailed', /example\.com/],
  ['bomb', './bomb', 'BuildFailed', /bytes of memory/],
  ['huge', './huge', 'BuildFailed', /huge\.yaml|big/],
  ['cycle', './cycle/a', 'BuildFailed', /cycle/],
]

test('what cannot be built says so with its file, what lies outside of the tree is never read, and others go on', async () => {
  const kustomization = (...resources: readonly string[]) => `resources:\n${resources.map((one) => `- ${one}\n`).join('')}`
  await fleet.commit({
    'yaml/broken.yaml': 'kind: ConfigMap\nmetadata:\n  name: [',
    'kustomization/kustomization.yaml': 'resources: one.yaml\n',
    'kustomization/one.yaml': config('x', 'x'),
    'base-out/kustomization.yaml': kustomization('../../../../../../etc/passwd'),
    'remote/kustomization.yaml': kustomization('https://example.com/base?ref=main'),
    'bomb/bomb.yaml': BOMB,
    'huge/huge.yaml': `${config('huge', 'x')}# ${'x'.repeat(9 << 20)}\n`,
    'cycle/a/kustomization.yaml': kustomization('../b'),
    'cycle/b/kustomization.yaml': kustomization('../a'),
  })
  await link('link', '../../../../../../etc')
  await view.reconcile('gitrepository', 'fleet')
  await view.apply(...BAD.map(([name, path]) => aKustomization(`bad-${name}`, 'fleet', path)), aKustomization('good', 'fleet', './good'))
  await view.ready('kustomization', 'good')
  for (const [name, , reason, text] of BAD) expect.soft((await view.fails('kustomization', `bad-${name}`, reason)).message).toMatch(text)
})

test('a commit that breaks one kustomization leaves its last good state, names file and line, and the others move on', async () => {
  await view.apply(aKustomization('bad', 'fleet', './bad'))
  await view.ready('kustomization', 'bad')
  await fleet.commit({ 'bad/one.yaml': 'kind: ConfigMap\nmetadata:\n  name: [', 'good/one.yaml': config('good', 'second') })
  await view.reconcile('gitrepository', 'fleet')
  expect((await view.fails('kustomization', 'bad', 'BuildFailed')).message).toMatch(/bad\/one\.yaml:\d/)
  await eventually('the other moved on', async () => (await view.data('good'))?.v === 'second')
  expect(await view.data('bad')).toEqual({ v: 'first' })
})

test('a repository beyond the budget is refused by size and by count, while others are fetched', async () => {
  const heavy = await world.repository('heavy')
  await heavy.commit({ 'a.yaml': config('heavy', 'x'), 'big.bin': 'x'.repeat(100 << 20) })
  const many = await world.repository('many')
  const blob = (await gitInput(many.path, ['hash-object', '-w', '--stdin'], 'x')).trim()
  const lines = Array.from({ length: 100_000 }, (_, at) => `100644 blob ${blob}\tf${String(at).padStart(6, '0')}.yaml\n`)
  const tree = (await gitInput(many.path, ['mktree'], lines.join(''))).trim()
  const commit = await git(many.path, ['commit-tree', '-m', 'many', tree])
  await git(many.path, ['update-ref', 'refs/heads/main', commit])
  await view.apply(aGitRepository('heavy', world.url('heavy')), aGitRepository('many', world.url('many')))
  expect((await view.fails('gitrepository', 'heavy', 'GitOperationFailed')).message).toMatch(/big\.bin/)
  expect((await view.fails('gitrepository', 'many', 'GitOperationFailed')).message).toMatch(/100000 files|more than/)
  await view.reconcile('gitrepository', 'fleet')
})

async function gitInput(cwd: string, args: readonly string[], input: string): Promise<string> {
  const running = promisify(execFile)('git', [...args], { cwd, maxBuffer: 1 << 20 })
  running.child.stdin?.end(input)
  return (await running).stdout
}

// Each appears in a Secret and must appear nowhere else.
const CANARY = {
  first: 'canary-4f9f2b6a1c',
  second: 'canary-77d1e0c3b8',
  wrong: 'canary-0be5a86f12',
  bearer: 'canary-b3a9957d40',
  hub: 'canary-c5d2f8e617',
}

const aSecret = (name: string, stringData: Readonly<Record<string, string>>): Manifest => ({
  ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'flux-system' } },
  stringData,
})

test('git over HTTP: without or with a wrong credential AuthenticationFailed, with the right one from secretRef it works, also after a rotation', async () => {
  await using server = await openGitServer({ dir: join(world.dir, 'git'), log: silentLog })
  for (const name of ['basic', 'bearer']) await (await world.repository(name)).commit({ 'one.yaml': config(name, 'first') })
  server.protect('basic', { kind: 'basic', username: 'ada', password: CANARY.first })
  server.protect('bearer', { kind: 'bearer', token: CANARY.bearer })
  const url = (name: string) => `${server.url}/${name}.git`
  await view.apply(aGitRepository('basic', url('basic')), aGitRepository('bearer', url('bearer'), { secretRef: { name: 'bearer' } }))
  await view.fails('gitrepository', 'basic', 'AuthenticationFailed')
  expect((await view.fails('gitrepository', 'bearer', 'AuthenticationFailed')).message).toContain('secrets "bearer" not found')

  await view.apply(aSecret('basic', { username: 'ada', password: CANARY.wrong }), aSecret('bearer', { bearerToken: CANARY.bearer }))
  await view.apply(aGitRepository('basic', url('basic'), { secretRef: { name: 'basic' } }))
  await view.reconcile('gitrepository', 'bearer')
  await view.ready('gitrepository', 'bearer')
  await view.fails('gitrepository', 'basic', 'AuthenticationFailed')

  await view.apply(aSecret('basic', { username: 'ada', password: CANARY.first }))
  await view.reconcile('gitrepository', 'basic')
  await view.ready('gitrepository', 'basic')
  await view.apply(aKustomization('basic', 'basic', './'))
  await view.ready('kustomization', 'basic')
  expect(await view.data('basic')).toEqual({ v: 'first' })

  server.protect('basic', { kind: 'basic', username: 'ada', password: CANARY.second })
  await view.reconcile('gitrepository', 'basic')
  await view.fails('gitrepository', 'basic', 'AuthenticationFailed')
  await view.apply(aSecret('basic', { username: 'ada', password: CANARY.second }))
  await view.reconcile('gitrepository', 'basic')
  await view.ready('gitrepository', 'basic')
})

test('git over SSH: a host key that is not pinned is refused, a pinned one with the right identity works', async () => {
  await using server = await openSshGitServer({ dir: join(world.dir, 'git') })
  await using other = await openSshGitServer({ dir: join(world.dir, 'git') })
  const stranger = other.knownHosts.replace(String(other.port), String(server.port))
  await view.apply(
    aSecret('ssh', { identity: server.identity, known_hosts: stranger }),
    aGitRepository('ssh', `${server.url}/fleet.git`, { secretRef: { name: 'ssh' } }),
  )
  expect((await view.fails('gitrepository', 'ssh', 'AuthenticationFailed')).message).toMatch(/host key/i)
  await view.apply(aSecret('ssh', { identity: server.identity, known_hosts: server.knownHosts }))
  await view.reconcile('gitrepository', 'ssh')
  await view.ready('gitrepository', 'ssh')
  expect(await leaks(server.identity.split('\n').slice(2, 4))).toEqual([])
})

test('no secret is in any log, event, status, answer, file or table of hub and agents', async () => {
  await world.viaHub('one', [
    'create',
    'secret',
    'generic',
    'through-the-hub',
    '-n',
    'flux-system',
    `--from-literal=password=${CANARY.hub}`,
  ])
  expect(await world.get('one', 'secret', 'through-the-hub', 'flux-system')).toBeDefined()
  const answers = await Promise.all([
    world.kubectl('one', ['get', 'events,gitrepositories,kustomizations', '-A', '-o', 'json']),
    world.viaHub('one', ['get', 'events,gitrepositories,kustomizations', '-A', '-o', 'json']),
    refusal('one', ['get', 'secret', 'basic', '-n', 'flux-system', '-o', 'json'], ''),
    refusal('one', ['get', 'secrets', '-A', '-o', 'json'], ''),
  ])
  for (const canary of Object.values(CANARY))
    for (const answer of answers) expect(answer).not.toMatch(new RegExp(spellings(canary).join('|')))
  expect(await leaks(Object.values(CANARY))).toEqual([])
  expect(await cells(Object.values(CANARY))).toEqual([])
})

test('the search for secrets finds one that was put where they must not be', async () => {
  const control = 'canary-control-61aa20'
  const file = join(world.dir, 'logs', 'control.log')
  await writeFile(file, `said ${Buffer.from(control).toString('base64')}\n`)
  const put = await db.query<{ id: bigint }>(
    "insert into audit (subject, verb, object, outcome, detail) values ('test', 'create', 'control', 'done', $1) returning id",
    [control],
  )
  try {
    expect(await cells([control])).toEqual(['audit.detail', 'audit_default.detail'])
    expect(await leaks([control])).toContain(file)
  } finally {
    await rm(file)
    await db.query('delete from audit where id = $1', [put.rows[0]?.id])
  }
})

/** Columns of the hub's tables in which one of the secrets can be read. */
async function cells(secrets: readonly string[]): Promise<readonly string[]> {
  const columns = await db.query<{ column: string; table: string }>(
    `select table_name as table, column_name as column from information_schema.columns where table_schema = 'public'
      and data_type in ('text', 'json', 'jsonb', 'ARRAY', 'character varying', 'bytea')`,
  )
  expect(columns.rowCount).toBeGreaterThan(50)
  const pattern = secrets.flatMap(spellings).join('|')
  const found: string[] = []
  for (const { table, column } of columns.rows) {
    const { rowCount } = await db.query(`select 1 from "${table}" where "${column}"::text ~ $1 limit 1`, [pattern])
    if (rowCount > 0) found.push(`${table}.${column}`)
  }
  return found.sort()
}

/** As it is, in base64, and in hex as Postgres shows bytes. */
const spellings = (secret: string) => [
  secret,
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
  Buffer.from(secret).toString('hex'),
]

/** Files of hub and agents, logs and the database's own among them, in which one of the secrets can be read. */
async function leaks(secrets: readonly string[]): Promise<readonly string[]> {
  const patterns = secrets.flatMap((secret) => spellings(secret).flatMap((text) => ['-e', text]))
  const places = ['hub', 'agents', 'logs'].map((name) => join(world.dir, name))
  const found = await promisify(execFile)('grep', ['-rlaF', '--devices=skip', ...patterns, ...places]).catch(
    (error: { code: number; stdout: string }) => {
      if (error.code === 1 || error.code === 2) return error
      throw error
    },
  )
  return found.stdout.split('\n').filter((line) => line !== '')
}

test('garbage, oversized and replayed reports of a member are refused with a reason, and other clusters are untouched', async () => {
  await viewCluster(world, 'two').apply(aGitRepository('fleet', world.url('fleet')), aKustomization('good', 'fleet', './good'))
  await viewCluster(world, 'two').ready('kustomization', 'good')
  const listed = (cluster: string) => world.viaHub(cluster, ['get', 'kustomizations', '-A', '-o', 'name'])
  const before = await eventually(
    'the hub has it',
    async () => (await listed('two')).includes('/good') && [await listed('one'), await listed('two')],
  )
  const credentials = JSON.parse(readFileSync(join(world.dir, 'agents/one/data/identity/credentials.json'), 'utf8')) as BusCredentials
  const { rows } = await db.query<{ id: string; boot: bigint }>(
    "select c.id, p.boot from clusters c join report_positions p on p.cluster_id = c.id where c.name = 'one' and p.lane = 'objects'",
  )
  const own = rows[0]
  if (!own) throw new Error('nothing was reported by one')
  expect(own.id).toBe(credentials.clusterId)
  const nats = await connect({
    servers: [...credentials.natsUrls],
    tls: { ca: credentials.ca },
    authenticator: jwtAuthenticator(credentials.natsJwt, Buffer.from(credentials.natsSeed)),
    inboxPrefix: inboxPrefix(credentials.clusterId),
  })
  const subject = reportSubject(credentials.clusterId, 'objects')
  const report = (over: Partial<Report>): Uint8Array =>
    reportToWire({
      ...EMPTY_REPORT,
      boot: BigInt(own.boot),
      sequence: 1n,
      ...over,
    })
  const poison = aKustomization('poison', 'fleet', './good')
  const seen = {
    ref: refOf(poison),
    uid: 'u',
    generation: 1,
    resourceVersion: '1',
    sealedCredential: undefined,
    credentialProblem: undefined,
  }
  nats.publish(subject, Buffer.from('garbage'))
  nats.publish(subject, Buffer.alloc(3_500_000, 'x'))
  nats.publish(subject, report({ sequence: 2n ** 64n - 1n, objects: [{ ...seen, manifest: poison }] }))
  nats.publish(subject, report({ boot: 1_000_000n, objects: [{ ...seen, manifest: { ...poison, spec: { path: 'a\u0000b' } } }] }))
  // A replay: a complete list that names nothing, with a sequence that was folded long ago.
  nats.publish(subject, report({ list: { id: 'x', listed: [], last: true } }))
  await nats.flush()
  await nats.close()
  const rejected = await eventually('all that is refused has a reason', async () => {
    const { rows: all } = await db.query<{ reason: string; cluster_id: string }>(
      'select reason, cluster_id from rejected_reports order by 1',
    )
    return all.length >= 4 && all
  })
  expect(new Set(rejected.map(({ cluster_id }) => cluster_id))).toEqual(new Set([own.id]))
  expect(rejected.map(({ reason }) => reason).join('\n')).toMatch(/cannot be read[\s\S]*over the limit/)
  await fleet.commit({ 'good/one.yaml': config('good', 'third') })
  for (const cluster of ['one', 'two']) {
    const there = viewCluster(world, cluster)
    await there.reconcile('gitrepository', 'fleet')
    await eventually(`${cluster} goes on`, async () => (await there.data('good'))?.v === 'third')
  }
  expect([await listed('one'), await listed('two')]).toEqual(before)
})

test("a ServiceAccount that is missing or has no rights: Ready=False in Kubernetes' own words, never the agent's rights", async () => {
  await view.apply(aKustomization('unable', 'fleet', './good', { serviceAccountName: 'unable', targetNamespace: 'kube-system' }))
  expect((await view.says('kustomization', 'unable', ({ status }) => status === 'False')).message).toMatch(/flux-system[/:]unable/)
  await world.kubectl('one', ['create', 'serviceaccount', 'unable', '-n', 'flux-system'])
  await view.reconcile('kustomization', 'unable')
  const refused = await view.says('kustomization', 'unable', ({ message }) => message.includes('forbidden'))
  expect(refused.message).toContain('User "system:serviceaccount:flux-system:unable" cannot')
  expect(await view.data('good', 'kube-system')).toBeUndefined()
})
