import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import type { TestRepository } from '../support/git-repository.ts'
import { openHelmServer } from '../support/helm-repository.ts'
import { openWorld, type TestWorld } from '../support/world.ts'

// Charts and releases as people see and move them with the flotilla program: a real cluster, hub and agent.

let world: TestWorld
let fleet: TestRepository

const chart = (version: string, text: string) => ({
  'charts/web/Chart.yaml': `apiVersion: v2\nname: web\nversion: ${version}\nappVersion: "${version}-app"\n`,
  'charts/web/values.yaml': 'note: ""\n',
  'charts/web/templates/page.yaml': `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  text: ${text}\n  note: {{ .Values.note | quote }}\n`,
})

beforeAll(async () => {
  world = await openWorld(['staging'])
  fleet = await world.repository('fleet')
  await fleet.commit(chart('1.0.0', 'one'))
  await eventually(
    'staging is connected',
    async () => JSON.parse((await flotilla('cluster', 'describe', 'staging', '-o', 'json')).stdout).status?.connection?.connected,
  )
})
afterAll(() => world?.[Symbol.asyncDispose]())

const flotilla = (...args: readonly string[]) => world.flotilla(args)
const said = async (...args: readonly string[]) => {
  const { code, stderr } = await flotilla(...args)
  return { code, lines: stderr.trim().split('\n') }
}
const rows = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => line.split(/\s{2,}/))
const page = async () => ((await world.get('staging', 'configmap', 'web', 'flux-system')) as { data?: object } | undefined)?.data
const versions = async () => rows((await flotilla('history', 'helmrelease', 'web')).stdout).slice(1)

test('a source and a HelmRelease are created in every cluster, and waited for', async () => {
  expect(await said('create', 'source', 'git', 'fleet', '--url', world.url('fleet'), '--branch', 'main', '--all-clusters')).toMatchObject({
    code: 0,
    lines: [
      '► applying GitRepository fleet in flux-system namespace',
      '✔ GitRepository created',
      '◎ waiting for GitRepository reconciliation',
      expect.stringMatching(/^✔ fetched revision main@sha1:/),
    ],
  })
  const values = join(world.dir, 'values.yaml')
  writeFileSync(values, 'note: mine\n')
  const release = ['--source', 'GitRepository/fleet', '--chart', './charts/web', '--values', values, '--cluster', 'staging']
  const created = await said('create', 'helmrelease', 'web', ...release, '--timeout', '90s')
  expect(created.lines.at(-1)).toBe('✔ applied revision 1.0.0')
  expect(created.code).toBe(0)
  expect(await page()).toEqual({ text: 'one', note: 'mine' })
  expect((await said('create', 'helmrelease', 'web', ...release)).lines).toContain('✔ HelmRelease unchanged')
})

test('get shows what is released; among all kinds it stays one row', async () => {
  const [head, row] = rows((await flotilla('get', 'helmreleases')).stdout)
  expect(head).toEqual(['CLUSTER', 'NAME', 'REVISION', 'CHART', 'APP VERSION', 'SUSPENDED', 'READY', 'MESSAGE'])
  expect(row?.slice(0, 7)).toEqual(['staging', 'web', '1.0.0', 'web', '1.0.0-app', 'False', 'True'])
  expect(rows((await flotilla('get', 'sources', 'chart')).stdout)[1]?.slice(0, 6)).toEqual([
    'staging',
    'flux-system-web',
    './charts/web',
    '*',
    'GitRepository/fleet',
    '1.0.0',
  ])
  expect((await flotilla('get', 'all')).stdout).toMatch(/^staging +helmrelease\/web +1\.0\.0 +False +True +Helm install succeeded/m)
})

test('reconcile --with-source fetches repository and chart, and waits until the new chart is released', async () => {
  await fleet.commit(chart('1.1.0', 'two'))
  const { code, lines } = await said('reconcile', 'helmrelease', 'web', '--with-source', '--timeout', '90s')
  expect(lines.filter((line) => line.startsWith('► '))).toEqual([
    '► annotating GitRepository fleet in flux-system namespace',
    '► annotating HelmChart flux-system-web in flux-system namespace',
    '► annotating HelmRelease web in flux-system namespace',
  ])
  expect(lines.at(-1)).toBe('✔ applied revision 1.1.0')
  expect(code).toBe(0)
  expect(await page()).toEqual({ text: 'two', note: 'mine' })
})

test('reconcile --force releases once more, and history tells every version', async () => {
  expect((await versions()).map(([, , version, , status, name]) => [version, status, name])).toEqual([
    ['2', 'deployed', 'web-1.1.0'],
    ['1', 'superseded', 'web-1.0.0'],
  ])
  expect(await said('reconcile', 'hr', 'web', '--force', '--reset', '--timeout', '90s')).toMatchObject({ code: 0 })
  expect((await versions())[0]).toMatchObject({ 1: 'flux-system/web', 2: '3', 4: 'deployed', 5: 'web-1.1.0', 6: '1.1.0-app' })
  expect(JSON.parse((await flotilla('history', 'hr', 'web', '--cluster', 'staging', '-o', 'json')).stdout)).toMatchObject([
    { cluster: 'staging', name: 'web', history: [{ version: 3, chartVersion: '1.1.0' }, { version: 2 }] },
  ])
  const refused = await said('reconcile', 'source', 'git', 'fleet', '--force')
  expect(refused).toEqual({ code: 2, lines: ['✗ --force and --reset are for HelmReleases, which GitRepository fleet is not'] })
})

