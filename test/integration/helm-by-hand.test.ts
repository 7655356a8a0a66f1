import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Helm } from '../../agent/helm/io/program.ts'
import type { HelmAction } from '../../proto/helm/protocol.ts'
import { writeChart } from '../support/charts.ts'
import { openReleaseWorld, type ReleaseWorld, WITHIN } from '../support/release-world.ts'
import { openTempDir } from '../support/temp-dir.ts'

// What becomes of a release when somebody uses Helm on it by hand, or when another controller made it.

let world: ReleaseWorld
beforeAll(async () => {
  world = await openReleaseWorld('helm-by-hand')
})
afterAll(() => world?.[Symbol.asyncDispose]())
beforeEach(() => world.fresh())

const WAIT = { timeoutMs: 20_000, wait: 'watcher' } as const
const values = (text: string) => ({ deployment: false, text })
const isReady = (name: string, words: RegExp) => expect.poll(() => world.condition(name), WITHIN).toMatch(words)
const ask = (name: string, token: string) => world.annotate(name, { 'reconcile.fluxcd.io/requestedAt': token })

/** Two versions of a release: the second is what is wanted. */
async function twice(): Promise<string> {
  const name = await world.release({ values: values('one') })
  await using _agent = await world.agent()
  await isReady(name, /^True InstallSucceeded/)
  await world.patch(name, { values: { text: 'two' } })
  await isReady(name, /^True UpgradeSucceeded/)
  return name
}

async function byHand(name: string, act: (release: HelmAction['release'], dir: string) => Promise<HelmAction> | HelmAction) {
  await using dir = openTempDir('by-hand')
  const helm: Helm = await world.somebody(name)
  const action = await act({ name: 'app', namespace: name, storageNamespace: name }, dir.path)
  const done = await helm.run(action, { signal: AbortSignal.timeout(60_000), deadlineMs: 60_000 })
  expect(done.kind, JSON.stringify(done)).toBe('done')
}

test('a release that somebody upgraded is brought back to what is wanted', async () => {
  const name = await twice()
  await byHand(name, async (release, dir) => ({
    action: 'upgrade',
    release,
    chart: { path: await writeChart(dir, 'app') },
    values: values('by hand'),
    options: { ...WAIT, serverSideApply: 'auto', crds: 'Skip' },
  }))
  expect(await world.text(name)).toBe('by hand')
  await ask(name, 'a')
  await using _agent = await world.agent()
  await isReady(name, /^True UpgradeSucceeded .*app\.v4 with chart app@1\.0\.0/)
  expect(await world.text(name)).toBe('two')
  expect(await world.history(name)).toEqual(['4 deployed'])
})

test('a release that somebody rolled back is upgraded again to what is wanted, once', async () => {
  const name = await twice()
  await byHand(name, (release) => ({ action: 'rollback', release, options: { ...WAIT, rollbackTo: 1, serverSideApply: 'auto' } }))
  expect(await world.stored(name)).toEqual(['1 superseded', '2 superseded', '3 deployed'])
  expect(await world.text(name)).toBe('one')
  await ask(name, 'a')
  await using _agent = await world.agent()
  await isReady(name, /^True UpgradeSucceeded .*app\.v4 /)
  expect(await world.text(name)).toBe('two')
  await ask(name, 'b')
  await expect.poll(async () => (await world.status(name)).lastHandledReconcileAt, WITHIN).toBe('b')
  expect((await world.stored(name)).at(-1)).toBe('4 deployed')
})

test('a release that somebody uninstalled is installed anew', async () => {
  const name = await twice()
  await byHand(name, (release) => ({ action: 'uninstall', release, options: WAIT }))
  expect(await world.stored(name)).toEqual([])
  await ask(name, 'a')
  await using _agent = await world.agent()
  await isReady(name, /^True InstallSucceeded .*app\.v1 /)
  expect(await world.text(name)).toBe('two')
  expect(await world.stored(name)).toEqual(['1 deployed'])
  expect(await world.history(name)).toEqual(['1 deployed'])
})

test('a release that somebody made is taken over by an upgrade, also after one that came to nothing', async () => {
  const name = await world.cluster.createNamespace('helm')
  await byHand(name, async (release, dir) => ({
    action: 'install',
    release,
    chart: { path: await writeChart(dir, 'app'), version: '1.0.0' },
    values: values('one'),
    options: { ...WAIT, serverSideApply: 'enabled', crds: 'Create' },
  }))
  await world.release({ values: { ...values('one'), replicas: 'none' } }, name)
  await using _agent = await world.agent()
  await isReady(name, /^False UpgradeFailed .* got string, want integer/s)
  expect(await world.history(name)).toEqual([])
  await world.patch(name, { values: { replicas: null } })
  await isReady(name, /^True UpgradeSucceeded .*app\.v2 /)
  expect(await world.history(name)).toEqual(['2 deployed'])
})

test('older versions that somebody deleted are not missed', async () => {
  const name = await twice()
  await world.cluster.kubectl(['delete', 'secret', 'sh.helm.release.v1.app.v1', '-n', name])
  await ask(name, 'a')
  await using _agent = await world.agent()
  await expect.poll(async () => (await world.status(name)).lastHandledReconcileAt, WITHIN).toBe('a')
  await isReady(name, /^True UpgradeSucceeded .*app\.v2 /)
  expect(await world.stored(name)).toEqual(['2 deployed'])
})

test('tests that somebody ran by hand change nothing', async () => {
  const name = await world.release({ chart: 'tests', values: {} })
  {
    await using _agent = await world.agent()
    await isReady(name, /^True InstallSucceeded/)
  }
  const before = await world.status(name)
  await byHand(name, (release) => ({ action: 'test', release, options: { timeoutMs: 20_000 } }))
  await ask(name, 'a')
  await using _agent = await world.agent()
  await expect.poll(async () => (await world.status(name)).lastHandledReconcileAt, WITHIN).toBe('a')
  expect(await world.status(name)).toEqual({ ...before, lastHandledReconcileAt: 'a' })
  expect(await world.stored(name)).toEqual(['1 deployed'])
})

test('a release that an older Flux took down is taken over as it is', async () => {
  const name = await twice()
  const { history = [] } = await world.status(name)
  const older = history.map(({ apiVersion: _, action: __, ...snapshot }) => ({ ...snapshot, digest: `sha256:${'0'.repeat(64)}` }))
  const at = ['patch', 'helmrelease', name, '-n', 'flux-system', '--subresource=status', '--type=merge']
  await world.cluster.kubectl([...at, '-p', JSON.stringify({ status: { history: older } })])
  await ask(name, 'a')
  await using _agent = await world.agent()
  await expect.poll(async () => (await world.status(name)).lastHandledReconcileAt, WITHIN).toBe('a')
  expect(await world.stored(name)).toEqual(['1 superseded', '2 deployed'])
  expect((await world.status(name)).history?.[0]).toMatchObject({ apiVersion: 'v2', digest: history[0]?.digest, version: 2 })
})
