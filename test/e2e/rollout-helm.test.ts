import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Manifest } from '../../proto/model/manifest.ts'
import { eventually } from '../support/eventually.ts'
import { aConfigMap, readyOf, yaml } from '../support/flux.ts'
import { type HelmServer, openHelmServer } from '../support/helm-repository.ts'
import { type RolloutView, viewRollout } from '../support/rollout-view.ts'
import { type AppVersions, NEVER_READY, viewVersions } from '../support/versioned-app.ts'
import { openWorld, type TestWorld } from '../support/world.ts'

// A Rollout over a chart: its versions go through the waves, and one that cannot be released in the canary goes no further.

const CLUSTERS = ['dev', 'production']
let world: TestWorld
let charts: HelmServer
let rollout: RolloutView
let versions: AppVersions

beforeAll(async () => {
  charts = await openHelmServer()
  world = await openWorld(CLUSTERS)
  rollout = viewRollout(world, 'app')
  versions = viewVersions(world, CLUSTERS)
  await publish('1.0.0')
  for (const cluster of CLUSTERS) await world.kubectl(cluster, ['apply', '-f', '-'], yaml(REPOSITORY(), RELEASE))
  for (const cluster of CLUSTERS) await versions.is(cluster, '1.0.0')
  await world.viaHub('fleet', ['apply', '-f', '-'], yaml(ROLLOUT))
  await rollout.isUpToDate()
})
afterAll(async () => {
  await world?.[Symbol.asyncDispose]()
  await charts?.[Symbol.asyncDispose]()
})

const FLUX = { name: 'app', namespace: 'flux-system' }
const REPOSITORY = (): Manifest => ({
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind: 'HelmRepository',
  metadata: { ...FLUX, name: 'charts' },
  spec: { url: charts.url, interval: '2s' },
})
const aRelease = (name: string, version: string, targetNamespace: string): Manifest => ({
  apiVersion: 'helm.toolkit.fluxcd.io/v2',
  kind: 'HelmRelease',
  metadata: { ...FLUX, name },
  spec: {
    interval: '10m',
    targetNamespace,
    chart: { spec: { chart: 'app', version, interval: '2s', sourceRef: { kind: 'HelmRepository', name: 'charts' } } },
  },
})
const RELEASE = aRelease('app', '1.x', 'default')
const ROLLOUT: Manifest = {
  apiVersion: 'fleet.flotilla.dev/v1alpha1',
  kind: 'Rollout',
  metadata: FLUX,
  spec: {
    source: { kind: 'HelmChart', name: 'flux-system-app' },
    waves: [
      { name: 'canary', clusters: { names: ['dev'] } },
      { name: 'rest', rest: true },
    ],
    onFailure: { action: 'rollback' },
  },
}

/** A version of the chart, whose ConfigMap says which; a further object may come with it. */
const publish = (version: string, ...more: readonly Manifest[]) =>
  charts.add('app', version, { 'templates/app.yaml': yaml(aConfigMap('app', { version }, '{{ .Release.Namespace }}'), ...more) })
const aDeployment = (podLabels: object): Manifest => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: '{{ .Release.Namespace }}' },
  spec: {
    progressDeadlineSeconds: 10,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web', ...podLabels } },
      spec: { containers: [{ name: 'web', image: 'example.com/web:1' }] },
    },
  },
})
const why = async (cluster: string) => (await world.flotilla(['why', cluster, 'helmrelease/app'])).stdout

test('a new version of a chart goes through the waves', async () => {
  await publish('1.1.0')
  const run = await rollout.runIs('succeeded', '1.1.0')
  expect(run.clusters).toMatchObject({ total: 2, healthy: 2 })
  expect(await versions.all()).toEqual(['1.1.0', '1.1.0'])
  await eventually('why says that all is well', async () =>
    (await why('production')).includes('production has 1.1.0, and HelmRelease/flux-system/app is ready'),
  )
})

test('a version that cannot be released is taken back from the canary and never reaches production', async () => {
  await publish('1.2.0', aConfigMap('Not_A_Name', {}))
  await rollout.runIs('rolled-back', '1.2.0')
  expect((await rollout.status()).problems).toMatchObject([{ cluster: 'dev', object: 'HelmRelease/flux-system/app' }])
  await eventually('the canary has the version before again', async () => {
    const found = await world.get('dev', 'helmrelease', 'app', 'flux-system')
    return readyOf(found)?.status === 'True' && (await versions.of('dev')) === '1.1.0'
  })
  const told = (await world.get('production', 'helmrelease', 'app', 'flux-system')) as { readonly status?: { readonly history?: object[] } }
  expect(told.status?.history).toMatchObject([{ chartVersion: '1.1.0' }, { chartVersion: '1.0.0' }])
  expect(await why('production')).toContain('keeps 1.2.0 back')
})

test('the next version goes out again', async () => {
  await publish('1.3.0')
  await rollout.runIs('succeeded', '1.3.0')
  expect(await versions.all()).toEqual(['1.3.0', '1.3.0'])
})

test('a Deployment that never becomes available keeps a version from production, though nothing waits for it', async () => {
  for (const cluster of CLUSTERS)
    await world.kubectl(cluster, [
      ...['patch', 'helmrelease', 'app', '-n', 'flux-system', '--type=merge'],
      ...['-p', '{"spec":{"upgrade":{"disableWait":true}}}'],
    ])
  await publish('1.4.0', aDeployment(NEVER_READY))
  await eventually('why names the Deployment', async () => (await why('dev')).includes('Deployment/default/web is InProgress'))
  expect(readyOf(await world.get('dev', 'helmrelease', 'app', 'flux-system'))?.status).toBe('True')
  await rollout.runIs('rolled-back', '1.4.0')
  expect((await rollout.status()).problems).toMatchObject([{ object: 'HelmRelease/flux-system/app', reason: 'HealthCheckFailed' }])
  await versions.is('dev', '1.3.0')
  await publish('1.5.0', aDeployment({}))
  await rollout.runIs('succeeded', '1.5.0')
  expect(await versions.all()).toEqual(['1.5.0', '1.5.0'])
})

// With the chart that it had, it would be Ready in its new generation.
test('a release is not Ready with the chart that it had while the version that it asks for cannot be fetched', async () => {
  const ask = (version: string) => world.kubectl('dev', ['apply', '-f', '-'], yaml(aRelease('pinned', version, 'kube-public')))
  const says = (what: string, text: string) =>
    eventually(what, async () => {
      const ready = readyOf(await world.get('dev', 'helmrelease', 'pinned', 'flux-system'))
      return ready !== undefined && `${ready.observedGeneration} ${ready.status} ${ready.reason}: ${ready.message}`.includes(text)
    })
  await ask('1.0.0')
  await says('it has the first version', '1 True InstallSucceeded')
  await ask('9.9.9')
  await says('the version is missed', "2 False SourceNotReady: HelmChart 'flux-system/flux-system-pinned' is not ready")
  await ask('1.1.0')
  await says('it has the next version', '3 True UpgradeSucceeded')
  expect(await world.get('dev', 'configmap', 'app', 'kube-public')).toMatchObject({ data: { version: '1.1.0' } })
})
