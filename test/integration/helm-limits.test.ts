import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHelm } from '../../agent/helm/io/program.ts'
import type { Subject } from '../../agent/kube/subject.ts'
import { toolPath } from '../../deploy/tools/tools.mjs'
import { FleetError } from '../../proto/base/errors.ts'
import { HelmPool } from '../../proto/helm/pool.ts'
import { openSharedCluster, type TestCluster } from '../support/cluster.ts'
import { eventually } from '../support/eventually.ts'
import { type HelmWorld, openHelmWorld, WAIT } from '../support/helm.ts'

let cluster: TestCluster

beforeAll(async () => {
  cluster = await openSharedCluster()
})
afterAll(() => cluster[Symbol.asyncDispose]())

const signal = AbortSignal.timeout(600_000)
const release = ({ namespace }: HelmWorld) => ({ name: 'app', namespace, storageNamespace: namespace })
const refused = (error: unknown) => expect.objectContaining({ kind: 'refused', answer: expect.objectContaining({ error }) })
const homes = (world: HelmWorld) => readdirSync(world.dir).filter((name) => name.startsWith('flotilla-helm-'))

/** Pids of the programs that this process runs at the moment. */
function programs(): readonly number[] {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ')
  return children.map(Number).filter((pid) => pid > 0 && readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(toolPath('flotilla-helm')))
}

/** What Helm stored of a version, as text. */
async function payload(world: HelmWorld, version: number): Promise<string> {
  const release = await world.look(`secret/sh.helm.release.v1.app.v${version}`, '.data.release')
  return gunzipSync(Buffer.from(Buffer.from(release, 'base64').toString(), 'base64')).toString()
}

const hookRuns = (world: HelmWorld) => eventually('the hook runs', () => world.look('job/app-before', '.metadata.name'))

test('a killed upgrade stays pending until it is marked as failed', async () => {
  await using world = await openHelmWorld(cluster)
  await world.install('hooks')
  const upgrading = world.upgrade('hooks', { values: { before: 'endless', ratio: 1.5, big: 2 ** 60 } })
  await eventually('the upgrade is recorded', async () => (await world.history())[0] === '2 pending-upgrade')
  for (const pid of programs()) process.kill(pid, 'SIGKILL')
  expect(await upgrading).toMatchObject({ kind: 'lost', cause: 'exit' })
  expect(await world.history()).toEqual(['2 pending-upgrade', '1 deployed'])
  expect(await world.upgrade('hooks')).toEqual(refused('another operation (install/upgrade/rollback) is in progress'))

  const [stuck] = await world.storage.history(release(world), signal)
  if (!stuck) throw new Error('no release')
  const before = await payload(world, 2)
  await world.storage.markFailed(stuck, { description: 'Release unlocked', signal })
  await expect(world.storage.markFailed(stuck, { description: 'Again', signal })).rejects.toMatchObject({ code: 'conflict' })
  expect(await world.history()).toEqual(['2 failed', '1 deployed'])
  expect(await world.look('secret/sh.helm.release.v1.app.v2', '.metadata.labels.status')).toBe('failed')
  const changed = before.replace('"Preparing upgrade"', '"Release unlocked"').replace('"pending-upgrade"', '"failed"')
  expect(await payload(world, 2)).toBe(changed)
  const [healed] = await world.storage.history(release(world), signal)
  expect(healed).toMatchObject({
    ...stuck,
    info: { ...stuck.info, status: 'failed', description: 'Release unlocked' },
    secret: expect.anything(),
  })
  expect(await world.upgrade('hooks')).toMatchObject({ kind: 'done', answer: { release: { version: 3 } } })
})

test('a release is recorded as failed when its time is up', async () => {
  await using world = await openHelmWorld(cluster)
  const request = await world.request('install', 'hooks', { values: { before: 'endless' } })
  expect(await world.run(request, { deadlineMs: 3000 })).toMatchObject({
    kind: 'lost',
    cause: 'deadline',
    message: 'helm took longer than 3000 ms',
  })
  expect(await world.history()).toEqual(['1 failed'])
  expect(homes(world)).toEqual([])
})

