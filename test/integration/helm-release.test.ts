import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Manifest } from '../../proto/model/manifest.ts'
import { openReleaseWorld, type ReleaseWorld, WITHIN } from '../support/release-world.ts'

let world: ReleaseWorld
beforeAll(async () => {
  world = await openReleaseWorld('helm-release')
})
afterAll(() => world?.[Symbol.asyncDispose]())
beforeEach(() => world.fresh())

const read = async (...args: readonly string[]): Promise<Manifest> =>
  JSON.parse(await world.cluster.kubectl(['get', ...args, '-o', 'json']))

test('installs a chart under the platform identity, with status and storage as Flux writes them', async () => {
  const namespace = await world.release({ values: { deployment: false, text: 'one' } })
  await using _agent = await world.agent()
  await expect
    .poll(() => world.condition(namespace), WITHIN)
    .toMatch(/^True InstallSucceeded Helm install succeeded for release .*\/app.v1 with chart app@1.0.0/)
  expect(await world.text(namespace)).toBe('one')
  expect(await world.stored(namespace)).toEqual(['1 deployed'])
  const status = await world.status(namespace)
  expect(status).toMatchObject({
    observedGeneration: 1,
    helmChart: `flux-system/flux-system-${namespace}`,
    storageNamespace: namespace,
    lastAttemptedRevision: '1.0.0',
    lastAttemptedReleaseAction: 'install',
    history: [{ name: 'app', namespace, version: 1, status: 'deployed', chartName: 'app', chartVersion: '1.0.0', appVersion: '9' }],
    inventory: { entries: [{ id: `${namespace}_app__ConfigMap`, v: 'v1' }] },
  })
  const chart = await read('helmchart', `flux-system-${namespace}`, '-n', 'flux-system')
  expect(chart.spec).toMatchObject({ chart: 'app', version: '*', sourceRef: { kind: 'HelmRepository', name: 'charts' }, interval: '10m' })
})

test('other values are an upgrade; a deleted HelmRelease takes its release and its HelmChart along', async () => {
  const namespace = await world.release({ values: { deployment: false, text: 'one' } })
  await using _agent = await world.agent()
  await expect.poll(() => world.text(namespace), WITHIN).toBe('one')
  await expect.poll(() => world.condition(namespace), WITHIN).toMatch(/^True/)
  await world.patch(namespace, { values: { text: 'two' } })
  await expect
    .poll(() => world.condition(namespace), WITHIN)
    .toMatch(/^True UpgradeSucceeded Helm upgrade succeeded for release .*\/app.v2 with chart app@1.0.0/)
  expect(await world.text(namespace)).toBe('two')
  expect(await world.history(namespace)).toEqual(['2 deployed', '1 superseded'])
  await world.cluster.kubectl(['delete', 'helmrelease', namespace, '-n', 'flux-system', '--timeout=30s'])
  expect(await world.text(namespace)).toBeUndefined()
  expect(await world.stored(namespace)).toEqual([])
  await expect(read('helmchart', `flux-system-${namespace}`, '-n', 'flux-system')).rejects.toThrow(/not found/)
})

test('an upgrade that fails is rolled back, tried as often as allowed, and then given up until something changes', async () => {
  const namespace = await world.release({ chart: 'hooks', values: { text: 'good' }, spec: { upgrade: { remediation: { retries: 1 } } } })
  await using _agent = await world.agent()
  await expect.poll(() => world.condition(namespace), WITHIN).toMatch(/^True InstallSucceeded/)
  await world.patch(namespace, { values: { before: 'fails', text: 'bad' } })
  await expect.poll(() => world.condition(namespace, 'Stalled'), WITHIN).toBe('True RetriesExceeded Failed to upgrade after 2 attempt(s)')
  expect(await world.condition(namespace, 'Remediated')).toMatch(
    /^True RollbackSucceeded Helm rollback to previous release .* with chart hooks@1.0.0 succeeded/,
  )
  expect(await world.condition(namespace)).toMatch(/^False/)
  expect(await world.text(namespace)).toBe('good')
  expect((await world.status(namespace)).upgradeFailures).toBe(2)
  await world.patch(namespace, { values: { before: 'succeeds', text: 'better' } })
  await expect.poll(() => world.condition(namespace), WITHIN).toMatch(/^True UpgradeSucceeded/)
  expect(await world.text(namespace)).toBe('better')
  expect((await world.status(namespace)).upgradeFailures).toBeUndefined()
})

