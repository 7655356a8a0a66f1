import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Manifest } from '../../proto/model/manifest.ts'
import { viewCluster } from '../support/cluster-view.ts'
import { eventually } from '../support/eventually.ts'
import { aGitRepository, aKustomization, readyOf, yaml } from '../support/flux.ts'
import type { TestRepository } from '../support/git-repository.ts'
import { kubectl } from '../support/kubectl.ts'
import { type RolloutView, viewRollout } from '../support/rollout-view.ts'
import { createTokenUser } from '../support/token-user.ts'
import { type AppVersions, anApp, NEVER_READY, viewVersions } from '../support/versioned-app.ts'
import { openWorld, type TestWorld } from '../support/world.ts'

// Four clusters bootstrapped from one repository as `flux bootstrap` does it, `clusters/NAME` for each, and one Rollout over it.

const CLUSTERS = ['dev', 'staging', 'eu', 'us']
const HEALTH = { wait: true, timeout: '8s', retryInterval: '3s' }
let world: TestWorld
let fleet: TestRepository
let platform: RolloutView
let versions: AppVersions

beforeAll(async () => {
  world = await openWorld(CLUSTERS)
  fleet = await world.repository('fleet')
  platform = viewRollout(world, 'platform')
  versions = viewVersions(world, CLUSTERS)
  for (const region of ['eu', 'us']) await world.flotilla(['cluster', 'label', region, 'stage=production', `region=${region}`])
  for (const late of ['staging', 'us']) await world.stop(`agent-${late}`)
  await fleet.commit(tree('one'))
  for (const cluster of CLUSTERS) await world.kubectl(cluster, ['apply', '-f', '-'], sync(cluster))
  for (const cluster of ['dev', 'eu']) await versions.is(cluster, 'one')
  await govern({ waves: [DEV, STAGING, { ...PRODUCTION, approval: 'required' }] })
  await platform.isUpToDate()
})
afterAll(() => world?.[Symbol.asyncDispose]())

const DEV = { name: 'dev', clusters: { names: ['dev'] }, soak: '1s' }
const STAGING = { name: 'staging', clusters: { names: ['staging'] } }
const PRODUCTION = { name: 'production', clusters: { matchLabels: { stage: 'production' } }, maxConcurrent: 1, soak: '1s' }

const aRollout = (name: string, namespace: string, spec: object): Manifest => ({
  apiVersion: 'fleet.flotilla.dev/v1alpha1',
  kind: 'Rollout',
  metadata: { name, namespace },
  spec,
})
const govern = (spec: object) => {
  const source = { kind: 'GitRepository', name: 'flux-system' }
  const rollout = aRollout('platform', 'flux-system', { source, waves: [DEV, STAGING, PRODUCTION], ...spec })
  return world.viaHub('fleet', ['apply', '-f', '-'], yaml(rollout))
}

/** The objects that fetch a cluster's folder; they are in that folder themselves. */
const sync = (cluster: string) =>
  yaml(
    aGitRepository('flux-system', world.url('fleet'), { interval: '2s' }),
    aKustomization('flux-system', 'flux-system', `./clusters/${cluster}`, { retryInterval: '3s' }),
  )

/** What is committed for a version, which never becomes ready in the clusters where it is broken. */
function tree(version: string, broken: readonly string[] = []): Readonly<Record<string, string>> {
  const files = CLUSTERS.flatMap((cluster) => [
    [`clusters/${cluster}/flux-system/kustomization.yaml`, 'resources:\n  - gotk-sync.yaml\n'],
    [`clusters/${cluster}/flux-system/gotk-sync.yaml`, sync(cluster)],
    [`clusters/${cluster}/apps.yaml`, yaml(aKustomization('apps', 'flux-system', `./apps/${cluster}`, HEALTH))],
    [`apps/${cluster}/app.yaml`, anApp(version, { podLabels: broken.includes(cluster) ? NEVER_READY : {} })],
  ])
  return Object.fromEntries(files)
}

/** A child of dev's folder whose pod starts when somebody says so, with time enough for that. */
const slowChild = (version: string) => ({
  'clusters/dev/slow.yaml': yaml(aKustomization('slow', 'flux-system', './slow', { ...HEALTH, timeout: '3m' })),
  'slow/app.yaml': anApp(version, { name: 'slow', podLabels: NEVER_READY }),
})
const letItStart = () =>
  eventually('the pod starts', async () => {
    const pods = ['-n', 'default', '-l', 'app=slow,local.flotilla.dev/pod']
    return (await world.kubectl('dev', ['label', 'pods', ...pods, 'local.flotilla.dev/pod-'])).includes('labeled')
  })
const untilSlowIsAllThatLacks = (commit: string) =>
  platform.run('dev waits for the slow child', commit, ({ message = '' }) =>
    /until .*; dev: Kustomization\/flux-system\/slow: /.test(message),
  )
/** When the time of a cluster that is on its way is up, as the run's sentence says it. */
const deadlineIn = (message = '') => Date.parse(/ until (\S+Z)/.exec(message)?.[1] ?? '')