test('an aborted action ends with the reason it was aborted for', async () => {
  await using world = await openHelmWorld(cluster)
  const stop = new AbortController()
  const request = await world.request('install', 'hooks', { values: { before: 'endless' } })
  const running = world.run(request, { signal: stop.signal })
  const ended = expect(running).rejects.toThrow('enough')
  await hookRuns(world)
  expect(homes(world)).toHaveLength(1)
  stop.abort(new FleetError('aborted', 'enough'))
  await ended
  expect(await world.history()).toEqual(['1 failed'])
  expect(homes(world)).toEqual([])
  expect(programs()).toEqual([])
})

test('a program whose parent is gone records what it did and ends', async () => {
  await using world = await openHelmWorld(cluster)
  const request = await world.request('install', 'hooks', { values: { before: 'endless' } })
  const { server, ca, token } = world.target
  const kube = { server, caData: ca, token: (await token?.())?.reveal(), as: world.helm.subject }
  const child = spawn(toolPath('flotilla-helm'), [], { env: {}, stdio: ['pipe', 'ignore', 'inherit'] })
  const ended = once(child, 'close')
  try {
    child.stdin.write(`${JSON.stringify({ ...request, kube })}\n`)
    await hookRuns(world)
  } finally {
    child.stdin.end()
  }
  await ended
  expect(await world.history()).toEqual(['1 failed'])
})

test('a template that does not end is ended', async () => {
  await using world = await openHelmWorld(cluster, { pool: { graceMs: 200 } })
  const request = await world.request('install', 'app', { values: { rounds: 1_000_000 } })
  expect(await world.run(request, { deadlineMs: 2000 })).toMatchObject({ kind: 'lost', cause: 'deadline' })
  expect(programs()).toEqual([])
  expect(await world.history()).toEqual([])
})

test.each([
  { what: 'a long list', template: '{{ range until 100000000 }}{{ end }}' },
  { what: 'a list longer than any memory', template: '{{ range until 100000000000 }}{{ end }}' },
  { what: 'a text that doubles', template: '{{ $a := "0123456789" }}{{ range until 60 }}{{ $a = cat $a $a }}{{ end }}{{ $a }}' },
])('a template that needs too much memory is ended: $what', async ({ template }) => {
  await using world = await openHelmWorld(cluster, { pool: { memoryBytes: 200 << 20 } })
  expect(await world.install('app', { files: { 'templates/more.yaml': template } })).toMatchObject({ kind: 'lost', cause: 'memory' })
})

test('output beyond its budget is not read', async () => {
  await using world = await openHelmWorld(cluster, { pool: { maxOutputBytes: 100_000 } })
  const files = {
    'templates/more.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: more\ndata:\n  text: {{ repeat 200000 "x" }}\n',
  }
  expect(await world.template('app', { files })).toMatchObject({ kind: 'lost', cause: 'output' })
})

test('at most so many programs run, and at most so many wait', async () => {
  await using world = await openHelmWorld(cluster, { pool: { processes: 1, maxWaiting: 1 } })
  const request = await world.request('install', 'app', { values: { deployment: false } })
  const [first, second, third] = [world.run(request), world.run(request), world.run(request)]
  await expect(third).rejects.toMatchObject({ code: 'exhausted' })
  expect(await first).toMatchObject({ kind: 'done' })
  expect(await second).toEqual(refused(expect.stringContaining('still in use')))
})

test.each([
  { what: 'a file', ref: 'file:///etc/hostname' },
  { what: 'a file beside it', ref: 'other.json' },
  { what: 'the web', ref: 'https://127.0.0.1:1/schema.json' },
])('a values schema leads nowhere outside the chart: $what', async ({ ref }) => {
  await using world = await openHelmWorld(cluster)
  const files = { 'values.schema.json': JSON.stringify({ properties: { text: { $ref: ref } } }) }
  const error = await world.install('app', { files })
  expect(error).toEqual(refused(expect.stringContaining('is outside the chart and is not read')))
})

test('what is not a chart is refused in one sentence', async () => {
  await using world = await openHelmWorld(cluster)
  const request = await world.request('install', 'app')
  if (request.action !== 'install') return
  const path = join(world.dir, 'no-chart.tgz')
  writeFileSync(path, 'not an archive')
  expect(await world.run({ ...request, chart: { path } })).toEqual(refused('the chart cannot be loaded: gzip: invalid header'))
  const files = { 'Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n- {name: absent, version: 1.0.0}\n' }
  expect(await world.install('app', { files })).toEqual(refused('the chart depends on "absent", which its charts folder does not hold'))
})