test('an install that fails is given up after its retries; a request to reset tries it again', async () => {
  const namespace = await world.release({ chart: 'hooks', values: { before: 'fails' } })
  await using _agent = await world.agent()
  await expect.poll(() => world.condition(namespace, 'Stalled'), WITHIN).toBe('True RetriesExceeded Failed to install after 1 attempt(s)')
  expect(await world.condition(namespace, 'Released')).toMatch(
    /^False InstallFailed Helm install failed for release .*\/app with chart hooks@1.0.0: /,
  )
  const before = await world.stored(namespace)
  await world.annotate(namespace, { 'reconcile.fluxcd.io/requestedAt': 'x', 'reconcile.fluxcd.io/resetAt': 'x' })
  await expect.poll(() => world.stored(namespace), WITHIN).not.toEqual(before)
  await expect.poll(async () => (await world.status(namespace)).lastHandledReconcileAt, WITHIN).toBe('x')
  expect((await world.status(namespace)).lastHandledResetAt).toBe('x')
})

test('runs tests, and remedies a release whose tests fail', async () => {
  const namespace = await world.release({
    chart: 'tests',
    values: {},
    spec: { test: { enable: true }, upgrade: { remediation: { remediateLastFailure: true } } },
  })
  await using _agent = await world.agent()
  await expect
    .poll(() => world.condition(namespace), WITHIN)
    .toMatch(/^True TestSucceeded Helm test succeeded for release .*: 2 test hooks completed successfully/)
  await world.patch(namespace, { values: { fail: true } })
  await expect.poll(() => world.condition(namespace, 'Stalled'), WITHIN).toBe('True RetriesExceeded Failed to upgrade after 1 attempt(s)')
  expect(await world.condition(namespace, 'TestSuccess')).toMatch(/^False TestFailed/)
  expect(await world.condition(namespace, 'Remediated')).toMatch(/^True RollbackSucceeded/)
})

test('a forced request upgrades what is in order', async () => {
  const namespace = await world.release()
  await using _agent = await world.agent()
  await expect.poll(() => world.condition(namespace), WITHIN).toMatch(/^True InstallSucceeded/)
  await world.annotate(namespace, { 'reconcile.fluxcd.io/requestedAt': 'x', 'reconcile.fluxcd.io/forceAt': 'x' })
  await expect.poll(() => world.stored(namespace), WITHIN).toEqual(['1 superseded', '2 deployed'])
  await expect.poll(async () => (await world.status(namespace)).lastHandledForceAt, WITHIN).toBe('x')
})

test('drift is put back, but for what may be ignored', async () => {
  const ignore = [{ paths: ['/data/revision'], target: { kind: 'ConfigMap' } }]
  const namespace = await world.release({
    values: { deployment: false, text: 'one' },
    spec: { interval: '2s', driftDetection: { mode: 'enabled', ignore } },
  })
  await using _agent = await world.agent()
  await expect.poll(() => world.condition(namespace), WITHIN).toMatch(/^True/)
  await world.cluster.kubectl([
    'patch',
    'configmap',
    'app',
    '-n',
    namespace,
    '--type=merge',
    '-p',
    '{"data":{"text":"drift","revision":"ours"}}',
  ])
  await expect.poll(() => world.text(namespace), WITHIN).toBe('one')
  expect((await read('configmap', 'app', '-n', namespace)).data).toMatchObject({ revision: 'ours' })
  await world.cluster.kubectl(['delete', 'configmap', 'app', '-n', namespace])
  await expect.poll(() => world.text(namespace), WITHIN).toBe('one')
  expect(await world.stored(namespace)).toEqual(['1 deployed'])
  expect((await read('configmap', 'app', '-n', namespace)).metadata.annotations).toMatchObject({ 'meta.helm.sh/release-name': 'app' })
  await expect.poll(() => world.events(namespace), WITHIN).toMatch(/DriftCorrected/)
})

