import { expect, test } from 'vitest'
import type { KustomizationStatus } from '../../proto/model/flux/kustomize/kustomization.ts'
import { progressMessage } from '../../proto/model/flux/progress.ts'
import { kustomizationStatus } from './kustomization-status.ts'
import type { Attempt, KustomizationOutcome, StatusMoment } from './model.ts'

const NOW = new Date('2026-11-21T10:00:00.500Z')
const AT: StatusMoment = { generation: 2, now: NOW }
const later = (minutes: number): StatusMoment => ({ ...AT, now: new Date(NOW.getTime() + minutes * 60_000) })
const FRESH: KustomizationStatus = { observedGeneration: -1 }
const ENTRIES = [{ id: 'default_app_apps_Deployment', v: 'v1' }]
const attempt = (revision = 'main@sha1:aaa', digest = 'sha256:1'): Attempt => ({ revision, digest, durationMs: 1500 })
const success = (more: Partial<Extract<KustomizationOutcome, { kind: 'succeeded' }>> = {}): KustomizationOutcome => ({
  kind: 'succeeded',
  attempt: attempt(),
  inventory: ENTRIES,
  health: { kind: 'unchecked' },
  changed: true,
  ...more,
})
/** `Type=Status Reason: message` of each condition, in order. */
const told = ({ conditions = [] }: KustomizationStatus) =>
  conditions.map(({ message, reason, status, type }) => `${type}=${status} ${reason}: ${message}`)
const FETCHING = progressMessage('fetch', 'main@sha1:aaa', 30_000)
const PROGRESSING = kustomizationStatus(FRESH, { kind: 'progressing', message: FETCHING }, AT)
const READY = kustomizationStatus(PROGRESSING, success(), AT)

const TABLE: readonly (readonly [string, KustomizationStatus, KustomizationOutcome, readonly string[]])[] = [
  [
    'work that has begun',
    FRESH,
    { kind: 'progressing', message: FETCHING },
    [
      'Reconciling=True Progressing: Fetching manifests for revision main@sha1:aaa with a timeout of 30s',
      'Ready=Unknown Progressing: Reconciliation in progress',
    ],
  ],
  [
    'health checks that run',
    PROGRESSING,
    { kind: 'progressing', message: 'checking', checkingHealth: true },
    [
      'Reconciling=True Progressing: checking',
      'Ready=Unknown Progressing: Reconciliation in progress',
      'Healthy=Unknown Progressing: checking',
    ],
  ],
  ['a success', PROGRESSING, success(), ['Ready=True ReconciliationSucceeded: Applied revision: main@sha1:aaa']],
  [
    'a success with health checks',
    PROGRESSING,
    success({ health: { kind: 'passed', durationMs: 2000 } }),
    ['Ready=True ReconciliationSucceeded: Applied revision: main@sha1:aaa', 'Healthy=True Succeeded: Health check passed in 2s'],
  ],
  [
    'a failed build',
    PROGRESSING,
    { kind: 'failed', reason: 'BuildFailed', message: 'kustomize build failed: x', attemptedRevision: 'main@sha1:bbb' },
    [
      'Reconciling=True ProgressingWithRetry: Fetching manifests for revision main@sha1:aaa with a timeout of 30s',
      'Ready=False BuildFailed: kustomize build failed: x',
    ],
  ],
  [
    'failed health checks',
    PROGRESSING,
    { kind: 'failed', reason: 'HealthCheckFailed', message: 'timeout', progress: 'p', attempt: attempt(), inventory: ENTRIES },
    ['Reconciling=True ProgressingWithRetry: p', 'Ready=False HealthCheckFailed: timeout', 'Healthy=False HealthCheckFailed: timeout'],
  ],
  [
    'a dependency that is not ready, before anything was tried',
    FRESH,
    { kind: 'failed', reason: 'DependencyNotReady', message: "dependency 'a/b' is not ready" },
    ["Ready=False DependencyNotReady: dependency 'a/b' is not ready"],
  ],
  [
    'something that only a new spec can mend',
    PROGRESSING,
    { kind: 'stalled', reason: 'FeatureGateDisabled', message: 'spec.decryption' },
    ['Stalled=True FeatureGateDisabled: spec.decryption', 'Ready=False FeatureGateDisabled: spec.decryption'],
  ],
]

test.each(TABLE)('tells %s in the conditions that Flux writes', (_name, old, outcome, expected) => {
  const next = kustomizationStatus(old, outcome, AT)
  expect(told(next)).toEqual(expected)
  for (const { observedGeneration } of next.conditions ?? []) expect(observedGeneration).toBe(2)
})

