import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Manifest } from '../../proto/model/manifest.ts'
import { type ClusterView, viewCluster } from '../support/cluster-view.ts'
import { eventually } from '../support/eventually.ts'
import { aConfigMap, aGitRepository, aKustomization, yaml } from '../support/flux.ts'
import type { TestRepository } from '../support/git-repository.ts'
import { openWorld, type TestWorld } from '../support/world.ts'

// What each field of a Kustomization does, on a real cluster behind a real hub, as Flux's users know it.

let world: TestWorld
let fleet: TestRepository
let view: ClusterView

beforeAll(async () => {
  world = await openWorld(['staging'])
  fleet = await world.repository('fleet')
  view = viewCluster(world, 'staging')
  await fleet.commit(FILES)
  await view.apply(aGitRepository('fleet', world.url('fleet')))
  await view.ready('gitrepository', 'fleet')
})
afterAll(() => world[Symbol.asyncDispose]())

const config = (name: string, data: Readonly<Record<string, string>> = { v: '1' }) => yaml(aConfigMap(name, data))
const web: Manifest = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'example.com/web:1' }] } },
  },
}
const named = (name: string, labels: Readonly<Record<string, string>> = {}): Manifest => ({
  ...web,
  metadata: { name, namespace: 'default' },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name, ...labels } }, spec: { containers: [{ name: 'web', image: 'example.com/web:1' }] } },
  },
})
const frozen = (value: string) =>
  yaml({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'frozen', namespace: 'default' }, immutable: true, stringData: { value } })
const component = yaml({
  apiVersion: 'kustomize.config.k8s.io/v1alpha1',
  kind: 'Component',
  commonAnnotations: { component: 'used' },
} as never)

const FILES: Readonly<Record<string, string>> = {
  'prune/keep.yaml': config('prune-keep'),
  'prune/drop.yaml': config('prune-drop'),
  'noprune/keep.yaml': config('noprune-keep'),
  'noprune/drop.yaml': config('noprune-drop'),
  'well/web.yaml': yaml(named('well')),
  'sick/web.yaml': yaml(named('sick', { 'local.flotilla.dev/pod': 'never-ready' })),
  'other/one.yaml': config('other'),
  'first/one.yaml': config('first'),
  'second/one.yaml': config('second'),
  'force/secret.yaml': frozen('one'),
  'suspend/one.yaml': config('suspended'),
  'shape/web.yaml': yaml(web),
  'shape/one.yaml': config('plain'),
  'component/kustomization.yaml': component,
  // biome-ignore lint/suspicious/noTemplateCurlyInString: variables of Flux
  'vars/one.yaml': config('vars', { inline: '${inline}', map: '${map}', secret: '${secret}', def: '${absent:=fallback}', esc: '$${kept}' }),
  // biome-ignore lint/suspicious/noTemplateCurlyInString: variables of Flux
  'strict/one.yaml': config('strict', { a: '${nobody_defines_this}' }),
  'account/one.yaml': config('account'),
  'mirror-prune/one.yaml': config('mirror-prune'),
  'mirror-keep/one.yaml': config('mirror-keep'),
  'delete/one.yaml': config('delete'),
  'wait-gone/one.yaml': config('wait-gone'),
  'orphan/one.yaml': config('orphan'),
  'requested/one.yaml': config('requested'),
  'clusters/staging/one.yaml': config('bootstrapped'),
}

async function commit(files: Readonly<Record<string, string | undefined>>): Promise<string> {
  const revision = `main@sha1:${await fleet.commit(files)}`
  await view.reconcile('gitrepository', 'fleet')
  return revision
}
const at =
  (revision: string) =>
  (_: unknown, { status }: Manifest) =>
    (status as { lastAppliedRevision?: string }).lastAppliedRevision === revision