test('heals a release that was left in the middle of an upgrade, and says so', async () => {
  const namespace = await world.release({ values: { deployment: false, text: 'one' } })
  {
    await using _agent = await world.agent()
    await expect.poll(() => world.condition(namespace), WITHIN).toMatch(/^True/)
  }
  // As helm leaves it when it is killed.
  await world.revise(namespace, 1, 'pending-upgrade')
  await world.patch(namespace, { values: { text: 'two' } })
  await using _agent = await world.agent()
  await expect.poll(() => world.text(namespace), WITHIN).toBe('two')
  await expect.poll(() => world.condition(namespace), WITHIN).toMatch(/^True UpgradeSucceeded/)
  await expect.poll(() => world.stored(namespace), WITHIN).toEqual(['1 superseded', '2 deployed'])
  await expect
    .poll(() => world.events(namespace), WITHIN)
    .toMatch(/Unlocked Helm release .*\/app.v1 with chart app@1.0.0 in pending-upgrade state/)
})

test('values of Secrets make the release and show up nowhere else', async () => {
  const namespace = await world.cluster.createNamespace('helm')
  const secret = 'correct-horse-battery'
  const values = Buffer.from(`password: ${secret}\n`).toString('base64')
  await world.put(
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: `${namespace}-values`, namespace: 'flux-system' },
      data: { 'values.yaml': values },
    },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `${namespace}-text`, namespace: 'flux-system' }, data: { text: '5' } },
  )
  const valuesFrom = [
    { kind: 'Secret', name: `${namespace}-values` },
    { kind: 'ConfigMap', name: `${namespace}-text`, valuesKey: 'text', targetPath: 'text', literal: true },
    { kind: 'ConfigMap', name: 'nobody', optional: true },
  ]
  await world.release({ values: { deployment: false, text: 'inline' }, spec: { valuesFrom } }, namespace)
  await using _agent = await world.agent()
  await expect.poll(() => world.condition(namespace), WITHIN).toMatch(/^True/)
  expect(await world.text(namespace)).toBe('5')
  const made = (await read('secret', 'app', '-n', namespace)) as Manifest & { data: { password: string } }
  expect(Buffer.from(made.data.password, 'base64').toString()).toBe(secret)
  const told = [
    await world.cluster.kubectl(['get', 'helmrelease', namespace, '-n', 'flux-system', '-o', 'yaml']),
    await world.cluster.kubectl(['get', 'events', '-A', '-o', 'yaml']),
  ]
  expect(told.join('\n')).not.toContain(secret)
})

test('says what it waits for, and what of its values is missing', async () => {
  const namespace = await world.release({ spec: { valuesFrom: [{ kind: 'ConfigMap', name: 'nobody' }] } })
  const later = await world.release({ spec: { dependsOn: [{ name: namespace }] } })
  await using _agent = await world.agent()
  await expect
    .poll(() => world.condition(namespace), WITHIN)
    .toBe("False ValuesError could not resolve chart values: ConfigMap 'nobody': not found")
  await expect
    .poll(() => world.condition(later), WITHIN)
    .toBe(`False DependencyNotReady dependency 'flux-system/${namespace}' is not ready`)
  await world.put({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'nobody', namespace: 'flux-system' },
    data: { 'values.yaml': 'text: found' },
  })
  await world.annotate(namespace, { 'reconcile.fluxcd.io/requestedAt': 'again' })
  await expect.poll(() => world.text(namespace), WITHIN).toBe('found')
  await expect.poll(() => world.condition(later), WITHIN).toMatch(/^True/)
})

test('an agent that is stopped in the middle of an upgrade goes on with it when it comes back', async () => {
  const namespace = await world.release({ chart: 'hooks', values: { text: 'one' } })
  {
    await using _agent = await world.agent()
    await expect.poll(() => world.condition(namespace), WITHIN).toMatch(/^True InstallSucceeded/)
    await world.patch(namespace, { values: { before: 'never ends', text: 'two' } })
    await expect.poll(() => world.stored(namespace), WITHIN).toContainEqual('2 pending-upgrade')
  }
  await world.patch(namespace, { values: { before: 'succeeds' } })
  await using _again = await world.agent()
  await expect.poll(() => world.condition(namespace), WITHIN).toMatch(/^True UpgradeSucceeded/)
  expect(await world.text(namespace)).toBe('two')
  expect((await world.stored(namespace)).at(-1)).toBe('3 deployed')
})

