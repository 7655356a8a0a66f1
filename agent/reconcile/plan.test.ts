import { expect, test } from 'vitest'
import type { Kustomization } from '../../proto/model/flux/kustomize/kinds.ts'
import { parseKustomization } from '../../proto/model/flux/parse.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { type PlanInput, plan } from './plan.ts'

const R1 = 'main@sha1:1'
const account = { namespace: 'flux-system', name: 'flotilla-platform' }

function aKustomization(name = 'apps', spec: object = {}, more: { metadata?: object; status?: object } = {}): Kustomization {
  const manifest = {
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    metadata: { name, namespace: 'flux-system', generation: 1, finalizers: ['finalizers.fluxcd.io'], ...more.metadata },
    spec: { interval: '10m', prune: true, sourceRef: { kind: 'GitRepository', name: 'fleet' }, ...spec },
    status: more.status ?? {},
  } as unknown as Manifest
  const parsed = parseKustomization(manifest)
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems))
  return parsed.object
}

const input = (object: Kustomization, over: Partial<PlanInput> = {}): PlanInput => ({
  object,
  unserved: [],
  identity: { kind: 'account', account },
  refuseReference: () => undefined,
  sourceExists: () => true,
  verdict: () => ({ kind: 'bundle', digest: 'sha256:b', revision: R1 }),
  kustomization: () => undefined,
  ...over,
})

