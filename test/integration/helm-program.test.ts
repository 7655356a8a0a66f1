import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { HelmAction, HelmAwaited, HelmPostRender } from '../../proto/helm/protocol.ts'
import { openSharedCluster, type TestCluster } from '../support/cluster.ts'
import { type HelmWorld, openHelmWorld, WAIT } from '../support/helm.ts'

let cluster: TestCluster

beforeAll(async () => {
  cluster = await openSharedCluster()
})
afterAll(() => cluster[Symbol.asyncDispose]())

const signal = AbortSignal.timeout(600_000)
const releaseOf = ({ namespace }: HelmWorld) => ({ name: 'app', namespace, storageNamespace: namespace })
const done = (release: object) =>
  expect.objectContaining({ kind: 'done', answer: expect.objectContaining({ release: expect.objectContaining(release) }) })

test('installs, upgrades and uninstalls a release that the storage tells of', async () => {
  await using world = await openHelmWorld(cluster)
  const chart = { name: 'app', version: '1.2.3', appVersion: '4.5.6' }
  expect(await world.install('app', { values: { text: 'one' } })).toEqual(
    done({ version: 1, status: 'deployed', chart, applyMethod: 'ssa' }),
  )
  expect(await world.look('configmap/app', '.data.text')).toBe('one')
  expect(await world.look('configmap/app', '.metadata.managedFields[*].manager')).toBe('helm-controller')
  expect(await world.upgrade('app', { values: { text: 'two', replicas: 2 } })).toEqual(done({ version: 2, status: 'deployed' }))
  expect(await world.history()).toEqual(['2 deployed', '1 superseded'])
  const [newest] = await world.storage.history(releaseOf(world), signal)
  expect(newest).toMatchObject({ config: { text: 'two', replicas: 2 }, applyMethod: 'ssa', chart })
  expect(newest?.manifest).toContain('kind: Deployment')
  expect(await world.run({ action: 'uninstall', release: releaseOf(world), options: WAIT })).toMatchObject({ kind: 'done' })
  expect(await world.history()).toEqual([])
  const left = ['get', 'configmap,deployment', '-n', world.namespace, '-l', 'app.kubernetes.io/managed-by=Helm', '-o', 'name']
  expect(await cluster.kubectl(left)).toBe('')
})

test('records a rewritten version of the chart', async () => {
  await using world = await openHelmWorld(cluster)
  const version = '1.2.3+0123456789ab'
  expect(await world.install('app', { version, values: { deployment: false } })).toEqual(
    done({ chart: expect.objectContaining({ version }) }),
  )
})

test('renders subcharts with the words of a library chart, and leaves out the one that is off', async () => {
  await using world = await openHelmWorld(cluster)
  expect(await world.install('umbrella')).toEqual(done({ status: 'deployed' }))
  expect(await world.look('configmap/app-leaf', '.data.text')).toBe('from the umbrella')
  expect(await world.look('configmap/app-leaf', '.metadata.labels.chart')).toBe('leaf')
  await expect(world.look('configmap/app-off', '.data')).rejects.toThrow('not found')
})

test('takes over objects of others only where it may', async () => {
  await using world = await openHelmWorld(cluster)
  await cluster.kubectl(['create', 'configmap', 'app', '-n', world.namespace, '--from-literal=text=theirs'])
  const values = { text: 'ours', deployment: false }
  const refused = await world.install('app', { values, secrets: [] }, { takeOwnership: false })
  expect(refused).toMatchObject({
    kind: 'refused',
    answer: { error: expect.stringContaining('cannot be imported into the current release') },
  })
  expect(await world.history()).toEqual([])
  expect(await world.install('app', { values })).toMatchObject({ kind: 'done' })
  expect(await world.look('configmap/app', '.data.text')).toBe('ours')
})

test('records a failed hook, and rolls back past it', async () => {
  await using world = await openHelmWorld(cluster)
  expect(await world.install('hooks', { values: { text: 'good' } })).toMatchObject({ kind: 'done' })
  const failed = await world.upgrade('hooks', { values: { text: 'bad', before: 'fails' }, secrets: [] })
  expect(failed).toMatchObject({
    kind: 'refused',
    answer: { error: expect.stringContaining('pre-upgrade hooks failed'), release: { version: 2, status: 'failed' } },
  })
  const hooks = failed.kind === 'refused' ? failed.answer.release?.hooks : []
  expect(hooks).toContainEqual(
    expect.objectContaining({ name: 'app-before', kind: 'Job', phase: 'Failed', completedAt: expect.any(String) }),
  )
  const options = { ...WAIT, serverSideApply: 'auto', rollbackTo: 1 } as const
  expect(await world.run({ action: 'rollback', release: releaseOf(world), options })).toEqual(
    done({ version: 3, status: 'deployed', description: 'Rollback to 1' }),
  )
  expect(await world.history()).toEqual(['3 deployed', '2 failed', '1 superseded'])
  expect(await world.look('configmap/app', '.data.text')).toBe('good')
})