test('values that came out of Secrets are in no answer and no log line', async () => {
  await using world = await openHelmWorld(cluster)
  const password = 'Correct/Horse Battery'
  const input = { values: { password, text: 'shown-text', deployment: false }, secrets: [password] }
  const bySchema = await world.install('app', input)
  expect(bySchema).toEqual(refused(expect.stringMatching(/'\/password'.*'\*\*\*' does not match pattern/)))
  const byTemplate = await world.install('app', {
    ...input,
    files: { 'values.schema.json': '{}', 'templates/no.yaml': '{{ fail (print .Values.password " " .Values.text) }}' },
  })
  expect(byTemplate).toEqual(refused(expect.stringContaining('*** shown-text')))
  const label = {
    'values.schema.json': '{}',
    'templates/no.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: more\n  labels: {no: {{ .Values.password | quote }}}\n',
  }
  const byServer = await world.install('app', { ...input, files: label })
  expect(byServer).toEqual(refused(expect.stringContaining('Invalid value: "***"')))
  const unsaid = await world.install('app', { values: input.values, files: label }, { replace: true })
  for (const outcome of [bySchema, byTemplate, byServer, unsaid]) expect(JSON.stringify(outcome)).not.toContain('Horse')
  expect(JSON.stringify(byServer)).not.toContain(Buffer.from(password).toString('base64'))
})

test('values of an earlier version are in no answer about going back to it', async () => {
  await using world = await openHelmWorld(cluster)
  const template = readFileSync('test/fixtures/charts/app/templates/deployment.yaml', 'utf8')
  const files = { 'templates/deployment.yaml': template.replaceAll('app: {{ .Release.Name }}', 'app: {{ .Values.text }}') }
  await world.install('app', { files, values: { text: 'a-first-secret' } })
  await cluster.kubectl(['delete', 'deployment', 'app', '-n', world.namespace])
  await world.upgrade('app', { files, values: { text: 'a-second-secret' } })
  const rollback = { action: 'rollback', release: release(world), options: { ...WAIT, serverSideApply: 'auto', rollbackTo: 1 } } as const
  const error = await world.run(rollback)
  expect(error).toEqual(refused(expect.stringContaining('{"matchLabels":{"app":"***"}}: field is immutable')))
  expect(JSON.stringify(error)).not.toMatch(/a-(first|second)-secret/)
  expect(await world.history()).toEqual(['3 failed', '2 superseded', '1 superseded'])
})

test('what its ServiceAccount may not do is refused in the name of the ServiceAccount', async () => {
  await using world = await openHelmWorld(cluster, { role: 'view' })
  const error = await world.install('app', { secrets: [] })
  expect(error).toEqual(
    refused(expect.stringMatching(/User "system:serviceaccount:helm-.*:releaser" cannot (create|list) resource "secrets"/)),
  )
})

test('nobody is asked for without a name', async () => {
  await using world = await openHelmWorld(cluster)
  await using pool = new HelmPool({ program: toolPath('flotilla-helm'), tempDir: world.dir })
  for (const nobody of ['', 'admin', 'system:serviceaccount::x']) {
    expect(() => openHelm({ target: world.target, pool })(nobody as Subject)).toThrow('no ServiceAccount was named')
    const kube = { server: world.target.server, as: nobody }
    const uninstall = { action: 'uninstall', release: release(world), options: WAIT, kube } as const
    expect(await pool.run(uninstall, { signal, deadlineMs: 10_000 })).toEqual(refused('no ServiceAccount was named to act as'))
  }
})

test('a program that is none of ours harms nobody', async () => {
  await using world = await openHelmWorld(cluster)
  const program = join(world.dir, 'program')
  writeFileSync(program, '#!/bin/sh\necho nonsense\nsleep 60\n', { mode: 0o755 })
  const request = { ...(await world.request('install', 'app')), kube: { server: world.target.server, as: world.helm.subject } }
  await using talking = new HelmPool({ program, tempDir: world.dir })
  expect(await talking.run(request, { signal, deadlineMs: 10_000 })).toMatchObject({ kind: 'lost', cause: 'exit' })
  await using missing = new HelmPool({ program: join(world.dir, 'none'), tempDir: world.dir })
  await expect(missing.run(request, { signal, deadlineMs: 10_000 })).rejects.toMatchObject({ code: 'unavailable' })
  expect(homes(world)).toEqual([])
})