test('a cluster that joins during a run follows at once where its wave is past, and waits where it is to come', async () => {
  const commit = await fleet.commit(tree('two'))
  await versions.is('dev', 'two')
  const { waves } = await platform.runIs('pending', commit)
  expect(waves?.map(({ state, total }) => [state, total])).toEqual([
    ['complete', 1],
    ['complete', 0],
    ['pending', 1],
  ])
  for (const late of ['staging', 'us']) await world.start(`agent-${late}`)
  await versions.is('staging', 'two')
  await platform.run('us waits with eu', commit, (run) => run.waves?.[1]?.healthy === 1 && run.waves[2]?.waiting === 2)
  expect(await versions.all()).toEqual(['two', 'two', 'one', undefined])
  expect(await world.flotilla(['rollout', 'approve', 'platform'])).toMatchObject({ code: 0 })
  await versions.is('us', 'two')
  expect(await platform.runIs('succeeded', commit)).toMatchObject({ clusters: { total: 4, healthy: 4 } })
})

test('a closed window releases nothing until the Rollout is edited to open it', async () => {
  const from = new Date()
  from.setUTCMinutes(0, 0, 0)
  const opens = new Date(from.getTime() + 2 * 3_600_000).toISOString().replace('.000', '')
  await govern({ windows: [{ schedule: `0 ${from.getUTCHours()} * * *`, duration: '2h', mode: 'deny' }] })
  const commit = await fleet.commit(tree('three'))
  const { message } = await platform.runIs('pending', commit)
  expect(message).toBe(`wave dev waits for its window, which opens at ${opens}; 1 cluster waits`)
  expect(await versions.all()).toEqual(['two', 'two', 'two', 'two'])
  await govern({})
  await platform.runIs('succeeded', commit)
  expect(await versions.all()).toEqual(['three', 'three', 'three', 'three'])
})

test('a parent is Ready before its new child, and the wave waits for the child', async () => {
  const commit = await fleet.commit({ ...tree('four'), ...slowChild('four') })
  await untilSlowIsAllThatLacks(commit)
  const parent = await viewCluster(world, 'dev').ready('kustomization', 'flux-system')
  expect(parent.status).toMatchObject({ lastAppliedRevision: `main@sha1:${commit}` })
  expect(readyOf(await world.get('dev', 'kustomization', 'slow', 'flux-system'))?.status).not.toBe('True')
  expect(await versions.all()).toEqual(['four', 'three', 'three', 'three'])
  await letItStart()
  await platform.runIs('succeeded', commit)
  expect(await versions.all()).toEqual(['four', 'four', 'four', 'four'])
})

test('a hub that sleeps for longer than the deadline takes nothing back when it wakes', async () => {
  // A beat and a half of the sleep count as watched.
  const [deadlineMs, sleepMs] = [15_000, 24_000]
  await govern({ onFailure: { action: 'rollback', progressDeadline: `${deadlineMs / 1000}s` } })
  const commit = await fleet.commit({ ...tree('five'), ...slowChild('five') })
  const before = await untilSlowIsAllThatLacks(commit)
  const pid = world.pid('hub')
  if (pid === undefined) throw new Error('the hub does not run')
  process.kill(pid, 'SIGSTOP')
  const wakesAt = Date.now() + sleepMs
  await eventually('it has slept', async () => Date.now() >= wakesAt, { timeoutMs: 2 * sleepMs, everyMs: 500 })
  process.kill(pid, 'SIGCONT')
  const moved = (message = '') => deadlineIn(message) - deadlineIn(before.message) > deadlineMs
  const awake = await platform.run(
    'the deadline moved on by the sleep',
    commit,
    ({ message, waves }) => moved(message) && waves?.[0]?.released === 1,
  )
  expect(awake).toMatchObject({ state: 'progressing', clusters: { failed: 0, rolledBack: 0 } })
  await letItStart()
  expect(await platform.runIs('succeeded', commit)).toMatchObject({ clusters: { healthy: 4 } })
})

test('a revision that is broken in the last region of production alone is taken back from every cluster', async () => {
  await govern({ onFailure: { action: 'rollback' } })
  const commit = await fleet.commit(tree('six', ['us']))
  await versions.is('us', 'six')
  expect((await versions.all()).slice(0, 3)).toEqual(['six', 'six', 'six'])
  await platform.runIs('rolled-back', commit)
  for (const cluster of CLUSTERS) await versions.is(cluster, 'five')
  expect((await platform.status()).badRevisions).toEqual([`main@sha1:${commit}`])
  expect(await world.viaHub('fleet', ['get', 'events', '-n', 'flux-system'])).toMatch(
    /failed at .*: us: Kustomization\/flux-system\/apps: /,
  )
})