test('other names of the release and the namespace take the old release away first', async () => {
  const namespace = await world.release()
  const other = await world.cluster.createNamespace('helm')
  await using _agent = await world.agent()
  await expect.poll(() => world.condition(namespace), WITHIN).toMatch(/^True InstallSucceeded/)
  await world.patch(namespace, { targetNamespace: other, storageNamespace: other })
  await expect.poll(() => world.text(other), WITHIN).toBe('hello')
  expect(await world.text(namespace)).toBeUndefined()
  expect(await world.stored(namespace)).toEqual([])
  await expect.poll(() => world.condition(namespace), WITHIN).toMatch(new RegExp(`^True InstallSucceeded .* release ${other}/app.v1 `))
})

test('with RetryOnFailure a failed release is left as it is and tried again', async () => {
  const spec = { upgrade: { strategy: { name: 'RetryOnFailure', retryInterval: '1s' } } }
  const namespace = await world.release({ chart: 'hooks', values: { text: 'good' }, spec })
  await using _agent = await world.agent()
  await expect.poll(() => world.condition(namespace), WITHIN).toMatch(/^True InstallSucceeded/)
  await world.patch(namespace, { values: { before: 'fails', text: 'bad' } })
  await expect.poll(async () => (await world.status(namespace)).upgradeFailures, WITHIN).toBeGreaterThan(1)
  expect(await world.condition(namespace, 'Stalled')).toBeUndefined()
  expect(await world.condition(namespace, 'Remediated')).toBeUndefined()
  expect(await world.condition(namespace)).toMatch(/^(False UpgradeFailed|Unknown Progressing)/)
  await world.patch(namespace, { values: { before: 'succeeds', text: 'better' } })
  await expect.poll(() => world.condition(namespace), WITHIN).toMatch(/^True UpgradeSucceeded/)
})

test('drift that is only to be told of is told of, and left', async () => {
  const namespace = await world.release({ spec: { interval: '2s', driftDetection: { mode: 'warn' } } })
  await using _agent = await world.agent()
  await expect.poll(() => world.condition(namespace, 'Drifted'), WITHIN).toBe('False NoDriftDetected No drift detected')
  await world.cluster.kubectl(['patch', 'configmap', 'app', '-n', namespace, '--type=merge', '-p', '{"data":{"text":"drift"}}'])
  await expect
    .poll(() => world.condition(namespace, 'Drifted'), WITHIN)
    .toMatch(
      /^True DriftDetected Cluster state of release .*\/app.v1 has drifted from the desired state:\nConfigMap\/.*\/app changed \(0 additions, 1 changes, 0 removals\)/,
    )
  expect(await world.text(namespace)).toBe('drift')
})

test('a suspended HelmRelease is left alone, also when it is deleted', async () => {
  const namespace = await world.release()
  await using _agent = await world.agent()
  await expect.poll(() => world.condition(namespace), WITHIN).toMatch(/^True/)
  await world.patch(namespace, { suspend: true, values: { text: 'later' } })
  await world.cluster.kubectl(['delete', 'helmrelease', namespace, '-n', 'flux-system', '--timeout=30s'])
  expect(await world.text(namespace)).toBe('hello')
  expect(await world.stored(namespace)).toEqual(['1 deployed'])
})

test('values that the schema of the chart does not admit, and what is not served, are one clear condition each', async () => {
  const namespace = await world.release({ values: { text: 5 } })
  const other = await world.release({ spec: { kubeConfig: { secretRef: { name: 'elsewhere' } } } })
  await using _agent = await world.agent()
  await expect
    .poll(() => world.condition(namespace), WITHIN)
    .toMatch(/^False InstallFailed Helm install failed .* at '\/text': got number, want string/s)
  expect(await world.stored(namespace)).toEqual([])
  await expect
    .poll(() => world.condition(other, 'Stalled'), WITHIN)
    .toMatch(/^True FeatureGateDisabled Flotilla does not serve spec.kubeConfig yet/)
})

test('a HelmRelease whose ServiceAccount is gone does not hang when it is deleted', async () => {
  const namespace = await world.release()
  {
    await using _agent = await world.agent()
    await expect.poll(() => world.condition(namespace), WITHIN).toMatch(/^True/)
  }
  await world.patch(namespace, { serviceAccountName: 'nobody' })
  await world.cluster.kubectl(['delete', 'helmrelease', namespace, '-n', 'flux-system', '--wait=false'])
  await using _agent = await world.agent()
  await world.cluster.kubectl(['wait', '--for=delete', `helmrelease/${namespace}`, '-n', 'flux-system', '--timeout=30s'])
  expect(await world.text(namespace)).toBe('hello')
})
