import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openReleaseWorld, type ReleaseWorld, WITHIN } from '../support/release-world.ts'

// What becomes of a release, by how its actions and its tests end and by what the HelmRelease says of failures.

let world: ReleaseWorld
beforeAll(async () => {
  world = await openReleaseWorld('helm-scenarios')
})
afterAll(() => world?.[Symbol.asyncDispose]())
beforeEach(() => world.fresh())

/** The API server takes no such port, and says so at once. */
const service = (when: string, annotations = '') => `{{- if ${when} }}
apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}-broken
  annotations: { note: broken${annotations} }
spec:
  ports: [{ port: 99999999 }]
{{- end }}
`
const breakable = (when = '.Values.broken') => ({ files: { 'templates/broken.yaml': service(when) } })
const good = { deployment: false, text: 'good' }
const bad = { broken: true, text: 'bad' }
const tested = { chart: 'tests', files: { 'templates/may-fail.yaml': service('.Values.fail', ', helm.sh/hook: test') } }
const isReady = (name: string, words = /^True/) => expect.poll(() => world.condition(name), WITHIN).toMatch(words)
const isStalled = (name: string, words: string) => expect.poll(() => world.condition(name, 'Stalled'), WITHIN).toBe(`True ${words}`)
const asked = async (name: string) => {
  await world.annotate(name, { 'reconcile.fluxcd.io/requestedAt': 'now' })
  await expect.poll(async () => (await world.status(name)).lastHandledReconcileAt, WITHIN).toBe('now')
}

test('a release that is as it should be is left as it is, and so is what is said of it', async () => {
  const name = await world.release({ values: good })
  {
    await using _agent = await world.agent()
    await isReady(name)
  }
  const before = await world.status(name)
  await using _next = await world.agent()
  await asked(name)
  expect(await world.status(name)).toEqual({ ...before, lastHandledReconcileAt: 'now' })
  expect(await world.stored(name)).toEqual(['1 deployed'])
})

test.each(['pending-install', 'pending-upgrade', 'pending-rollback'])(
  'a release that was left %s is unlocked and released',
  async (status) => {
    const name = await world.release({ values: good })
    {
      await using _agent = await world.agent()
      await isReady(name)
    }
    await world.revise(name, 1, status)
    await world.annotate(name, { 'reconcile.fluxcd.io/requestedAt': 'now' })
    await using _next = await world.agent()
    await isReady(name, /^True UpgradeSucceeded/)
    expect((await world.stored(name)).at(-1)).toBe('2 deployed')
    expect(await world.events(name)).toContain(`Unlocked Helm release ${name}/app.v1 with chart app@1.0.0 in ${status} state`)
  },
)

test('a new version of the chart is an upgrade', async () => {
  const name = await world.release({ values: good })
  {
    await using _agent = await world.agent()
    await isReady(name)
  }
  await world.plant(name, { version: '1.1.0' })
  await using _next = await world.agent()
  await isReady(name, /^True UpgradeSucceeded .*app\.v2 with chart app@1\.1\.0/)
})

test('an install that fails is uninstalled and tried again, and the last one is left to be looked at', async () => {
  const name = await world.release({ ...breakable(), values: { ...good, ...bad }, spec: { install: { remediation: { retries: 1 } } } })
  await using _agent = await world.agent()
  await isStalled(name, 'RetriesExceeded Failed to install after 2 attempt(s)')
  expect(await world.stored(name)).toEqual(['1 failed'])
  expect(await world.events(name)).toContain(`Helm uninstall remediation for release ${name}/app.v1 with chart app@1.0.0 succeeded`)
  expect((await world.status(name)).installFailures).toBe(2)
  await world.patch(name, { values: { broken: false } })
  await isReady(name, /^True UpgradeSucceeded/)
  expect(await world.condition(name, 'Stalled')).toBeUndefined()
})

test('an install that fails is taken away where also the last failure is remedied', async () => {
  const spec = { install: { remediation: { remediateLastFailure: true } } }
  const name = await world.release({ ...breakable(), values: { ...good, ...bad }, spec })
  await using _agent = await world.agent()
  await isStalled(name, 'RetriesExceeded Failed to install after 1 attempt(s)')
  expect(await world.stored(name)).toEqual([])
  expect(await world.condition(name, 'Remediated')).toMatch(/^True UninstallSucceeded/)
  expect(await world.text(name)).toBeUndefined()
})

