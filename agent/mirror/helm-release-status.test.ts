import { expect, test } from 'vitest'
import type { HelmReleaseStatus } from '../../proto/model/flux/helm/helm-release.ts'
import { helmReleaseStatus } from './helm-release-status.ts'
import type { HelmReleaseOutcome, ReleaseAct, Snapshot } from './model.ts'

const now = new Date('2026-11-21T10:00:00Z')
const at = { generation: 2, now }
const after = (
  outcomes: readonly HelmReleaseOutcome[],
  old: HelmReleaseStatus = {},
  moment: Parameters<typeof helmReleaseStatus>[2] = at,
) => outcomes.reduce((status, outcome) => helmReleaseStatus(status, outcome, moment), old)
const told = ({ conditions = [] }: HelmReleaseStatus) => conditions.map(({ reason, status, type }) => `${type} ${status} ${reason}`)

const snapshot = (version: number): Snapshot => ({
  chartName: 'app',
  chartVersion: '1.0.0',
  configDigest: 'sha256:c',
  digest: `sha256:${version}`,
  firstDeployed: '2026-11-21T09:00:00Z',
  lastDeployed: '2026-11-21T09:00:00Z',
  name: 'app',
  namespace: 'apps',
  status: 'deployed',
  version,
})
const NO_TESTS = { enabled: false, ignored: false }
const TESTS = { enabled: true, ignored: false }
const begun = (action: 'install' | 'upgrade'): HelmReleaseOutcome => ({
  kind: 'progressing',
  message: `Running '${action}' action with timeout of 5m0s`,
  action,
})
const acted = (act: ReleaseAct, isGood: boolean, o: Partial<Extract<HelmReleaseOutcome, { kind: 'acted' }>> = {}): HelmReleaseOutcome => ({
  kind: 'acted',
  act,
  isGood,
  message: `${act} ${isGood ? 'succeeded' : 'failed'}`,
  durationMs: 1500,
  history: [snapshot(1)],
  tests: NO_TESTS,
  isCounted: !isGood,
  ...o,
})
const settled = (o: Partial<Extract<HelmReleaseOutcome, { kind: 'settled' }>> = {}): HelmReleaseOutcome => ({
  kind: 'settled',
  history: [snapshot(1)],
  tests: NO_TESTS,
  inventory: [{ id: 'apps_app__ConfigMap', v: 'v1' }],
  rendered: { postRenderersDigest: '', commonMetadataDigest: '' },
  message: 'Helm upgrade succeeded',
  ...o,
})

test.each<[string, readonly HelmReleaseOutcome[], readonly string[]]>([
  ['an install that runs', [begun('install')], ['Reconciling True Progressing', 'Ready Unknown Progressing']],
  ['an install', [begun('install'), acted('install', true), settled()], ['Ready True InstallSucceeded', 'Released True InstallSucceeded']],
  ['an upgrade', [begun('upgrade'), acted('upgrade', true), settled()], ['Ready True UpgradeSucceeded', 'Released True UpgradeSucceeded']],
  [
    'an install that failed',
    [begun('install'), acted('install', false)],
    ['Reconciling True Progressing', 'Ready False InstallFailed', 'Released False InstallFailed'],
  ],
  [
    'an install that is given up',
    [begun('install'), acted('install', false), { kind: 'stalled', reason: 'RetriesExceeded', message: 'm' }],
    ['Stalled True RetriesExceeded', 'Ready False RetriesExceeded', 'Released False InstallFailed'],
  ],
  [
    'an upgrade that was rolled back',
    [begun('upgrade'), acted('upgrade', false), acted('rollback', true)],
    ['Reconciling True Progressing', 'Ready False RollbackSucceeded', 'Released False UpgradeFailed', 'Remediated True RollbackSucceeded'],
  ],
  [
    'an upgrade whose roll-back failed',
    [begun('upgrade'), acted('upgrade', false), acted('rollback', false)],
    ['Reconciling True Progressing', 'Ready False RollbackFailed', 'Released False UpgradeFailed', 'Remediated False RollbackFailed'],
  ],
  [
    'an upgrade after a roll-back',
    [acted('upgrade', false), acted('rollback', true), begun('upgrade'), acted('upgrade', true), settled()],
    ['Ready True UpgradeSucceeded', 'Released True UpgradeSucceeded'],
  ],
  [
    'an upgrade that fails after a roll-back',
    [acted('upgrade', false), acted('rollback', true), begun('upgrade'), acted('upgrade', false)],
    ['Reconciling True Progressing', 'Ready False UpgradeFailed', 'Released False UpgradeFailed'],
  ],
  [
    'what was rolled back to is what is wanted',
    [acted('upgrade', false), acted('rollback', true), settled()],
    ['Ready True UpgradeSucceeded', 'Released True UpgradeSucceeded'],
  ],
  [
    'a release that waits for its tests',
    [begun('install'), acted('install', true, { tests: TESTS })],
    ['Reconciling True Progressing', 'Ready Unknown AwaitingTests', 'Released True InstallSucceeded', 'TestSuccess Unknown AwaitingTests'],
  ],
  [
    'tests that failed',
    [acted('install', true, { tests: TESTS }), acted('test', false, { tests: TESTS })],
    ['Ready False TestFailed', 'Released True InstallSucceeded', 'TestSuccess False TestFailed'],
  ],
  [
    'tests that failed and are ignored',
    [
      acted('install', true, { tests: { enabled: true, ignored: true } }),
      acted('test', false, { tests: { enabled: true, ignored: true } }),
    ],
    ['Ready True InstallSucceeded', 'Released True InstallSucceeded', 'TestSuccess False TestFailed'],
  ],
  [
    'tests that nobody wants any more',
    [acted('install', true, { tests: TESTS }), acted('test', false, { tests: TESTS }), settled()],
    ['Ready True InstallSucceeded', 'Released True InstallSucceeded'],
  ],
  ['a release that was unlocked', [acted('unlock', true)], ['Ready False PendingRelease', 'Released False PendingRelease']],
  [
    'a source that is missing',
    [{ kind: 'failed', reason: 'SourceNotReady', message: 'm' }],
    ['Reconciling True ProgressingWithRetry', 'Ready False SourceNotReady'],
  ],
  [
    'drift',
    [settled({ drift: 'changed' })],
    ['Ready True UpgradeSucceeded', 'Drifted True DriftDetected', 'Released True UpgradeSucceeded'],
  ],
  [
    'no drift',
    [settled({ drift: '' })],
    ['Ready True UpgradeSucceeded', 'Drifted False NoDriftDetected', 'Released True UpgradeSucceeded'],
  ],
  [
    'a release that is left',
    [acted('install', true), { kind: 'left', isGood: true, message: 'm' }],
    ['Ready False UninstallSucceeded', 'Released False UninstallSucceeded'],
  ],
])('%s', (_name, outcomes, expected) => {
  expect(told(after(outcomes))).toEqual(expected)
})