test('a chart of a Helm repository is released; a new version in its index comes with --with-source', async () => {
  await using server = await openHelmServer()
  const template = { 'templates/page.yaml': chart('', 'shop')['charts/web/templates/page.yaml'] }
  await server.add('shop', '1.0.0', template)
  const repository = await said('create', 'source', 'helm', 'charts', '--url', server.url, '--cluster', 'staging', '--timeout', '60s')
  expect(repository.lines.at(-1)).toMatch(/^✔ fetched revision sha256:/)
  const from = ['--source', 'HelmRepository/charts', '--chart', 'shop', '--chart-version', '1.x', '--cluster', 'staging']
  expect((await said('create', 'hr', 'shop', ...from, '--timeout', '90s')).lines.at(-1)).toBe('✔ applied revision 1.0.0')
  await server.add('shop', '1.1.0', template)
  const { code, lines } = await said('reconcile', 'helmrelease', 'shop', '--with-source', '--timeout', '90s')
  expect(lines.filter((line) => line.startsWith('► '))).toEqual([
    '► annotating HelmRepository charts in flux-system namespace',
    '► annotating HelmChart flux-system-shop in flux-system namespace',
    '► annotating HelmRelease shop in flux-system namespace',
  ])
  expect(lines).toContain('✔ fetched revision 1.1.0')
  expect(lines.at(-1)).toBe('✔ applied revision 1.1.0')
  expect(code).toBe(0)
})

test('tree shows the objects of a release, also below the Kustomization that brought it', async () => {
  expect((await flotilla('tree', 'helmrelease', 'web')).stdout).toBe('HelmRelease/flux-system/web\n└── ConfigMap/flux-system/web\n')
  const release = (await flotilla(...'create hr nested --source GitRepository/fleet --chart ./charts/web --export'.split(' '))).stdout
  await fleet.commit({ 'apps/release.yaml': release })
  await flotilla('reconcile', 'source', 'git', 'fleet', '--timeout', '60s')
  const apps = await flotilla(
    ...'create kustomization apps --source GitRepository/fleet --path apps --prune --wait --cluster staging'.split(' '),
  )
  expect(apps.stderr).toContain('✔ applied revision main@sha1:')
  expect((await flotilla('tree', 'ks', 'apps')).stdout).toBe(
    'Kustomization/flux-system/apps\n└── HelmRelease/flux-system/nested\n    └── ConfigMap/flux-system/nested\n',
  )
})

test('suspend and resume hold releases and charts', async () => {
  for (const what of [
    ['helmrelease', 'web'],
    ['source', 'chart', 'flux-system-web'],
  ]) {
    expect(await said('suspend', ...what)).toMatchObject({ code: 0 })
    const refused = await said('reconcile', ...what)
    expect(refused.lines[0]).toContain('is suspended in staging; flotilla resume starts it again')
    expect(await said('resume', ...what, '--timeout', '60s')).toMatchObject({ code: 0 })
  }
  expect(await page()).toEqual({ text: 'two', note: 'mine' })
})

test('a registry has nothing to reconcile: it is said, and the chart is asked for', async () => {
  const registry = await said('create', 'source', 'helm', 'registry', '--url', 'oci://127.0.0.1:1/charts', '--cluster', 'staging')
  expect(registry).toMatchObject({ code: 0, lines: [expect.stringContaining('applying HelmRepository'), '✔ HelmRepository created'] })
  for (const verb of ['suspend', 'resume'])
    expect(await said(verb, 'source', 'helm', 'registry', '--timeout', '5s')).toMatchObject({ code: 0 })
  const from = ['--source', 'HelmRepository/registry', '--chart', 'web', '--cluster', 'staging', '--no-wait']
  expect(await said('create', 'helmrelease', 'remote', ...from)).toMatchObject({ code: 0 })
  await eventually('its chart is known', async () => (await flotilla('get', 'sources', 'chart', 'flux-system-remote')).code === 0)
  const { code, lines } = await said('reconcile', 'helmrelease', 'remote', '--with-source', '--timeout', '60s')
  expect(lines.slice(0, 2)).toEqual([
    '◎ HelmRepository registry is a place in a registry where charts are looked up: there is nothing to reconcile',
    '► annotating HelmChart flux-system-remote in flux-system namespace',
  ])
  expect(lines.at(-1)).toContain('✗ HelmChart flux-system-remote is not ready')
  expect(code).toBe(1)
})

test('an artifact of a registry can be created, suspended and resumed', async () => {
  const from = ['--url', 'oci://127.0.0.1:1/app', '--tag', '1.0.0', '--cluster', 'staging', '--timeout', '60s']
  const { code, lines } = await said('create', 'source', 'oci', 'app', ...from)
  expect(lines.at(-1)).toContain('✗ OCIRepository app is not ready')
  expect(code).toBe(1)
  expect(await said('suspend', 'source', 'oci', 'app')).toMatchObject({ code: 0 })
  expect(rows((await flotilla('get', 'sources', 'oci')).stdout)[1]?.slice(0, 4)).toEqual([
    'staging',
    'app',
    'oci://127.0.0.1:1/app',
    'True',
  ])
  expect(await said('resume', 'source', 'oci', 'app', '--no-wait')).toMatchObject({ code: 0 })
})

test('what cannot be created says why: exit code 2, and nothing is asked of the cluster', async () => {
  const nowhere = await said('create', 'source', 'git', 'x', '--url', 'https://git.example.com/x', '--branch', 'main')
  expect(nowhere).toEqual({ code: 2, lines: ['✗ say where: --cluster NAME or --all-clusters, or --export to print it'] })
})