test('an install that fails is tried again as an upgrade for ever with RetryOnFailure, and its failures do not pile up', async () => {
  const strategy = { name: 'RetryOnFailure', retryInterval: '50ms' }
  const name = await world.release({
    ...breakable(),
    values: { ...good, ...bad },
    spec: { install: { strategy }, upgrade: { strategy } },
  })
  await using _agent = await world.agent()
  await expect.poll(async () => (await world.status(name)).history?.[0]?.version, WITHIN).toBeGreaterThan(6)
  expect((await world.status(name)).history?.length).toBeLessThanOrEqual(6)
  expect(await world.condition(name, 'Stalled')).toBeUndefined()
  await world.patch(name, { values: { broken: false } })
  await isReady(name, /^True UpgradeSucceeded/)
  expect((await world.status(name)).history?.length).toBe(5)
})

test.each<[string, object, object, RegExp, readonly string[]]>([
  ['taken away', { remediation: { remediateLastFailure: true } }, {}, /^True UninstallSucceeded/, []],
  ['left where it is exhausted', {}, {}, /^undefined/, ['1 deployed']],
])('an install whose tests fail is %s', async (_name, install, more, remedied, stored) => {
  const name = await world.release({ ...tested, values: { fail: true }, spec: { test: { enable: true, ...more }, install } })
  await using _agent = await world.agent()
  await isStalled(name, 'RetriesExceeded Failed to install after 1 attempt(s)')
  expect(String(await world.condition(name, 'Remediated'))).toMatch(remedied)
  expect(await world.condition(name, 'TestSuccess')).toMatch(/^False TestFailed/)
  expect(await world.stored(name)).toEqual(stored)
})

test('an install whose tests fail is tried again as an upgrade with RetryOnFailure', async () => {
  const strategy = { name: 'RetryOnFailure', retryInterval: '50ms' }
  const name = await world.release({
    ...tested,
    values: { fail: true },
    spec: { test: { enable: true }, install: { strategy }, upgrade: { strategy } },
  })
  await using _agent = await world.agent()
  await expect.poll(async () => (await world.status(name)).history?.[0]?.version, WITHIN).toBeGreaterThan(1)
  expect(await world.condition(name, 'Stalled')).toBeUndefined()
  await world.patch(name, { values: { fail: false } })
  await isReady(name, /^True TestSucceeded/)
})

test.each([
  { test: { enable: true, ignoreFailures: true } },
  { test: { enable: true, ignoreFailures: true }, upgrade: { remediation: { retries: 3 } } },
])('tests that fail and are ignored leave a release as it is, new or upgraded: %j', async (spec) => {
  const name = await world.release({ ...tested, values: { fail: true }, spec })
  await using _agent = await world.agent()
  await isReady(name, /^True InstallSucceeded/)
  await expect.poll(() => world.condition(name, 'TestSuccess'), WITHIN).toMatch(/^False TestFailed .*app\.v1/)
  await world.patch(name, { values: { more: 1 } })
  await expect.poll(() => world.condition(name, 'TestSuccess'), WITHIN).toMatch(/^False TestFailed .*app\.v2/)
  await isReady(name, /^True UpgradeSucceeded/)
  expect(await world.stored(name)).toEqual(['1 superseded', '2 deployed'])
})

test('tests that are left out are not run, and nobody waits for them', async () => {
  const filters = [{ name: 'app-broken', exclude: true }]
  const name = await world.release({ ...tested, values: { fail: true }, spec: { test: { enable: true, filters } } })
  await using _agent = await world.agent()
  await isReady(name, /^True TestSucceeded .*: 1 test hook completed successfully/)
  const [now] = (await world.status(name)).history ?? []
  expect(now?.testHooks).toEqual({ 'app-passes': expect.objectContaining({ phase: 'Succeeded' }) })
})