test('prune: what left the build is deleted, and without it stays and leaves the inventory', async () => {
  await view.apply(aKustomization('prune', 'fleet', './prune'), aKustomization('noprune', 'fleet', './noprune', { prune: false }))
  for (const name of ['prune', 'noprune']) await view.ready('kustomization', name)
  const revision = await commit({ 'prune/drop.yaml': undefined, 'noprune/drop.yaml': undefined })
  for (const name of ['prune', 'noprune']) await view.says('kustomization', name, at(revision))
  await view.gone('configmap', 'prune-drop')
  expect(await view.data('noprune-drop')).toEqual({ v: '1' })
  const { status } = await view.ready('kustomization', 'noprune')
  expect((status as { inventory: { entries: unknown[] } }).inventory.entries).toEqual([{ id: 'default_noprune-keep__ConfigMap', v: 'v1' }])
})

test('wait and healthChecks: Ready when what was applied is healthy, HealthCheckFailed naming what is not', async () => {
  const sick = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'sick', namespace: 'default' }
  await view.apply(
    aKustomization('well', 'fleet', './well', { wait: true, timeout: '30s' }),
    aKustomization('sick', 'fleet', './sick', { wait: true, timeout: '2s' }),
    aKustomization('looks-at-sick', 'fleet', './other', { healthChecks: [sick], timeout: '2s' }),
  )
  const { status } = await view.ready('kustomization', 'well')
  expect((status as { conditions: unknown[] }).conditions).toContainEqual(expect.objectContaining({ type: 'Healthy', status: 'True' }))
  for (const name of ['sick', 'looks-at-sick'])
    expect((await view.fails('kustomization', name, 'HealthCheckFailed')).message).toContain('Deployment/default/sick')
})

test('dependsOn: waits until the dependency is ready, and with the same source until it has the same revision', async () => {
  await view.apply(aKustomization('second', 'fleet', './second', { dependsOn: [{ name: 'first' }] }))
  expect((await view.fails('kustomization', 'second', 'DependencyNotReady')).message).toBe("dependency 'flux-system/first' not found")
  await view.apply(aKustomization('first', 'fleet', './first'))
  await view.ready('kustomization', 'second')
  const revision = await commit({ 'first/one.yaml': 'kind: [', 'second/one.yaml': config('second', { v: '2' }) })
  await view.fails('kustomization', 'first', 'BuildFailed')
  await view.fails('kustomization', 'second', 'DependencyNotReady')
  expect(await view.data('second')).toEqual({ v: '1' })
  const mended = await commit({ 'first/one.yaml': config('first', { v: '2' }) })
  expect(mended).not.toBe(revision)
  await view.says('kustomization', 'second', at(mended))
  expect(await view.data('second')).toEqual({ v: '2' })
})

test('force: a change of an immutable field is refused, and with force the object is made anew', async () => {
  await view.apply(aKustomization('force', 'fleet', './force'))
  await view.ready('kustomization', 'force')
  const uid = async () => (await world.get('staging', 'secret', 'frozen', 'default'))?.metadata.uid
  const before = await uid()
  const revision = await commit({ 'force/secret.yaml': frozen('two') })
  expect((await view.fails('kustomization', 'force', 'ReconciliationFailed')).message).toMatch(/Secret\/default\/frozen.*immutable/s)
  expect(await uid()).toBe(before)
  await view.apply(aKustomization('force', 'fleet', './force', { force: true }))
  await view.says('kustomization', 'force', at(revision))
  expect(await uid()).not.toBe(before)
})

test('suspend and resume: a suspended Kustomization leaves drift and commits alone until it is resumed', async () => {
  await view.apply(aKustomization('suspend', 'fleet', './suspend'))
  await view.ready('kustomization', 'suspend')
  expect(await world.flotilla(['suspend', 'kustomization', 'suspend', '--cluster', 'staging'])).toMatchObject({ code: 0 })
  const revision = await commit({ 'suspend/one.yaml': config('suspended', { v: '2' }), 'other/one.yaml': config('other', { v: 'seen' }) })
  await eventually('others have the commit', async () => (await view.data('other'))?.v === 'seen')
  await world.kubectl('staging', ['delete', 'configmap', 'suspended', '-n', 'default'])
  expect(await view.data('suspended')).toBeUndefined()
  expect(await world.flotilla(['resume', 'kustomization', 'suspend', '--cluster', 'staging'])).toMatchObject({ code: 0 })
  await view.says('kustomization', 'suspend', at(revision))
  expect(await view.data('suspended')).toEqual({ v: '2' })
})

