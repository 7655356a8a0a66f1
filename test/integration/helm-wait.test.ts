import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { toolPath } from '../../deploy/tools/tools.mjs'
import type { Manifest } from '../../proto/model/manifest.ts'
import { installAgent, openLoneAgent, plantChart } from '../support/agent.ts'
import { type ChartFiles, packChart } from '../support/charts.ts'
import { openCluster, type TestCluster } from '../support/cluster.ts'
import { programsOf } from '../support/programs.ts'
import { openTempDir, type TempDir } from '../support/temp-dir.ts'

let cluster: TestCluster
let kubeconfig: string
let dir: TempDir
let dataDir: string
const WITHIN = { timeout: 40_000, interval: 100 }

beforeAll(async () => {
  cluster = await openCluster({ name: 'helm-wait' })
  kubeconfig = await installAgent(cluster)
})
afterAll(() => cluster[Symbol.asyncDispose]())
beforeEach(() => {
  dir = openTempDir('agent')
  dataDir = join(dir.path, 'data')
  return () => dir[Symbol.asyncDispose]()
})

const agent = () => openLoneAgent({ kubeconfig, dataDir })
/** A Deployment whose pods do not get ready with `stuck`, and a Job after it that is no hook with `job`. */
const APP: ChartFiles = {
  'Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\n',
  'values.yaml': 'stuck: false\njob: false\ntext: hello\nhook: false\n',
  'values.schema.json': '{}',
  'templates/config.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: app }\ndata: { text: "{{ .Values.text }}" }\n',
  'templates/deployment.yaml': `apiVersion: apps/v1
kind: Deployment
metadata: { name: app }
spec:
  selector: { matchLabels: { app: app } }
  template:
    metadata:
      labels: { app: app{{ if .Values.stuck }}, local.flotilla.dev/pod: never-ready{{ end }} }
      annotations: { text: "{{ .Values.text }}" }
    spec: { containers: [{ name: app, image: "example.com/app:1" }] }
`,
  'templates/secret.yaml': `{{ if .Values.hook }}
apiVersion: v1
kind: ConfigMap
metadata: { name: after, annotations: { helm.sh/hook: "post-install,post-upgrade" } }
{{ end }}
{{ if .Values.job }}
---
apiVersion: batch/v1
kind: Job
metadata: { name: job }
spec:
  template:
    metadata: { labels: { local.flotilla.dev/pod: never-ready } }
    spec: { restartPolicy: Never, containers: [{ name: job, image: "example.com/job:1" }] }
{{ end }}`,
}

/** A HelmRelease of the chart above in `flux-system`, named as the namespace that it releases into. */
async function aRelease(values: object, spec: object = {}): Promise<string> {
  const namespace = await cluster.createNamespace('helm')
  const release: Manifest = {
    apiVersion: 'helm.toolkit.fluxcd.io/v2',
    kind: 'HelmRelease',
    metadata: { name: namespace, namespace: 'flux-system' },
    spec: {
      interval: '10m',
      releaseName: 'app',
      targetNamespace: namespace,
      storageNamespace: namespace,
      chart: { spec: { chart: 'app', version: '*', sourceRef: { kind: 'HelmRepository', name: 'charts' } } },
      values,
      ...spec,
    },
  }
  const source = { group: 'source.toolkit.fluxcd.io', kind: 'HelmChart', namespace: 'flux-system', name: `flux-system-${namespace}` }
  await plantChart(dataDir, source, { release, chart: await packChart('app', APP), revision: '1.0.0' })
  await cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify(release) })
  return namespace
}

const read = async (...args: readonly string[]): Promise<Manifest> => JSON.parse(await cluster.kubectl(['get', ...args, '-o', 'json']))
const patch = (name: string, spec: object) =>
  cluster.kubectl(['patch', 'helmrelease', name, '-n', 'flux-system', '--type=merge', '-p', JSON.stringify({ spec })])
