import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openReleaseWorld, type ReleaseWorld, WITHIN } from '../support/release-world.ts'

// What a HelmRelease may ask for beside its values: where it goes, as whom, from which chart, with which kinds.

let world: ReleaseWorld
beforeAll(async () => {
  world = await openReleaseWorld('helm-shapes')
})
afterAll(() => world?.[Symbol.asyncDispose]())
beforeEach(() => world.fresh())

const good = { deployment: false, text: 'good' }
const isReady = (name: string, words = /^True/) => expect.poll(() => world.condition(name), WITHIN).toMatch(words)
const remove = (name: string) => world.cluster.kubectl(['delete', 'helmrelease', name, '-n', 'flux-system', '--timeout=30s'])

/** A release that was made, and is handed over to the next agent. */
async function made(wanted: Parameters<ReleaseWorld['release']>[0]): Promise<string> {
  const name = await world.release(wanted)
  await using _agent = await world.agent()
  await isReady(name, /^True InstallSucceeded/)
  return name
}

test('a release is made with the rights of its ServiceAccount, and with no others', async () => {
  const account = `team-${crypto.randomUUID().slice(0, 8)}`
  await world.cluster.kubectl(['create', 'serviceaccount', account, '-n', 'flux-system'])
  const name = await world.release({ values: good, spec: { serviceAccountName: account } })
  await using _agent = await world.agent()
  await isReady(name, new RegExp(`^False StateError .*"system:serviceaccount:flux-system:${account}" cannot list resource "secrets"`))
  await world.cluster.kubectl([
    ...['create', 'rolebinding', account, '-n', name, '--clusterrole=admin', `--serviceaccount=flux-system:${account}`],
  ])
  await world.annotate(name, { 'reconcile.fluxcd.io/requestedAt': 'now' })
  await isReady(name, /^True InstallSucceeded/)
})

test('the namespace of a release is made where that is asked for', async () => {
  const targetNamespace = `made-${crypto.randomUUID().slice(0, 8)}`
  const spec = { targetNamespace, storageNamespace: 'flux-system', install: { createNamespace: true } }
  await made({ values: good, spec })
  expect(await world.text(targetNamespace)).toBe('good')
})

test('a chart of another name is a new release, or an upgrade in place', async () => {
  const names = [
    await made({ values: good }),
    await made({ values: good, spec: { upgrade: { chartNameChangeStrategy: 'InPlaceUpdate' } } }),
  ]
  for (const name of names) await world.plant(name, { chart: 'tests' })
  await using _agent = await world.agent()
  const [anew = '', inPlace = ''] = names
  await isReady(anew, /^True InstallSucceeded .*app\.v1 with chart tests@1\.0\.0/)
  await isReady(inPlace, /^True UpgradeSucceeded .*app\.v2 with chart tests@1\.0\.0/)
  expect(await world.stored(anew)).toEqual(['1 deployed'])
  expect(await world.stored(inPlace)).toEqual(['1 superseded', '2 deployed'])
})