test('targetNamespace, names, metadata, patches, images and components shape the build', async () => {
  await world.kubectl('staging', ['create', 'namespace', 'shaped'])
  await view.apply(
    aKustomization('shape', 'fleet', './shape', {
      targetNamespace: 'shaped',
      namePrefix: 'a-',
      nameSuffix: '-z',
      commonMetadata: { labels: { team: 'x' }, annotations: { note: 'why' } },
      patches: [
        { patch: yaml({ ...web, spec: { replicas: 2 } }).slice(4) },
        { patch: '- op: replace\n  path: /data/v\n  value: patched\n', target: { kind: 'ConfigMap', name: 'plain' } },
      ],
      images: [{ name: 'example.com/web', newName: 'example.org/web', newTag: '2' }],
      components: ['../component'],
    }),
  )
  await view.ready('kustomization', 'shape')
  expect(await world.get('staging', 'deployment', 'a-web-z', 'shaped')).toMatchObject({
    metadata: { labels: { team: 'x' }, annotations: { note: 'why', component: 'used' } },
    spec: { replicas: 2, template: { spec: { containers: [{ image: 'example.org/web:2' }] } } },
  })
  expect(await view.data('a-plain-z', 'shaped')).toEqual({ v: 'patched' })
})

test('postBuild: inline variables win over ConfigMaps and Secrets; a missing source is named unless it is optional', async () => {
  const substituteFrom = [
    { kind: 'ConfigMap', name: 'vars-map' },
    { kind: 'Secret', name: 'vars-secret' },
    { kind: 'Secret', name: 'vars-nobody-has', optional: true },
  ]
  await view.apply(aKustomization('vars', 'fleet', './vars', { postBuild: { substitute: { inline: 'given' }, substituteFrom } }))
  expect((await view.says('kustomization', 'vars', ({ status }) => status === 'False')).message).toMatch(/ConfigMap.*vars-map.*not found/)
  await world.kubectl('staging', [
    'create',
    'configmap',
    'vars-map',
    '-n',
    'flux-system',
    '--from-literal=map=m',
    '--from-literal=inline=no',
  ])
  await world.kubectl('staging', ['create', 'secret', 'generic', 'vars-secret', '-n', 'flux-system', '--from-literal=secret=s'])
  await view.reconcile('kustomization', 'vars')
  await view.ready('kustomization', 'vars')
  // biome-ignore lint/suspicious/noTemplateCurlyInString: variables of Flux
  expect(await view.data('vars')).toEqual({ inline: 'given', map: 'm', secret: 's', def: 'fallback', esc: '${kept}' })
})

test('postBuild is strict: a variable that nobody defines is named and nothing is applied', async () => {
  await view.apply(aKustomization('strict', 'fleet', './strict', { postBuild: { substitute: { some: 'thing' } } }))
  expect((await view.fails('kustomization', 'strict', 'BuildFailed')).message).toContain('nobody_defines_this')
  expect(await view.data('strict')).toBeUndefined()
})

test("serviceAccountName: missing or without rights is told in Kubernetes' own words, and nothing is applied", async () => {
  await view.apply(aKustomization('account', 'fleet', './account', { serviceAccountName: 'weak' }))
  const missing = await view.says('kustomization', 'account', ({ status }) => status === 'False')
  expect(missing.message).toMatch(/flux-system[/:]weak/)
  await world.kubectl('staging', ['create', 'serviceaccount', 'weak', '-n', 'flux-system'])
  const refused = await view.says('kustomization', 'account', ({ message }) => message.includes('forbidden'))
  expect(refused.message).toContain('User "system:serviceaccount:flux-system:weak" cannot')
  expect(await view.data('account')).toBeUndefined()
  await world.kubectl('staging', [
    'create',
    'rolebinding',
    'weak',
    '-n',
    'default',
    '--clusterrole=edit',
    '--serviceaccount=flux-system:weak',
  ])
  await view.reconcile('kustomization', 'account')
  await view.ready('kustomization', 'account')
  expect(await view.data('account')).toEqual({ v: '1' })
})