test('keeps the history of what it uninstalled, and uses the name again', async () => {
  await using world = await openHelmWorld(cluster)
  const values = { deployment: false }
  await world.install('app', { values })
  const options = { ...WAIT, keepHistory: true, deletionPropagation: 'foreground' } as const
  expect(await world.run({ action: 'uninstall', release: releaseOf(world), options })).toEqual(done({ version: 1, status: 'uninstalled' }))
  expect(await world.history()).toEqual(['1 uninstalled'])
  expect(await world.install('app', { values })).toMatchObject({
    kind: 'refused',
    answer: { error: expect.stringContaining('still in use') },
  })
  expect(await world.install('app', { values }, { replace: true })).toEqual(done({ version: 2, status: 'deployed' }))
})

test('keeps only as many versions as it is told to', async () => {
  await using world = await openHelmWorld(cluster)
  await world.install('app', { values: { deployment: false } })
  for (const text of ['a', 'b', 'c']) await world.upgrade('app', { values: { deployment: false, text } }, { maxHistory: 2 })
  expect(await world.history()).toEqual(['4 deployed', '3 superseded'])
})

test('merges values into those of the last release where it is told to', async () => {
  await using world = await openHelmWorld(cluster)
  await world.install('app', { values: { deployment: false, text: 'kept' } })
  await world.upgrade('app', { values: { replicas: 3 } }, { preserveValues: true })
  const [newest] = await world.storage.history(releaseOf(world), signal)
  expect(newest?.config).toEqual({ deployment: false, text: 'kept', replicas: 3 })
})

test('runs tests and says what became of each', async () => {
  await using world = await openHelmWorld(cluster)
  const run = (options = {}) => world.run({ action: 'test', release: releaseOf(world), options: { timeoutMs: 30_000, ...options } })
  await world.install('tests')
  const passed = await run()
  const hook = (name: string, more: object) => expect.objectContaining({ name, events: ['test'], ...more })
  const ran = { startedAt: expect.any(String), completedAt: expect.any(String) }
  expect(passed).toEqual(
    done({
      hooks: expect.arrayContaining([
        hook('app-may-fail', { ...ran, phase: 'Succeeded' }),
        hook('app-passes', { ...ran, phase: 'Succeeded' }),
      ]),
    }),
  )
  await world.upgrade('tests', { values: { fail: true } })
  expect(await run({ testFilters: [{ name: 'app-may-fail', exclude: true }] })).toEqual(
    done({ hooks: expect.arrayContaining([hook('app-may-fail', { phase: '' }), hook('app-passes', { phase: 'Succeeded' })]) }),
  )
  expect(await run()).toMatchObject({
    kind: 'refused',
    answer: { release: { status: 'deployed', hooks: expect.arrayContaining([hook('app-may-fail', { phase: 'Failed' })]) } },
  })
})

test('applies CustomResourceDefinitions as the policy says, those of enabled subcharts too, and deletes none', async () => {
  await using world = await openHelmWorld(cluster, { role: 'cluster-admin', everywhere: true })
  const description = () =>
    cluster.kubectl(['get', 'crd', 'gadgets.charts.test', '-o', 'jsonpath={.spec.versions[0].schema.openAPIV3Schema.description}'])
  const text = readFileSync('test/fixtures/charts/crds/crds/gadgets.yaml', 'utf8')
  const second = { 'crds/gadgets.yaml': text.replace('description: first', 'description: second') }
  try {
    const skipped = await world.install('crds', { secrets: [] }, { crds: 'Skip' })
    expect(skipped).toMatchObject({ kind: 'refused', answer: { error: expect.stringContaining('no matches for kind "Gadget"') } })
    const origin = { strategy: 'nohooks', kustomize: [], originLabels: { 'helm.toolkit.fluxcd.io/name': 'app' } } as const
    const installed = await world.install('crds', { values: { inner: { enabled: false } }, postRender: origin })
    expect(installed).toMatchObject({
      kind: 'done',
      answer: { crds: [{ apiVersion: 'apiextensions.k8s.io/v1', name: 'gadgets.charts.test', did: 'created' }] },
    })
    expect(installed.log).toContainEqual(expect.stringContaining('ignoring a ConfigMap'))
    expect(await cluster.kubectl(['get', 'crd', 'gadgets.charts.test', '--show-labels'])).toContain('helm.toolkit.fluxcd.io/name=app')
    const did = (...each: string[]) => ({ kind: 'done', answer: { crds: each.map((how) => ({ did: how })) } })
    expect(await world.upgrade('crds', { files: second }, { crds: 'Create' })).toMatchObject(did('kept', 'created'))
    expect(await description()).toBe('first')
    expect(await world.upgrade('crds', { files: second }, { crds: 'CreateReplace' })).toMatchObject(did('replaced', 'replaced'))
    expect(await description()).toBe('second')
    const old = { 'crds/gadgets.yaml': text.replace('apiextensions.k8s.io/v1', 'apiextensions.k8s.io/v1beta1') }
    expect(await world.upgrade('crds', { files: old })).toMatchObject(did('skipped', 'skipped'))
    await world.run({ action: 'uninstall', release: releaseOf(world), options: WAIT })
    expect(await description()).toBe('second')
  } finally {
    await cluster.kubectl(['delete', 'crd', 'gadgets.charts.test', 'widgets.charts.test', '--ignore-not-found'])
  }
})