test('work after a stall takes the stall back', () => {
  const stalled = kustomizationStatus(FRESH, { kind: 'stalled', reason: 'AccessDenied', message: 'x' }, AT)
  expect(told(kustomizationStatus(stalled, { kind: 'progressing', message: 'p' }, AT))).not.toContain('Stalled=True AccessDenied: x')
})

test('the observed generation follows a success and a stall, and stays behind after a failure', () => {
  const failure: KustomizationOutcome = { kind: 'failed', reason: 'BuildFailed', message: 'x', progress: 'p' }
  expect(READY.observedGeneration).toBe(2)
  expect(kustomizationStatus(FRESH, failure, AT).observedGeneration).toBe(-1)
  expect(kustomizationStatus(FRESH, { kind: 'stalled', reason: 'AccessDenied', message: 'x' }, AT).observedGeneration).toBe(2)
})

test('a failure keeps the applied revision and inventory, and moves the attempted revision', () => {
  const failed = kustomizationStatus(READY, { kind: 'failed', reason: 'BuildFailed', message: 'x', attemptedRevision: 'main@sha1:bbb' }, AT)
  expect(failed).toMatchObject({
    lastAppliedRevision: 'main@sha1:aaa',
    lastAttemptedRevision: 'main@sha1:bbb',
    inventory: { entries: ENTRIES },
    history: READY.history,
  })
})

test('what was applied is kept track of before its health is known', () => {
  const outcome: KustomizationOutcome = { kind: 'progressing', message: 'p', attemptedRevision: 'main@sha1:bbb', inventory: ENTRIES }
  expect(kustomizationStatus(FRESH, outcome, AT)).toMatchObject({ inventory: { entries: ENTRIES }, lastAttemptedRevision: 'main@sha1:bbb' })
})

test('a success that changed nothing and is told already leaves the status as it is', () => {
  expect(kustomizationStatus(READY, success({ changed: false }), later(5))).toBe(READY)
})

test.each([
  ['something was changed', success(), later(5)],
  ['the revision is new', success({ changed: false, attempt: attempt('main@sha1:bbb') }), later(5)],
  ['the generation is new', success({ changed: false }), { ...later(5), generation: 3 }],
  ['it was asked for', success({ changed: false }), { ...later(5), requestedAt: 'now' }],
  ['the inventory differs', success({ changed: false, inventory: [] }), later(5)],
])('a success is written when %s', (_name, outcome, at) => {
  const next = kustomizationStatus(READY, outcome, at)
  expect(next).not.toBe(READY)
  expect(next.conditions?.[0]?.lastTransitionTime).toBe('2026-11-21T10:00:00Z')
})

test('an entry of the history is counted up for an equal digest, and five are kept, newest first', () => {
  const again = kustomizationStatus(READY, success({ attempt: attempt('main@sha1:bbb') }), later(1))
  expect(again.history).toEqual([
    {
      digest: 'sha256:1',
      firstReconciled: '2026-11-21T10:00:00Z',
      lastReconciled: '2026-11-21T10:01:00Z',
      lastReconciledDuration: '1.5s',
      lastReconciledStatus: 'ReconciliationSucceeded',
      metadata: { revision: 'main@sha1:bbb' },
      totalReconciliations: 2,
    },
  ])
  const many = [2, 3, 4, 5, 6, 7].reduce(
    (status, n) => kustomizationStatus(status, success({ attempt: attempt(`r${n}`, `sha256:${n}`) }), later(n)),
    again,
  )
  expect(many.history?.map(({ digest }) => digest)).toEqual([7, 6, 5, 4, 3].map((n) => `sha256:${n}`))
})

test('a failed attempt is an entry of its own beside the success of equal digest', () => {
  const outcome: KustomizationOutcome = { kind: 'failed', reason: 'HealthCheckFailed', message: 'x', attempt: attempt() }
  const results = kustomizationStatus(READY, outcome, later(1)).history?.map(({ lastReconciledStatus }) => lastReconciledStatus)
  expect(results).toEqual(['HealthCheckFailed', 'ReconciliationSucceeded'])
})

test('an unchanged healthy set keeps the words of its health at a new revision', () => {
  const healthy = kustomizationStatus(READY, success({ health: { kind: 'passed', durationMs: 2000 } }), AT)
  const next = success({ changed: false, attempt: attempt('main@sha1:bbb'), health: { kind: 'passed', durationMs: 9000 } })
  expect(told(kustomizationStatus(healthy, next, later(1)))[1]).toBe('Healthy=True Succeeded: Health check passed in 2s')
})

test('a request is echoed, also while suspended; suspension says nothing else', () => {
  expect(kustomizationStatus(READY, { kind: 'suspended' }, AT)).toBe(READY)
  const asked = kustomizationStatus(READY, { kind: 'suspended' }, { ...AT, requestedAt: 'token' })
  expect(asked).toEqual({ ...READY, lastHandledReconcileAt: 'token' })
})