test('CustomResourceDefinitions are upgraded where that is asked for, are part of the inventory, and stay', async () => {
  const description = '.spec.versions[0].schema.openAPIV3Schema.description'
  const described = () => world.cluster.kubectl(['get', 'crd', 'gadgets.charts.test', '-o', `jsonpath={${description}}`])
  const chartFile = (version: string) =>
    `apiVersion: v2\nname: crds\nversion: ${version}\ndependencies: [{ name: inner, version: 0.1.0, condition: inner.enabled }]\n`
  const crd = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: gadgets.charts.test }
spec:
  group: charts.test
  scope: Namespaced
  names: { kind: Gadget, plural: gadgets, singular: gadget, listKind: GadgetList }
  versions:
    - name: v1
      served: true
      storage: true
      schema: { openAPIV3Schema: { type: object, description: second, x-kubernetes-preserve-unknown-fields: true } }
`
  const files = (version: string, more = {}) => ({ chart: 'crds', version, files: { 'Chart.yaml': chartFile(version), ...more } })
  const name = await made({ ...files('1.0.0'), values: {} })
  const ids = (await world.status(name)).inventory?.entries.map(({ id }) => id)
  expect(ids).toEqual(
    expect.arrayContaining(['_gadgets.charts.test_apiextensions.k8s.io_CustomResourceDefinition', `${name}_app_charts.test_Gadget`]),
  )
  await world.plant(name, files('1.1.0', { 'crds/gadgets.yaml': crd }))
  {
    await using _agent = await world.agent()
    await isReady(name, /^True UpgradeSucceeded .*app\.v2 /)
    expect(await described()).toBe('first')
    await world.patch(name, { upgrade: { crds: 'CreateReplace' }, values: { again: 1 } })
    await isReady(name, /^True UpgradeSucceeded .*app\.v3 /)
    expect(await described()).toBe('second')
    await remove(name)
  }
  expect(await described()).toBe('second')
})

test("a release is applied on the client's side until server-side apply is asked for", async () => {
  const operation = (name: string) => world.look(name, 'configmap/app', '.metadata.managedFields[*].operation')
  const name = await made({ values: good, spec: { install: { serverSideApply: false } } })
  expect(await operation(name)).toBe('Update')
  await world.patch(name, { values: { text: 'again' } })
  await using _agent = await world.agent()
  await isReady(name, /^True UpgradeSucceeded .*app\.v2 /)
  expect(await operation(name)).toBe('Update')
  await world.patch(name, { values: { text: 'once more' }, upgrade: { serverSideApply: 'enabled' } })
  await isReady(name, /^True UpgradeSucceeded .*app\.v3 /)
  expect(await operation(name)).toContain('Apply')
})

test('a HelmRelease whose namespaces are gone goes too', async () => {
  const name = await made({ values: good })
  await world.cluster.kubectl(['delete', 'namespace', name, '--timeout=30s'])
  await using _agent = await world.agent()
  await remove(name)
})

test('a Job that is taken away when it is done is waited for all the same', async () => {
  const job = `apiVersion: batch/v1
kind: Job
metadata: { name: {{ .Release.Name }}-once }
spec:
  ttlSecondsAfterFinished: 0
  template: { spec: { restartPolicy: Never, containers: [{ name: once, image: registry.example/once:1 }] } }
`
  await made({ values: good, files: { 'templates/once.yaml': job }, spec: { timeout: '20s' } })
})

test('a chart may be one that somebody else keeps', async () => {
  const name = await world.cluster.createNamespace('helm')
  const chartRef = { kind: 'HelmChart', name: `flux-system-${name}` }
  const { group, version } = { group: 'source.toolkit.fluxcd.io', version: 'v1' }
  await world.put({
    apiVersion: `${group}/${version}`,
    kind: 'HelmChart',
    metadata: { name: chartRef.name, namespace: 'flux-system' },
    spec: { chart: 'app', version: '*', interval: '10m', sourceRef: { kind: 'HelmRepository', name: 'charts' } },
  })
  await world.release({ values: good, spec: { chart: undefined, chartRef } }, name)
  await using _agent = await world.agent()
  await isReady(name, /^True InstallSucceeded/)
  expect((await world.status(name)).helmChart).toBeUndefined()
  await remove(name)
  expect(await world.cluster.kubectl(['get', 'helmchart', chartRef.name, '-n', 'flux-system', '-o', 'name'])).toContain(chartRef.name)
})

test('a chart of a registry is released with the digest of its artifact, and again when the tag has moved', async () => {
  const [first, second] = [`sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`]
  const name = await world.cluster.createNamespace('helm')
  await world.put({
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'OCIRepository',
    metadata: { name, namespace: 'flux-system' },
    spec: { interval: '10m', url: 'oci://registry.example/app', ref: { tag: '1.0.0' } },
  })
  await world.release({ values: good, ociDigest: first }, name)
  {
    await using _agent = await world.agent()
    await isReady(name, /^True InstallSucceeded .* with chart app@1\.0\.0\+aaaaaaaaaaaa/)
  }
  const now = { lastAttemptedRevision: '1.0.0+aaaaaaaaaaaa', lastAttemptedRevisionDigest: first }
  expect(await world.status(name)).toMatchObject({ ...now, history: [{ chartVersion: '1.0.0+aaaaaaaaaaaa', ociDigest: first }] })
  await world.plant(name, { ociDigest: second })
  await using _agent = await world.agent()
  await isReady(name, /^True UpgradeSucceeded .*app\.v2 with chart app@1\.0\.0\+bbbbbbbbbbbb/)
  expect((await world.status(name)).history?.map(({ ociDigest }) => ociDigest)).toEqual([second, first])
})

test('what a status begins with is no obstacle', async () => {
  const name = await world.release({ values: good })
  const status = JSON.stringify({ status: { observedGeneration: -1, conditions: [] } })
  await world.cluster.kubectl(['patch', 'helmrelease', name, '-n', 'flux-system', '--subresource=status', '--type=merge', '-p', status])
  await using _agent = await world.agent()
  await isReady(name, /^True InstallSucceeded/)
  expect((await world.status(name)).observedGeneration).toBe(1)
})