const ready = (revision: string, more: object = {}) => ({
  observedGeneration: 1,
  lastAppliedRevision: revision,
  conditions: [
    { type: 'Ready', status: 'True', reason: 'ReconciliationSucceeded', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' },
  ],
  ...more,
})
const dependsOn = { dependsOn: [{ name: 'infra' }] }
const by = (readyExpr: string) => ({ dependsOn: [{ name: 'infra', readyExpr }] })

test.each<[string, PlanInput, object]>([
  [
    'a fresh object is given the finalizer first',
    input(aKustomization('apps', {}, { metadata: { finalizers: [] } })),
    { kind: 'add-finalizer' },
  ],
  [
    'a deleted object is let go as its account',
    input(aKustomization('apps', {}, { metadata: { deletionTimestamp: 'x' } })),
    { kind: 'finalize', account },
  ],
  [
    'a deleted object without an identity is let go without one, with the reason',
    input(aKustomization('apps', {}, { metadata: { deletionTimestamp: 'x' } }), {
      identity: { kind: 'refused', reason: 'AccessDenied', message: 'nobody' },
    }),
    { kind: 'finalize', account: undefined, why: 'nobody' },
  ],
  [
    'a suspended object is left alone, whatever else is wrong with it',
    input(aKustomization('apps', { suspend: true }), { unserved: ['spec.decryption'] }),
    { kind: 'suspended' },
  ],
  [
    'a field that is not served stalls, and is named',
    input(aKustomization(), { unserved: ['spec.decryption'] }),
    { kind: 'stalled', message: expect.stringContaining('spec.decryption') },
  ],
  [
    'no identity is a refusal',
    input(aKustomization(), { identity: { kind: 'refused', reason: 'AccessDenied', message: 'nobody' } }),
    { kind: 'stalled', reason: 'AccessDenied' },
  ],
  [
    'a reference that may not be made stalls',
    input(aKustomization(), { refuseReference: () => 'not there' }),
    { kind: 'stalled', reason: 'AccessDenied', message: 'not there' },
  ],
  [
    'a source that does not exist is told',
    input(aKustomization(), { sourceExists: () => false }),
    { kind: 'not-ready', reason: 'ArtifactFailed', message: "Source 'GitRepository/flux-system/fleet' not found" },
  ],
  [
    'a source without artifact is waited for',
    input(aKustomization(), { verdict: () => ({ kind: 'waiting', for: 'release' }) }),
    { kind: 'not-ready', reason: 'ArtifactFailed' },
  ],
  [
    'while the hub has not spoken there is no decision',
    input(aKustomization(), { verdict: () => ({ kind: 'waiting', for: 'desired' }) }),
    { kind: 'waiting' },
  ],
  [
    'what cannot be built is told with its revision',
    input(aKustomization(), { verdict: () => ({ kind: 'problem', reason: 'BuildFailed', message: 'a.yaml: line 3', revision: R1 }) }),
    { kind: 'unbuildable', reason: 'BuildFailed', message: 'a.yaml: line 3', revision: R1 },
  ],
  ['everything in place is applied', input(aKustomization()), { kind: 'apply', account, digest: 'sha256:b', revision: R1 }],
  [
    'a dependency that is missing holds it back',
    input(aKustomization('apps', dependsOn)),
    { kind: 'not-ready', reason: 'DependencyNotReady', message: "dependency 'flux-system/infra' not found" },
  ],
  [
    'a dependency on the same source must have applied this very revision',
    input(aKustomization('apps', dependsOn), { kustomization: () => aKustomization('infra', {}, { status: ready('main@sha1:0') }) }),
    { kind: 'not-ready', message: "dependency 'flux-system/infra' revision is not up to date" },
  ],
  [
    'a dependency on another source need not',
    input(aKustomization('apps', dependsOn), {
      kustomization: () => aKustomization('infra', { sourceRef: { kind: 'GitRepository', name: 'other' } }, { status: ready('v1@sha1:9') }),
    }),
    { kind: 'apply' },
  ],
  [
    'a dependency that was ready in an older generation is not ready',
    input(aKustomization('apps', dependsOn), {
      kustomization: () => aKustomization('infra', {}, { metadata: { generation: 2 }, status: ready(R1) }),
    }),
    { kind: 'not-ready', message: "dependency 'flux-system/infra' is not ready" },
  ],
  [
    'a dependency that is there lets it go on',
    input(aKustomization('apps', dependsOn), { kustomization: () => aKustomization('infra', {}, { status: ready(R1) }) }),
    { kind: 'apply' },
  ],
  [
    'a dependency that is not ready by its expression holds it back, with the reason',
    input(aKustomization('apps', by("dep.metadata.labels['tier'] == self.metadata.name")), {
      kustomization: () => aKustomization('infra', {}, { metadata: { labels: { tier: 'db' } }, status: ready(R1) }),
    }),
    { kind: 'not-ready', message: "dependency 'flux-system/infra' is not ready according to readyExpr eval" },
  ],
  [
    'an expression that reads what is not there yet holds it back',
    input(aKustomization('apps', by('dep.status.lastAppliedRevision == "x"')), { kustomization: () => aKustomization('infra') }),
    {
      kind: 'not-ready',
      reason: 'DependencyNotReady',
      message: `failed to evaluate the CEL expression 'dep.status.lastAppliedRevision == "x"': No such key: lastAppliedRevision`,
    },
  ],
  [
    'an expression alone lets it go on: neither readiness nor the revision is looked at',
    input(aKustomization('apps', by('dep.spec.prune')), { kustomization: () => aKustomization('infra') }),
    { kind: 'apply' },
  ],
  [
    'an expression that cannot be read stalls it before anything is looked at',
    input(aKustomization('apps', by('dep.')), { sourceExists: () => false }),
    {
      kind: 'stalled',
      reason: 'InvalidCELExpression',
      message:
        "Reconciliation failed terminally due to configuration error: failed to evaluate dependency infra: failed to parse the CEL expression 'dep.': Expected IDENTIFIER, got EOF",
    },
  ],
  [
    'so does an expression of health',
    input(aKustomization('apps', { healthCheckExprs: [{ apiVersion: 'x.io/v1', kind: 'X', inProgress: 'foo.', current: 'true' }] })),
    {
      kind: 'stalled',
      reason: 'InvalidCELExpression',
      message:
        "Reconciliation failed terminally due to configuration error: failed to create custom status evaluator for healthchecks[0]: failed to parse the expression InProgress: failed to parse the CEL expression 'foo.': Expected IDENTIFIER, got EOF",
    },
  ],
])('%s', (_name, given, expected) => {
  expect(plan(given)).toMatchObject(expected)
})
