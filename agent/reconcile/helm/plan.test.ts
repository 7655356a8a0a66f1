import { expect, test } from 'vitest'
import type { HelmRelease } from '../../../proto/model/flux/helm/kinds.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { FINALIZER } from '../../../proto/model/names.ts'
import { aHelmRelease } from '../../../test/support/helm-builders.ts'
import { chartObject, isInPlace, staleChart } from './chart-object.ts'
import { type HelmPlanInput, planRelease } from './plan.ts'

const chart = {
  spec: {
    chart: 'app',
    version: '1.x',
    reconcileStrategy: 'ChartVersion' as const,
    sourceRef: { kind: 'HelmRepository' as const, name: 'charts' },
  },
}
const account = { namespace: 'apps', name: 'runner' }
const release = (o: Parameters<typeof aHelmRelease>[0] = {}): HelmRelease => {
  const made = aHelmRelease({ ...o, metadata: { finalizers: [FINALIZER], ...o?.metadata } })
  if (o?.spec?.chartRef) return made
  const { chartRef: _, ...spec } = made.spec
  return { ...made, spec: { ...spec, chart, ...o?.spec } }
}
/** The HelmChart of the release in the cluster, with everything fetched that it asks for. */
const charted = (over: { readonly version?: string; readonly status?: object } = {}): Manifest => {
  const made = chartObject(release()) as Manifest & { readonly spec: object }
  const spec = { ...made.spec, ...(over.version === undefined ? {} : { version: over.version }), byTheServer: true }
  return { ...made, spec, metadata: { ...made.metadata, generation: 2 }, status: { observedGeneration: 2, ...over.status } }
}
const plan = (o: Partial<HelmPlanInput> = {}) =>
  planRelease({
    object: release(),
    unserved: [],
    identity: { kind: 'account', account },
    refuseReference: () => undefined,
    source: () => charted(),
    verdict: () => ({ kind: 'bundle', digest: 'sha256:b', revision: '1.2.3' }),
    release: () => undefined,
    revisionOf: () => '1.2.3',
    ...o,
  })
const refused = { kind: 'refused', reason: 'AccessDenied', message: 'no account' } as const

test.each<[string, Partial<HelmPlanInput>, object]>([
  ['a deleted object', { object: release({ metadata: { deletionTimestamp: 'x' } }) }, { kind: 'finalize', account }],
  [
    'a deleted object of nobody',
    { object: release({ metadata: { deletionTimestamp: 'x' } }), identity: refused },
    { kind: 'finalize', account: undefined, why: 'no account' },
  ],
  ['a new object', { object: release({ metadata: { finalizers: [] } }) }, { kind: 'add-finalizer' }],
  ['a suspended one', { object: release({ spec: { suspend: true } }) }, { kind: 'suspended' }],
  ['what is not served', { unserved: ['spec.kubeConfig'] }, { kind: 'stalled', reason: 'FeatureGateDisabled' }],
  ['no identity', { identity: refused }, { kind: 'stalled', reason: 'AccessDenied', message: 'no account' }],
  [
    'a reference that is refused',
    { refuseReference: () => 'not there' },
    { kind: 'stalled', reason: 'AccessDenied', message: 'not there' },
  ],
  [
    'a chart that does not exist',
    { source: () => undefined },
    { kind: 'not-ready', reason: 'SourceNotReady', message: "HelmChart 'apps/apps-app' is not ready: it does not exist" },
  ],
  ['a chart without artifact', { verdict: () => ({ kind: 'waiting', for: 'release' }) }, { kind: 'not-ready', reason: 'SourceNotReady' }],
  ['a hub that has not spoken', { verdict: () => ({ kind: 'waiting', for: 'desired' }) }, { kind: 'waiting' }],
  [
    'a chart that the hub cannot give',
    { verdict: () => ({ kind: 'problem', reason: 'X', message: 'no such version', revision: '' }) },
    { kind: 'no-chart', message: 'Could not load chart: no such version' },
  ],
  [
    'a chart whose latest generation was not fetched',
    { source: () => charted({ status: { observedGeneration: 1 } }) },
    {
      kind: 'not-ready',
      reason: 'SourceNotReady',
      message: "HelmChart 'apps/apps-app' is not ready: latest generation of object has not been reconciled",
    },
  ],
  [
    'a chart whose latest generation cannot be fetched',
    {
      source: () =>
        charted({ status: { observedGeneration: 1, conditions: [{ type: 'Ready', status: 'False', message: 'no such version' }] } }),
    },
    { kind: 'not-ready', message: "HelmChart 'apps/apps-app' is not ready: no such version" },
  ],
  [
    'a chart that nothing but a change can mend, whatever it had before',
    { source: () => charted({ status: { conditions: [{ type: 'Stalled', status: 'True', message: 'no such version' }] } }) },
    { kind: 'not-ready', reason: 'SourceNotReady', message: "HelmChart 'apps/apps-app' is not ready: no such version" },
  ],
  [
    'a chart that does not ask for the version yet',
    { source: () => charted({ version: '0.x' }) },
    { kind: 'not-ready', message: "HelmChart 'apps/apps-app' is not ready: latest generation of object has not been reconciled" },
  ],
  [
    'everything there',
    {},
    { kind: 'release', account, digest: 'sha256:b', revision: '1.2.3', source: { kind: 'HelmChart', namespace: 'apps', name: 'apps-app' } },
  ],
])('%s', (_name, input, expected) => {
  expect(plan(input)).toMatchObject(expected)
})