/** A good release, and then other values. */
async function upgraded(upgrade: object, { files = breakable(), values = bad as object, spec = {} } = {}): Promise<string> {
  const name = await world.release({ ...files, values: good, spec: { ...spec, upgrade } })
  {
    await using _agent = await world.agent()
    await isReady(name)
  }
  await world.patch(name, { values })
  return name
}

test('an upgrade that fails without a remedy stays as it is', async () => {
  const name = await upgraded({})
  await using _agent = await world.agent()
  await isStalled(name, 'RetriesExceeded Failed to upgrade after 1 attempt(s)')
  expect(await world.stored(name)).toEqual(['1 deployed', '2 failed'])
  expect(await world.condition(name, 'Remediated')).toBeUndefined()
  expect(await world.history(name)).toEqual(['2 failed', '1 deployed'])
})

test('an upgrade that fails is rolled back and tried again, and the last failure stays where it is not to be remedied', async () => {
  const name = await upgraded({ remediation: { retries: 1, remediateLastFailure: false } })
  await using _agent = await world.agent()
  await isStalled(name, 'RetriesExceeded Failed to upgrade after 2 attempt(s)')
  expect(await world.stored(name)).toEqual(['1 superseded', '2 failed', '3 deployed', '4 failed'])
  expect(await world.history(name)).toEqual(['4 failed', '3 deployed', '2 failed', '1 superseded'])
})

test('an upgrade that fails is uninstalled and installed anew', async () => {
  const files = breakable('and .Values.broken .Release.IsUpgrade')
  const name = await upgraded({ remediation: { retries: 1, strategy: 'uninstall' } }, { files })
  await using _agent = await world.agent()
  await expect.poll(() => world.text(name), WITHIN).toBe('bad')
  await isReady(name, /^True InstallSucceeded .*app\.v1 /)
  expect(await world.stored(name)).toEqual(['1 deployed'])
  expect(await world.history(name)).toEqual(['1 deployed'])
})

test('without an earlier good release there is nothing to roll back to', async () => {
  const name = await world.release({ ...breakable(), values: { ...good, ...bad }, spec: { upgrade: { remediation: { retries: 1 } } } })
  await using _agent = await world.agent()
  await isStalled(name, 'RetriesExceeded Failed to install after 1 attempt(s)')
  await world.patch(name, { values: { text: 'still bad' } })
  await expect.poll(() => world.condition(name, 'Stalled'), WITHIN).toMatch(/^True MissingRollbackTarget/)
})

test('a forced request tries once more what was given up', async () => {
  const name = await upgraded({})
  await using _agent = await world.agent()
  await isStalled(name, 'RetriesExceeded Failed to upgrade after 1 attempt(s)')
  await world.annotate(name, { 'reconcile.fluxcd.io/requestedAt': 'x', 'reconcile.fluxcd.io/forceAt': 'x' })
  await expect.poll(() => world.stored(name), WITHIN).toContain('3 failed')
})

test.each([
  ['postRenderers', [{ kustomize: { patches: [{ target: { kind: 'ConfigMap' }, patch: label('first') }] } }], 'first'],
  ['commonMetadata', { labels: { mark: 'first' } }, 'first'],
])('another %s is an upgrade, once, and so is none', async (member, value, mark) => {
  const name = await world.release({ values: good })
  await using _agent = await world.agent()
  await isReady(name)
  await world.patch(name, { [member]: value })
  await isReady(name, /^True UpgradeSucceeded .*app\.v2/)
  expect(await world.look(name, 'configmap/app', '.metadata.labels.mark')).toBe(mark)
  await asked(name)
  await world.patch(name, { interval: '11m' })
  await expect.poll(async () => (await world.status(name)).observedGeneration, WITHIN).toBe(3)
  expect(await world.stored(name)).toEqual(['1 superseded', '2 deployed'])
  await world.patch(name, { [member]: null })
  await isReady(name, /^True UpgradeSucceeded .*app\.v3/)
  expect(await world.look(name, 'configmap/app', '.metadata.labels.mark')).toBe('')
})

function label(value: string): string {
  return JSON.stringify([{ op: 'add', path: '/metadata/labels', value: { mark: value } }])
}
