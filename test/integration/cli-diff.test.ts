import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ReleaseDiff } from '../../proto/model/diff.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { eventually } from '../support/eventually.ts'
import type { TestRepository } from '../support/git-repository.ts'
import { openWorld, type TestWorld } from '../support/world.ts'

// What `flotilla diff helmrelease` tells before a reconcile does it: a real cluster, hub and agent.

let world: TestWorld
let fleet: TestRepository

const NS = 'flux-system'
const OLD = 'correct-horse-battery'
const NEW = 'staple-tempest-mango'

/** Chart `web`: a page with values in the open and from Secrets, a Secret, what is looked up, and one more object by name. */
const chart = (version: string, o: { readonly more?: string; readonly text?: string } = {}) => ({
  'charts/web/Chart.yaml': `apiVersion: v2\nname: web\nversion: ${version}\n`,
  'charts/web/values.yaml': 'note: ""\npassword: ""\nsize: 1\n',
  'charts/web/templates/page.yaml': `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
data:
  text: ${o.text ?? 'one'}
  note: {{ .Values.note | quote }}
  url: "postgres://web:{{ .Values.password }}@db/web"
  encoded: {{ .Values.password | b64enc | quote }}
 {{- with lookup "v1" "Secret" .Release.Namespace "looked-up" }}
  seen: "found {{ .data.word | b64dec }}"
 {{- end }}
  namespace: {{ dig "metadata" "name" "hidden" (lookup "v1" "Namespace" "" .Release.Namespace) | quote }}
---
apiVersion: v1
kind: Secret
metadata:
  name: {{ .Release.Name }}
stringData:
  password: {{ .Values.password | quote }}
{{- with ${JSON.stringify(o.more ?? '')} }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ . }}
{{- end }}
`,
  'charts/web/templates/hook.yaml': `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-before
  annotations: {helm.sh/hook: pre-upgrade}
`,
})

const release = (spec: object = {}): Manifest => ({
  apiVersion: 'helm.toolkit.fluxcd.io/v2',
  kind: 'HelmRelease',
  metadata: { name: 'web', namespace: NS },
  spec: {
    interval: '10m',
    timeout: '60s',
    chart: { spec: { chart: './charts/web', sourceRef: { kind: 'GitRepository', name: 'fleet' } } },
    valuesFrom: [{ kind: 'Secret', name: 'web-values' }],
    values: { note: 'mine' },
    ...spec,
  },
})

const secret = (password: string): Manifest => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'web-values', namespace: NS },
  stringData: { 'values.yaml': `password: ${password}\n` },
})

const put = (...objects: readonly Manifest[]) =>
  world.kubectl(
    'staging',
    ['apply', '--server-side', '--force-conflicts', '-f', '-'],
    objects.map((one) => JSON.stringify(one)).join('\n---\n'),
  )
const diff = async (...more: readonly string[]) => {
  const ran = await world.flotilla(['diff', 'helmrelease', 'web', ...more])
  for (const text of [OLD, NEW])
    for (const form of [text, Buffer.from(text).toString('base64').replace(/=+$/, '')]) expect(ran.stdout + ran.stderr).not.toContain(form)
  return ran
}
const read = async () => {
  const { code, stdout } = await diff('-o', 'json')
  return { code, diff: (JSON.parse(stdout) as readonly (ReleaseDiff & { readonly cluster: string })[])[0] }
}
/** Everything that a diff must leave alone. */
const standing = () =>
  world.kubectl('staging', [
    'get',
    'configmaps,secrets,helmreleases',
    '-n',
    NS,
    '-o',
    'jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.resourceVersion}{"\\n"}{end}',
  ])
const isReady = (reason: string) => async () => {
  const { status } = ((await world.get('staging', 'helmrelease', 'web', NS)) ?? {}) as {
    status?: { conditions?: readonly { type: string; reason: string }[] }
  }
  return status?.conditions?.some((one) => one.type === 'Ready' && one.reason === reason)
}

beforeAll(async () => {
  world = await openWorld(['staging'])
  fleet = await world.repository('fleet')
  await fleet.commit(chart('1.0.0', { more: 'extra' }))
  await eventually(
    'staging is connected',
    async () => JSON.parse((await world.flotilla(['cluster', 'describe', 'staging', '-o', 'json'])).stdout).status?.connection?.connected,
  )
  const source = ['--url', world.url('fleet'), '--branch', 'main', '--all-clusters', '--timeout', '60s']
  expect(await world.flotilla(['create', 'source', 'git', 'fleet', ...source])).toMatchObject({ code: 0 })
})
afterAll(() => world?.[Symbol.asyncDispose]())