const condition = async (name: string, type = 'Ready') => {
  const { conditions = [] } = ((await read('helmrelease', name, '-n', 'flux-system')).status ?? {}) as {
    readonly conditions?: readonly { type: string; status: string; reason: string; message: string }[]
  }
  const found = conditions.find((one) => one.type === type)
  return found && `${found.status} ${found.reason} ${found.message}`
}
const stored = async (namespace: string) =>
  JSON.parse(await cluster.kubectl(['get', 'secret', '-n', namespace, '-l', 'owner=helm', '-o', 'json'])).items.map(
    ({ metadata: { labels } }: Manifest) => `${labels?.version} ${labels?.status}`,
  ) as readonly string[]
const events = (name: string) =>
  cluster.kubectl([
    'get',
    'events',
    '-n',
    'flux-system',
    '--field-selector',
    `involvedObject.name=${name}`,
    '-o',
    'jsonpath={.items[*].message}',
  ])
const exists = async (namespace: string, object: string) =>
  (await cluster.kubectl(['get', object, '-n', namespace, '--ignore-not-found', '-o', 'name'])) !== ''
/** Lets the pods that are stuck get ready. */
const free = (namespace: string) => cluster.kubectl(['label', 'pods', '--all', '-n', namespace, 'local.flotilla.dev/pod-', '--overwrite'])
const helms = () => programsOf(process.pid, toolPath('flotilla-helm'))

test('no program runs while a release waits, and it is recorded as deployed once it is ready', async () => {
  const namespace = await aRelease({ stuck: true })
  await using _agent = await agent()
  await expect.poll(() => stored(namespace), WITHIN).toEqual(['1 pending-install'])
  await expect.poll(helms, WITHIN).toEqual([])
  expect(await stored(namespace)).toEqual(['1 pending-install'])
  expect(await condition(namespace)).toBe("Unknown Progressing Running 'install' action with timeout of 5m0s")
  await free(namespace)
  await expect
    .poll(() => condition(namespace), WITHIN)
    .toMatch(/^True InstallSucceeded Helm install succeeded for release .*\/app.v1 with chart app@1.0.0/)
  expect(await stored(namespace)).toEqual(['1 deployed'])
  await patch(namespace, { values: { stuck: true, text: 'two' } })
  await expect.poll(() => stored(namespace), WITHIN).toEqual(['1 deployed', '2 pending-upgrade'])
  await expect.poll(() => condition(namespace), WITHIN).toBe("Unknown Progressing Running 'upgrade' action with timeout of 5m0s")
  await expect.poll(helms, WITHIN).toEqual([])
  await expect.poll(async () => (await free(namespace)) && (await condition(namespace)), WITHIN).toMatch(/^True UpgradeSucceeded /)
  expect(await stored(namespace)).toEqual(['1 superseded', '2 deployed'])
})

test('a release that is fine does not wait for any number of those that are not', async () => {
  const stuck: string[] = []
  for (let count = 0; count < 5; count++) stuck.push(await aRelease({ stuck: true }))
  const fine = await aRelease({}, { suspend: true })
  await using _agent = await agent()
  for (const namespace of stuck) await expect.poll(() => stored(namespace), WITHIN).toEqual(['1 pending-install'])
  await patch(fine, { suspend: false })
  await expect.poll(() => condition(fine), WITHIN).toMatch(/^True InstallSucceeded/)
  for (const namespace of stuck) expect(await stored(namespace)).toEqual(['1 pending-install'])
})

test('what does not get ready in time fails in the words of Flux, and is taken back by a roll-back that waits in the same way', async () => {
  const namespace = await aRelease({ text: 'one' }, { upgrade: { timeout: '3s', remediation: { retries: 1 } } })
  await using _agent = await agent()
  await expect.poll(() => condition(namespace), WITHIN).toMatch(/^True InstallSucceeded/)
  await patch(namespace, { values: { stuck: true } })
  const why = `timeout waiting for: [Deployment/${namespace}/app status: 'InProgress']`
  await expect
    .poll(() => events(namespace), WITHIN)
    .toContain(`Helm upgrade failed for release ${namespace}/app with chart app@1.0.0: ${why}`)
  await expect
    .poll(() => events(namespace), WITHIN)
    .toContain(`Helm rollback to previous release ${namespace}/app.v1 with chart app@1.0.0 succeeded`)
  await expect.poll(async () => (await stored(namespace)).slice(0, 3), WITHIN).toEqual(['1 superseded', '2 failed', '3 deployed'])
  const described = await cluster.kubectl([
    'get',
    'secret',
    'sh.helm.release.v1.app.v2',
    '-n',
    namespace,
    '-o',
    'jsonpath={.metadata.labels.modifiedAt}',
  ])
  expect(described).toMatch(/^\d{10}$/)
})