test('with the action stop it stays where it came to and goes no further, and the next one mends it', async () => {
  await govern({ onFailure: { action: 'stop' } })
  const broken = await fleet.commit(tree('seven', ['eu']))
  await platform.runIs('stopped', broken)
  expect(await versions.all()).toEqual(['seven', 'seven', 'seven', 'five'])
  expect((await platform.status()).problems).toEqual([
    { cluster: 'eu', object: 'Kustomization/flux-system/apps', reason: 'HealthCheckFailed', message: expect.any(String) },
  ])
  const mended = await fleet.commit(tree('eight'))
  await platform.runIs('succeeded', mended)
  expect(await versions.all()).toEqual(['eight', 'eight', 'eight', 'eight'])
})

test('a cluster that is relabelled during a run leaves it, or joins it and waits for its wave', async () => {
  const label = (cluster: string, text: string) => world.flotilla(['cluster', 'label', cluster, text])
  await label('us', 'parked=yes')
  const clusters = { matchExpressions: [{ key: 'parked', operator: 'DoesNotExist' }] }
  await govern({ clusters, waves: [DEV, { name: 'rest', rest: true, approval: 'required' }] })
  const commit = await fleet.commit(tree('nine'))
  await versions.is('us', 'nine')
  await platform.run('dev has it, and two wait', commit, ({ waves }) => waves?.[0]?.state === 'complete' && waves[1]?.waiting === 2)
  await label('us', 'parked-')
  await label('staging', 'parked=yes')
  await versions.is('staging', 'nine')
  await platform.run('us waits and staging left', commit, ({ clusters: counts, waves }) => counts?.total === 3 && waves?.[1]?.waiting === 2)
  expect(await versions.of('eu')).not.toBe('nine')
  expect(await world.flotilla(['rollout', 'approve', 'platform'])).toMatchObject({ code: 0 })
  expect(await platform.runIs('succeeded', commit)).toMatchObject({ clusters: { healthy: 3, total: 3 } })
  expect(await versions.all()).toEqual(['nine', 'nine', 'nine', 'nine'])
  await label('staging', 'parked-')
})

/** A tenant with its own repository in two clusters, and a Rollout that somebody of the tenant made. */
async function openTeam(name: string) {
  const clusters = ['dev', 'eu']
  const repository = await world.repository(name)
  const at = { versions: viewVersions(world, clusters, name), rollout: viewRollout(world, 'app', name) }
  const commit = (version: string, podLabels = {}) => repository.commit({ 'app/app.yaml': anApp(version, { namespace: name, podLabels }) })
  await commit('one')
  await world.flotilla(['tenant', 'create', name, '--namespace', name, '--cluster', ...clusters])
  const user = await createTokenUser(world, name, 'editor')
  for (const cluster of clusters) {
    await eventually('the tenant is set up', () => world.get(cluster, 'rolebinding', 'flotilla-tenant', name))
    const source = aGitRepository('app', world.url(name), { interval: '2s' }, name)
    await world.kubectl(cluster, ['apply', '-f', '-'], yaml(source, aKustomization('app', 'app', './app', HEALTH, name)))
  }
  for (const cluster of clusters) await at.versions.is(cluster, 'one')
  const waves = [DEV, { name: 'rest', rest: true, approval: 'required' }]
  const rollout = aRollout('app', name, { source: { kind: 'GitRepository', name: 'app' }, waves, onFailure: { action: 'rollback' } })
  expect(await user.flotilla(['apply', '-f', '-'], yaml(rollout))).toMatchObject({ code: 0 })
  await at.rollout.isUpToDate()
  const sees = (...args: readonly string[]) => kubectl(user.kubeconfig, ['--context', 'fleet', ...args])
  return { ...at, ...user, commit, sees }
}

test("two tenants' rollouts of one name go on at once, and neither tenant sees the other's", async () => {
  const [red, blue] = await Promise.all([openTeam('red'), openTeam('blue')])
  const [bad, good] = await Promise.all([red.commit('two', NEVER_READY), blue.commit('two')])
  await blue.rollout.runIs('pending', good)
  await red.rollout.runIs('rolled-back', bad)
  await red.versions.is('dev', 'one')
  expect(await blue.versions.all()).toEqual(['two', 'one'])
  expect(await red.sees('get', 'rollouts', '-A', '-o', 'jsonpath={.items[*].metadata.namespace}')).toBe('red')
  expect(await blue.sees('get', 'rollouts', '-A', '-o', 'jsonpath={.items[*].metadata.namespace}')).toBe('blue')
  const events = await red.sees('get', 'events', '-A')
  expect(events).toContain(bad)
  expect(events).not.toContain(good)
  for (const verb of ['status', 'history', 'approve', 'skip', 'rollback'])
    expect(await red.flotilla(['rollout', verb, 'app', '-n', 'blue'])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('not found'),
    })
  expect((await red.flotilla(['why', 'dev'])).stdout).not.toContain('blue')
  expect(await blue.flotilla(['rollout', 'approve', 'app', '-n', 'blue'])).toMatchObject({ code: 0 })
  await blue.versions.is('eu', 'two')
  await blue.rollout.runIs('succeeded', good)
  expect(await red.versions.all()).toEqual(['one', 'one'])
})