test('what is not there is said, and no exit code of a difference', async () => {
  expect(await diff()).toMatchObject({ code: 3, stderr: expect.stringContaining('HelmRelease/flux-system/web not found') })
})

test('a release that is in order has no differences', async () => {
  await put(secret(OLD), release())
  await eventually('web is installed', isReady('InstallSucceeded'), { timeoutMs: 60_000 })
  const before = await standing()
  const { code, stdout } = await diff()
  expect(stdout).toBe('staging: HelmRelease flux-system/web is in order\n  release flux-system/web v1, chart web@1.0.0\n  3 unchanged\n')
  expect(code).toBe(0)
  expect(await standing()).toBe(before)
})

test('drift is a difference, which a reconcile leaves where it is not to be corrected', async () => {
  await world.kubectl('staging', ['patch', 'configmap', 'web', '-n', NS, '--type=merge', '-p', '{"data":{"note":"theirs"}}'])
  const { code, stdout } = await diff()
  expect(stdout).toContain('  ~ ConfigMap/flux-system/web\n      data.note: theirs → mine\n')
  expect(stdout).toContain('◎ a reconcile leaves these as they are: spec.driftDetection.mode is "disabled"')
  expect(stdout).toContain('  1 changed, 2 unchanged\n')
  expect(code).toBe(1)
})

test('new values of a Secret are an upgrade: what changes is told, neither the old nor the new secret is', async () => {
  await put(release({ suspend: true }))
  await put(secret(NEW), release({ suspend: true, values: { note: 'mine', size: 2 } }))
  const before = await standing()
  const { code, diff: told } = await read()
  expect(code).toBe(1)
  expect(told).toMatchObject({
    cluster: 'staging',
    step: 'upgrade',
    reason: 'release config values changed',
    held: 'it is suspended',
    release: { name: 'flux-system/web', version: 1 },
    chart: { from: 'web@1.0.0', to: 'web@1.0.0' },
    unchanged: 1,
    notes: ['hooks run: web-before (pre-upgrade)'],
  })
  expect(told?.objects).toEqual([
    { object: 'Secret/flux-system/web', apiVersion: 'v1', what: 'changed', fields: [{ path: '/data/password', from: '***', to: '***' }] },
    {
      object: 'ConfigMap/flux-system/web',
      apiVersion: 'v1',
      what: 'changed',
      fields: [
        { path: '/data/encoded', from: '***', to: '***' },
        { path: '/data/note', from: 'theirs', to: 'mine' },
        { path: '/data/url', from: 'postgres://web:***@db/web', to: 'postgres://web:***@db/web' },
      ],
    },
  ])
  const { stdout } = await diff('-o', 'yaml')
  expect(stdout).toContain('url')
  expect(await standing()).toBe(before)
})

test('what templates look up in Secrets is not told either', async () => {
  await put({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'looked-up', namespace: NS }, stringData: { word: 'out-of-sight' } })
  const { code, stdout } = await diff()
  expect(stdout).toContain('\n      data.seen: → found ***\n')
  expect(code).toBe(1)
  await world.kubectl('staging', ['delete', 'secret', 'looked-up', '-n', NS])
})

test('another chart creates, changes and deletes; once it is released nothing is left', async () => {
  await fleet.commit(chart('1.1.0', { more: 'other', text: 'two' }))
  await world.flotilla(['reconcile', 'source', 'git', 'fleet', '--timeout', '60s'])
  await world.flotilla(['reconcile', 'source', 'chart', 'flux-system-web', '--timeout', '60s'])
  const { code, stdout } = await diff('--cluster', 'staging')
  expect(stdout.split('\n').slice(0, 3)).toEqual([
    'staging: HelmRelease flux-system/web would be upgraded: release chart changed',
    '  ◎ not now: it is suspended',
    expect.stringMatching(/^ {2}release flux-system\/web v1, chart web@1\.0\.0 → web@1\.1\.0/),
  ])
  expect(stdout).toContain('\n  + ConfigMap/flux-system/other\n')
  expect(stdout).toContain('\n      data.text: one → two\n')
  expect(stdout).toContain('\n  - ConfigMap/flux-system/extra\n')
  expect(stdout).toContain('\n  1 created, 2 changed, 1 deleted, 0 unchanged\n')
  expect(code).toBe(1)
  expect(await world.flotilla(['resume', 'helmrelease', 'web', '--timeout', '90s'])).toMatchObject({ code: 0 })
  expect(await diff()).toMatchObject({ code: 0, stdout: expect.stringContaining('v2, chart web@1.1.0') })
})