test('a Job is waited for to its end, but for where that is off', async () => {
  const late = await aRelease({ job: true }, { timeout: '4s' })
  const soon = await aRelease({ job: true }, { install: { disableWaitForJobs: true } })
  await using _agent = await agent()
  await expect.poll(() => condition(soon), WITHIN).toMatch(/^True InstallSucceeded/)
  await expect
    .poll(() => condition(late, 'Released'), WITHIN)
    .toBe(
      `False InstallFailed Helm install failed for release ${late}/app with chart app@1.0.0: timeout waiting for: [Job/${late}/job status: 'InProgress']`,
    )
})

test('a release is healthy by its own expressions, also where hooks wait for that', async () => {
  const spec = {
    healthCheckExprs: [{ apiVersion: 'v1', kind: 'ConfigMap', current: "data.text == 'ready'", failed: "data.text == 'broken'" }],
  }
  const [plain, hooked] = [await aRelease({}, spec), await aRelease({ hook: true }, spec)]
  const broken = await aRelease({ text: 'broken' }, spec)
  await using _agent = await agent()
  await expect.poll(() => stored(plain), WITHIN).toEqual(['1 pending-install'])
  await expect.poll(() => exists(hooked, 'deployment/app'), WITHIN).toBe(true)
  await expect
    .poll(() => condition(broken, 'Released'), WITHIN)
    .toContain(`failed early due to stalled resources: [ConfigMap/${broken}/app status: 'Failed']`)
  expect(await exists(hooked, 'configmap/after')).toBe(false)
  for (const namespace of [plain, hooked]) {
    expect(await condition(namespace)).toMatch(/^Unknown Progressing/)
    await cluster.kubectl(['patch', 'configmap', 'app', '-n', namespace, '--type=merge', '-p', '{"data":{"text":"ready"}}'])
    await expect.poll(() => condition(namespace), WITHIN).toMatch(/^True InstallSucceeded/)
  }
  expect(await exists(hooked, 'configmap/after')).toBe(true)
})

test('an expression that cannot be read stalls a release before anything is made', async () => {
  const namespace = await aRelease({}, { healthCheckExprs: [{ apiVersion: 'v1', kind: 'ConfigMap', current: 'data.' }] })
  await using _agent = await agent()
  await expect
    .poll(() => condition(namespace, 'Stalled'), WITHIN)
    .toMatch(
      /^True InvalidCELExpression .*healthchecks\[0\]: failed to parse the expression Current: failed to parse the CEL expression 'data.'/,
    )
  expect(await stored(namespace)).toEqual([])
})

test('an agent that stops while a release waits finds it pending when it comes back, and goes on', async () => {
  const namespace = await aRelease({ stuck: true }, { install: { remediation: { retries: 1 } } })
  {
    await using _agent = await agent()
    await expect.poll(() => stored(namespace), WITHIN).toEqual(['1 pending-install'])
    await expect.poll(helms, WITHIN).toEqual([])
  }
  expect(await stored(namespace)).toEqual(['1 pending-install'])
  await patch(namespace, { values: { stuck: false } })
  await using _agent = await agent()
  await expect.poll(() => condition(namespace), WITHIN).toMatch(/^True (Install|Upgrade)Succeeded/)
  expect(await events(namespace)).toContain(`Unlocked Helm release ${namespace}/app.v1 with chart app@1.0.0 in pending-install state`)
})

test('a HelmRelease that is deleted while it waits is uninstalled when the wait has ended', async () => {
  const namespace = await aRelease({ stuck: true }, { timeout: '5s' })
  await using _agent = await agent()
  await expect.poll(() => stored(namespace), WITHIN).toEqual(['1 pending-install'])
  await cluster.kubectl(['delete', 'helmrelease', namespace, '-n', 'flux-system', '--timeout=60s'])
  expect(await stored(namespace)).toEqual([])
  expect(await exists(namespace, 'deployment/app')).toBe(false)
})