test('makes the namespace where it is told to', async () => {
  await using world = await openHelmWorld(cluster, { role: 'cluster-admin', everywhere: true })
  const release = { ...releaseOf(world), namespace: `${world.namespace}-made` }
  const request = await world.request('install', 'app', { values: { deployment: false } })
  if (request.action !== 'install') return
  expect(await world.run({ ...request, release })).toMatchObject({ kind: 'refused', answer: { release: { status: 'failed' } } })
  const options = { ...request.options, createNamespace: true, replace: true }
  expect(await world.run({ ...request, release, options })).toMatchObject({ kind: 'done' })
  expect(await cluster.kubectl(['get', 'configmap', 'app', '-n', release.namespace, '-o', 'name'])).toBe('configmap/app\n')
  expect(await world.history()).toEqual(['2 deployed', '1 failed'])
})

test.each([
  { strategy: 'nohooks', hook: ['', ''] },
  { strategy: 'combined', hook: ['app', 'patched'] },
  { strategy: 'separate', hook: ['app', 'patched'] },
] as const)('post-renders with the strategy $strategy', async ({ strategy, hook }) => {
  await using world = await openHelmWorld(cluster)
  const patch = (kind: string) => ({ target: { kind }, patch: '[{"op":"add","path":"/metadata/labels","value":{"patched":"patched"}}]' })
  const postRender: HelmPostRender = {
    strategy,
    kustomize: [{ patches: [patch('ConfigMap')] }, { images: [{ name: 'registry.example/before', newTag: '2' }] }],
    originLabels: { 'helm.toolkit.fluxcd.io/name': 'app' },
    commonMetadata: { labels: { common: 'yes' }, annotations: { note: 'common' } },
  }
  expect(await world.install('hooks', { postRender })).toMatchObject({ kind: 'done' })
  const labels = (name: string) => world.look(`configmap/${name}`, '.metadata.labels')
  expect(JSON.parse(await labels('app'))).toMatchObject({ 'helm.toolkit.fluxcd.io/name': 'app', common: 'yes', patched: 'patched' })
  expect(await world.look('configmap/app', '.metadata.annotations.note')).toBe('common')
  const shown = await labels('app-after')
  const of = shown ? (JSON.parse(shown) as Record<string, string>) : {}
  expect([of['helm.toolkit.fluxcd.io/name'] ?? '', of.patched ?? '']).toEqual(hook)
  const image = await world.look('job/app-before', '.spec.template.spec.containers[0].image')
  expect(image).toBe(strategy === 'nohooks' ? 'registry.example/before:1' : 'registry.example/before:2')
})

test('goes on with client-side apply until it is told otherwise', async () => {
  await using world = await openHelmWorld(cluster)
  const values = (text: string) => ({ values: { deployment: false, text } })
  expect(await world.install('app', values('a'), { serverSideApply: 'disabled' })).toEqual(done({ applyMethod: 'csa' }))
  expect(await world.upgrade('app', values('b'))).toEqual(done({ applyMethod: 'csa' }))
  expect(await world.upgrade('app', values('c'), { serverSideApply: 'enabled' })).toEqual(done({ applyMethod: 'ssa' }))
  expect(await world.upgrade('app', values('d'))).toEqual(done({ applyMethod: 'ssa' }))
  expect(await world.look('configmap/app', '.metadata.managedFields[*].operation')).toBe('Apply')
  expect(await world.look('configmap/app', '.data.text')).toBe('d')
})