test('templates see what the account of the release may see, and what it may not do is told of the object', async () => {
  await world.kubectl('staging', ['create', 'serviceaccount', 'weak', '-n', NS])
  const rules = ['--verb=get,list,watch', '--resource=configmaps,secrets', '-n', NS]
  await world.kubectl('staging', ['create', 'role', 'weak', ...rules])
  await world.kubectl('staging', ['create', 'rolebinding', 'weak', '--role=weak', `--serviceaccount=${NS}:weak`, '-n', NS])
  await put(release({ suspend: true, serviceAccountName: 'weak', values: { note: 'others' } }))
  const refused = await diff()
  expect(refused.stderr).toMatch(
    /✗ staging: diff HelmRelease\/flux-system\/web: Helm cannot upgrade it: .*cannot get resource "namespaces"/s,
  )
  expect(refused.code).toBe(2)
  await world.kubectl('staging', ['create', 'clusterrole', 'see-namespaces', '--verb=get', '--resource=namespaces'])
  const binding = ['clusterrolebinding', 'weak-sees', '--clusterrole=see-namespaces', `--serviceaccount=${NS}:weak`]
  await world.kubectl('staging', ['create', ...binding])
  const { code, diff: told } = await read()
  expect(told?.objects.map(({ object, what }) => [object, what])).toContainEqual(['ConfigMap/flux-system/web', 'refused'])
  expect(told?.objects[0]?.message).toMatch(/cannot patch resource/)
  expect(code).toBe(1)
})

test('a release of another name is taken away first: what it has is deleted, what both have is made anew', async () => {
  await put(release({ suspend: true, releaseName: 'renamed' }))
  const before = await standing()
  const { code, diff: told } = await read()
  expect(told).toMatchObject({
    step: 'reinstall',
    reason: 'release name has changed',
    release: { name: 'flux-system/renamed', version: 2 },
  })
  expect(told?.objects.map(({ object, what }) => `${object} ${what}`).sort()).toEqual([
    'ConfigMap/flux-system/other recreated',
    'ConfigMap/flux-system/renamed created',
    'ConfigMap/flux-system/web deleted',
    'Secret/flux-system/renamed created',
    'Secret/flux-system/web deleted',
  ])
  expect(code).toBe(1)
  expect(await standing()).toBe(before)
})

test('an install shows objects of kinds that the chart brings itself', async () => {
  const names = { plural: 'gadgets', singular: 'gadget', kind: 'Gadget' }
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }
  const definition = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'gadgets.diff.example.com' },
    spec: { group: 'diff.example.com', scope: 'Namespaced', names, versions: [{ name: 'v1', served: true, storage: true, schema }] },
  }
  await fleet.commit({
    'charts/gadget/Chart.yaml': 'apiVersion: v2\nname: gadget\nversion: 1.0.0\n',
    'charts/gadget/crds/gadgets.yaml': JSON.stringify(definition),
    'charts/gadget/templates/gadget.yaml': 'apiVersion: diff.example.com/v1\nkind: Gadget\nmetadata:\n  name: one\n',
  })
  await world.flotilla(['reconcile', 'source', 'git', 'fleet', '--timeout', '60s'])
  const metadata = { name: 'gadget', namespace: NS }
  await put(
    {
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'HelmChart',
      metadata,
      spec: { interval: '10m', chart: './charts/gadget', sourceRef: { kind: 'GitRepository', name: 'fleet' } },
    },
    {
      apiVersion: 'helm.toolkit.fluxcd.io/v2',
      kind: 'HelmRelease',
      metadata,
      spec: { interval: '10m', suspend: true, chartRef: { kind: 'HelmChart', name: 'gadget' } },
    },
  )
  const told = await eventually('its chart is there', async () => {
    const { code, stdout } = await world.flotilla(['diff', 'hr', 'gadget'])
    return code === 1 && stdout
  })
  expect(told).toBe(`staging: HelmRelease flux-system/gadget would be installed: no release in storage for object
  ◎ not now: it is suspended
  release flux-system/gadget, chart gadget@1.0.0
  + Gadget/one (its kind is not served yet: Gadget in diff.example.com/v1)
  ◎ CustomResourceDefinitions come first, those that are missing: gadgets.diff.example.com
  1 created, 0 unchanged
`)
})

test('values that are not there, and a kind that has no diff, are errors of their own', async () => {
  await put(release({ suspend: true, valuesFrom: [{ kind: 'Secret', name: 'nobody' }] }))
  const { code, stderr } = await diff()
  expect(stderr).toContain("could not resolve chart values: Secret 'nobody': not found")
  expect(code).toBe(2)
  expect(await world.flotilla(['diff', 'kustomization', 'apps'])).toMatchObject({ code: 2 })
})