test.each([
  ['mirror-prune', { prune: true }, 'deleted'],
  ['mirror-keep', { prune: false }, 'kept'],
  ['delete', { prune: false, deletionPolicy: 'Delete' }, 'deleted'],
  ['wait-gone', { prune: false, deletionPolicy: 'WaitForTermination', timeout: '30s' }, 'deleted'],
  ['orphan', { prune: true, deletionPolicy: 'Orphan' }, 'kept'],
] as const)('deletionPolicy, %s: with %j what was applied is %s', async (name, spec, fate) => {
  await view.apply(aKustomization(name, 'fleet', `./${name}`, spec))
  await view.ready('kustomization', name)
  await world.kubectl('staging', ['delete', 'kustomization', name, '-n', 'flux-system'])
  expect(await view.data(name)).toEqual(fate === 'kept' ? { v: '1' } : undefined)
})

test('requestedAt is handled and echoed', async () => {
  await view.apply(aKustomization('requested', 'fleet', './requested'))
  await view.ready('kustomization', 'requested')
  await view.reconcile('kustomization', 'requested')
  expect(await world.flotilla(['reconcile', 'kustomization', 'requested', '--cluster', 'staging', '--with-source'])).toMatchObject({
    code: 0,
  })
})

test('fields and kinds that are not served are Stalled with their name', async () => {
  await view.apply(
    aKustomization('sealed', 'fleet', './other', { decryption: { provider: 'sops' } }),
    aKustomization('remote', 'fleet', './other', { kubeConfig: { secretRef: { name: 'x' } } }),
    {
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'Bucket',
      metadata: { name: 'store', namespace: 'flux-system' },
      spec: { interval: '1m', bucketName: 'store', endpoint: 'store.example.com', provider: 'gcp' },
    },
    {
      apiVersion: 'helm.toolkit.fluxcd.io/v2',
      kind: 'HelmRelease',
      metadata: { name: 'release', namespace: 'flux-system' },
      spec: { interval: '1m', chartRef: { kind: 'ExternalArtifact', name: 'store' } },
    },
  )
  for (const [kind, name, what] of [
    ['kustomization', 'sealed', 'spec.decryption'],
    ['kustomization', 'remote', 'spec.kubeConfig'],
    ['helmrelease', 'release', 'spec.chartRef.kind: ExternalArtifact'],
    ['bucket', 'store', 'spec.provider: gcp'],
  ] as const) {
    const stalled = await eventually(`${kind} ${name} is stalled`, async () => {
      const { conditions = [] } = ((await world.get('staging', kind, name, 'flux-system'))?.status ?? {}) as {
        conditions?: { type: string; status: string; message: string }[]
      }
      return conditions.find(({ type, status }) => type === 'Stalled' && status === 'True')
    })
    expect(stalled.message).toContain(what)
  }
})

test('flotilla bootstrap git makes flux-system as Flux does, and the repository is applied', async () => {
  const ran = await world.flotilla(['bootstrap', 'git', '--cluster', 'staging', '--url', world.url('fleet'), '--path', 'clusters/staging'])
  expect(ran).toMatchObject({ code: 0 })
  expect(await world.get('staging', 'kustomization', 'flux-system', 'flux-system')).toMatchObject({
    spec: { path: './clusters/staging', prune: true, sourceRef: { kind: 'GitRepository', name: 'flux-system' } },
  })
  expect(await view.data('bootstrapped')).toEqual({ v: '1' })
})