test('renders without changing anything, and looks things up as its ServiceAccount', async () => {
  await using world = await openHelmWorld(cluster)
  await cluster.kubectl(['create', 'secret', 'generic', 'known', '-n', world.namespace, '--from-literal=text=known'])
  const rendered = await world.template('app', { values: { lookup: 'known', password: 'not-masked' } })
  expect(rendered).toMatchObject({ kind: 'done', answer: { rendered: { manifest: expect.stringContaining('seen: "a25vd24="') } } })
  expect(await world.history()).toEqual([])
  await world.install('app', { values: { deployment: false } })
  const upgraded = await world.template('app', { values: { text: 'next' } }, { isUpgrade: true })
  const manifest = expect.stringMatching(/text: "next"\n +revision: "2"/)
  expect(upgraded).toMatchObject({ kind: 'done', answer: { rendered: { manifest } } })
  expect(await world.history()).toEqual(['1 deployed'])
  await using weak = await openHelmWorld(cluster, { role: 'view' })
  expect(await weak.template('app', { values: { lookup: 'known' }, secrets: [] })).toMatchObject({
    kind: 'refused',
    answer: {
      error: expect.stringMatching(/lookup.*forbidden: User "system:serviceaccount:helm-.*:releaser" cannot get resource "secrets"/),
    },
  })
})

test('leaves the last wait of an action to its parent, pending in the storage until that writes what Helm would', async () => {
  await using world = await openHelmWorld(cluster)
  const options = { ...WAIT, wait: 'parent', serverSideApply: 'enabled', crds: 'Create' } as const
  const asked = (await world.request('install', 'app', { values: { text: 'one' } })) as Extract<HelmAction, { action: 'install' }>
  const outcome = await world.run({ ...asked, options })
  const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: world.namespace, name: 'app', isLabelled: false }
  const waiting = { version: 1, objects: [{ ...deployment, resourceVersion: expect.stringMatching(/^\d+$/) }] }
  expect(outcome).toMatchObject({ kind: 'waiting', waiting })
  const [made] = await world.storage.history(releaseOf(world), signal)
  expect(made?.info).toMatchObject({ status: 'pending-install', description: 'Initial install underway' })
  if (made) await world.storage.write([{ stored: made, status: 'deployed', description: 'Install complete' }], signal)
  expect(await world.history()).toEqual(['1 deployed'])
  const labels = JSON.parse(await world.look('secret/sh.helm.release.v1.app.v1', '.metadata.labels'))
  expect(labels).toEqual({ name: 'app', owner: 'helm', status: 'deployed', version: '1', modifiedAt: expect.stringMatching(/^\d{10}$/) })
  const upgrade = (await world.request('upgrade', 'app', { values: { text: 'two' } })) as Extract<HelmAction, { action: 'upgrade' }>
  const again = await world.run({ ...upgrade, options: { ...options, serverSideApply: 'auto' } })
  expect(again).toMatchObject({ kind: 'waiting', waiting: { version: 2, former: 1, objects: [deployment] } })
  expect(await world.history()).toEqual(['2 pending-upgrade', '1 deployed'])
})

test('asks its parent to wait where hooks follow, and goes on with the answer', async () => {
  await using world = await openHelmWorld(cluster)
  const options = { ...WAIT, wait: 'parent', judged: [{ group: '' }], serverSideApply: 'enabled', crds: 'Create' } as const
  const asked = (await world.request('install', 'hooks')) as Extract<HelmAction, { action: 'install' }>
  const after = () => cluster.kubectl(['get', 'configmap', 'app-after', '-n', world.namespace, '--ignore-not-found', '-o', 'name'])
  const seen: unknown[] = []
  const wait = (why: string | undefined) => async (objects: readonly HelmAwaited[]) => {
    seen.push(...objects.map(({ kind, name }) => `${kind}/${name}`), await after(), ...(await world.history()))
    return why
  }
  const failed = await world.run({ ...asked, options }, { wait: wait('timeout waiting for: [it]') })
  expect(seen).toEqual(['ConfigMap/app', '', '1 pending-install'])
  expect(failed).toMatchObject({
    kind: 'refused',
    answer: {
      error: 'timeout waiting for: [it]',
      release: { status: 'failed', description: 'Release "app" failed: timeout waiting for: [it]' },
    },
  })
  expect(await after()).toBe('')
  const upgrade = (await world.request('upgrade', 'hooks')) as Extract<HelmAction, { action: 'upgrade' }>
  const good = await world.run({ ...upgrade, options: { ...options, serverSideApply: 'auto' } }, { wait: wait(undefined) })
  expect(good).toEqual(done({ version: 2, status: 'deployed', description: 'Upgrade complete' }))
  expect(await after()).toBe('configmap/app-after\n')
})

test('leaves no wait where all is ready at once', async () => {
  await using world = await openHelmWorld(cluster)
  const asked = (await world.request('install', 'app', { values: { deployment: false } })) as Extract<HelmAction, { action: 'install' }>
  const options = { ...WAIT, wait: 'parent', serverSideApply: 'enabled', crds: 'Create' } as const
  expect(await world.run({ ...asked, options })).toEqual(done({ version: 1, status: 'deployed', description: 'Install complete' }))
})