const ready = {
  observedGeneration: 1,
  conditions: [{ type: 'Ready', status: 'True', reason: 'X', message: '', lastTransitionTime: '2026-11-21T10:00:00Z' }],
} as const
const db = (status: object) => release({ metadata: { name: 'db' }, status })
const after = (dependsOn: object) => release({ spec: { dependsOn: [{ name: 'db', ...dependsOn }] } })

test.each<[string, Partial<HelmPlanInput>, string]>([
  ['is not there', {}, `unable to get 'apps/db' dependency: helmreleases.helm.toolkit.fluxcd.io "db" not found`],
  ['is not ready', { release: () => db({}) }, "dependency 'apps/db' is not ready"],
  ['is ready in an older generation', { release: () => db({ ...ready, observedGeneration: 0 }) }, "dependency 'apps/db' is not ready"],
  [
    'has not reached the revision of the repository they share',
    { release: () => db({ ...ready, lastAttemptedRevision: '1.2.2' }) },
    "dependency 'apps/db' revision is not up to date",
  ],
  [
    'is not ready by its expression',
    { object: after({ readyExpr: 'dep.status.observedGeneration > 1' }), release: () => db(ready) },
    "dependency 'apps/db' is not ready according to readyExpr eval",
  ],
  [
    'cannot be judged by its expression yet',
    { object: after({ readyExpr: 'dep.status.history.size() > 0' }), release: () => db(ready) },
    "failed to evaluate the CEL expression 'dep.status.history.size() > 0': No such key: history",
  ],
])('a dependency that %s holds an object back', (_name, input, message) => {
  expect(plan({ object: after({}), ...input })).toEqual({ kind: 'not-ready', reason: 'DependencyNotReady', message })
})

test('a dependency that is where it should be lets it through; so does its own expression alone', () => {
  expect(plan({ object: after({}), release: () => db({ ...ready, lastAttemptedRevision: '1.2.3' }) }).kind).toBe('release')
  const byExpression = after({ readyExpr: 'dep.metadata.name == "db" && self.metadata.namespace == dep.metadata.namespace' })
  expect(plan({ object: byExpression, release: () => db({}) }).kind).toBe('release')
})

test.each(['dep.', '1 + 1', 'dep.metadata.name.matches("(a+)+")'])('an expression that makes no sense stalls it: %s', (readyExpr) => {
  expect(plan({ object: after({ readyExpr }), release: () => db(ready) })).toMatchObject({
    kind: 'stalled',
    reason: 'InvalidCELExpression',
  })
})

test('the HelmChart is made from the template, in the namespace of its repository, and marked as its own', () => {
  const template = {
    metadata: { labels: { a: 'b' } },
    spec: { ...chart.spec, valuesFiles: ['x.yaml'], sourceRef: { ...chart.spec.sourceRef, namespace: 'infra' } },
  }
  const made = chartObject(release({ spec: { chart: template } }))
  expect(made).toEqual({
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'HelmChart',
    metadata: {
      name: 'apps-app',
      namespace: 'infra',
      labels: { a: 'b', 'helm.toolkit.fluxcd.io/name': 'app', 'helm.toolkit.fluxcd.io/namespace': 'apps' },
    },
    spec: {
      chart: 'app',
      version: '1.x',
      sourceRef: { kind: 'HelmRepository', name: 'charts' },
      interval: '10m',
      reconcileStrategy: 'ChartVersion',
      valuesFiles: ['x.yaml'],
    },
  })
  if (!made) throw new Error('no chart')
  expect(isInPlace({ ...made, metadata: { ...made.metadata, labels: { ...made.metadata.labels, more: 'x' } } }, made)).toBe(true)
  expect(isInPlace({ ...made, spec: { ...(made.spec as object), version: '2.x' } }, made)).toBe(false)
  expect(isInPlace(undefined, made)).toBe(false)
})

test('a HelmChart of an older template goes, and with its HelmRelease', () => {
  const status = { helmChart: 'infra/apps-app' }
  const old = { group: 'source.toolkit.fluxcd.io', kind: 'HelmChart', namespace: 'infra', name: 'apps-app' }
  const moved = release({ status })
  expect(staleChart(moved, chartObject(moved))).toEqual(old)
  const referring = release({ spec: { chartRef: { kind: 'OCIRepository', name: 'app' } }, status })
  expect(staleChart(referring, chartObject(referring))).toEqual(old)
  const same = release({ status: { helmChart: 'apps/apps-app' } })
  expect(staleChart(same, chartObject(same))).toBeUndefined()
  const leaving = release({ status: { helmChart: 'apps/apps-app' }, metadata: { deletionTimestamp: 'x' } })
  expect(staleChart(leaving, chartObject(leaving))).toMatchObject({ namespace: 'apps', name: 'apps-app' })
})