test('failures are counted for the action that was tried, and forgotten after a success', () => {
  const failed = after([begun('install'), acted('install', false)])
  expect(failed).toMatchObject({
    failures: 1,
    installFailures: 1,
    lastAttemptedReleaseAction: 'install',
    lastAttemptedReleaseActionDuration: '1.5s',
  })
  const again = after([begun('upgrade'), acted('upgrade', false), acted('test', false)], failed)
  expect(again).toMatchObject({ failures: 3, installFailures: 1, upgradeFailures: 2 })
  expect(after([acted('upgrade', false, { isCounted: false })], failed)).toMatchObject({ failures: 2, installFailures: 1 })
  const good = after([acted('upgrade', true), settled()], again)
  expect([good.failures, good.installFailures, good.upgradeFailures]).toEqual([undefined, undefined, undefined])
  expect(good.observedGeneration).toBe(2)
})

test('what a release was rendered with is taken down with it, and stays while another one fails', () => {
  const rendered = { postRenderersDigest: 'sha256:p', commonMetadataDigest: '' }
  const good = after([acted('upgrade', true, { rendered })], { observedCommonMetadataDigest: 'sha256:old' })
  expect(good.observedPostRenderersDigest).toBe('sha256:p')
  expect(good.observedCommonMetadataDigest).toBeUndefined()
  expect(after([acted('upgrade', false)], good).observedPostRenderersDigest).toBe('sha256:p')
})

test('an attempt takes down what is tried, and begins to count anew where it is something else', () => {
  const attempt = { chartVersion: '2.0.0', configDigest: 'sha256:c', storageNamespace: 'apps', resets: true, forceAt: 'x' }
  const next = after([{ kind: 'attempting', attempt }], { failures: 3, upgradeFailures: 3, lastAttemptedRevisionDigest: 'sha256:old' })
  expect(next).toEqual({
    lastAttemptedGeneration: 2,
    lastAttemptedRevision: '2.0.0',
    lastAttemptedConfigDigest: 'sha256:c',
    storageNamespace: 'apps',
    lastHandledForceAt: 'x',
  })
})

test('a release that is still as it was leaves the conditions as they are, and answers a request', () => {
  const good = after([begun('install'), acted('install', true), settled()])
  const later = after([settled()], good, { generation: 2, now: new Date('2026-11-21T11:00:00Z'), requestedAt: 'token' })
  expect(later).toEqual({ ...good, lastHandledReconcileAt: 'token' })
})

test('a suspended object keeps its status but for the request', () => {
  const old = after([acted('install', true), settled()])
  expect(after([{ kind: 'suspended' }], old)).toBe(old)
  expect(after([{ kind: 'suspended' }], old, { ...at, requestedAt: 'x' })).toEqual({ ...old, lastHandledReconcileAt: 'x' })
})
