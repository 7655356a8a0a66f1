import { expect, test } from 'vitest'
import type { Lack } from '../lack.ts'
import { judge, type Looked } from './health.ts'

const at = (over: Partial<Looked> = {}): Looked => ({
  suspended: false,
  connected: true,
  released: true,
  acked: true,
  members: 1,
  problem: null,
  waiting: null,
  failing: [],
  ...over,
})
const failing = (reason: string, message = 'no', attempts = 1) => [{ object: 'Kustomization/a/b', reason, message, attempts }]
const retried = (reason: string, attempts = 1) => [{ object: 'HelmRelease/a/b', reason, message: 'no', attempts, retried: true }]
const waiting = { object: 'Kustomization/a/b', absent: false, behind: false, reason: 'Progressing', message: 'soon', lack: null }
const lacks = (of: Lack['of'], word: string | null = null) =>
  at({ waiting: { ...waiting, reason: 'ReconciliationSucceeded', lack: { of, word } } })

test.each<[string, Looked, string, string]>([
  ['everything is ready', at(), 'healthy', 'Ready'],
  ['the source is suspended, whatever else', at({ suspended: true, failing: failing('BuildFailed') }), 'offline', 'SourceSuspended'],
  ['its agent is away, whatever was reported last', at({ connected: false, failing: failing('BuildFailed') }), 'offline', 'Disconnected'],
  ['it is being built', at({ released: false }), 'progressing', 'Building'],
  ['its source cannot be fetched', at({ released: false, problem: 'no such host' }), 'progressing', 'SourceProblem'],
  ['nothing consumes it and its agent has not taken it', at({ members: 0, acked: false }), 'progressing', 'NotAcknowledged'],
  ['nothing consumes it and its agent has it', at({ members: 0 }), 'healthy', 'Ready'],
  ['what consumes it is there before the word that it was taken', at({ acked: false }), 'healthy', 'Ready'],
  ['something is on its way', at({ waiting }), 'progressing', 'Progressing'],
  ['something has not come to it', at({ waiting: { ...waiting, behind: true } }), 'progressing', 'NotAttempted'],
  ['nothing was reported of something', at({ waiting: { ...waiting, absent: true } }), 'progressing', 'NotReported'],
  ['nothing was said of what it applied', lacks('word'), 'progressing', 'NotReported'],
  ['an object that it changed was not reported since', lacks('mirror', 'Kustomization/a/child'), 'progressing', 'NotReported'],
  ['what it applied is late', lacks('InProgress', 'Deployment/a/b is InProgress'), 'progressing', 'HealthInProgress'],
  [
    'what an object applied failed that is not of the revision',
    lacks('Failed', 'Deployment/a/b is Failed'),
    'progressing',
    'HealthCheckFailed',
  ],
  ['it cannot be built', at({ failing: failing('BuildFailed') }), 'failed', 'BuildFailed'],
  ['it is not healthy in time', at({ failing: failing('HealthCheckFailed') }), 'failed', 'HealthCheckFailed'],
  [
    'an object is refused',
    at({ failing: failing('ReconciliationFailed', 'Deployment/a/b dry-run failed (Invalid): no') }),
    'failed',
    'ReconciliationFailed',
  ],
  [
    'a first attempt failed for what may pass',
    at({ failing: failing('ReconciliationFailed', 'connection refused') }),
    'progressing',
    'ReconciliationFailed',
  ],
  [
    'a second attempt failed for what may pass',
    at({ failing: failing('ReconciliationFailed', 'connection refused', 2) }),
    'failed',
    'ReconciliationFailed',
  ],
  ['a release failed', at({ failing: failing('UpgradeFailed') }), 'failed', 'UpgradeFailed'],
  ['a release was taken back', at({ failing: failing('RollbackSucceeded') }), 'failed', 'RollbackSucceeded'],
  ['a release that failed is gone', at({ failing: failing('UninstallSucceeded') }), 'failed', 'UninstallSucceeded'],
  ['a release cannot be taken back', at({ failing: failing('MissingRollbackTarget') }), 'failed', 'MissingRollbackTarget'],
  ['the tests of a release fail', at({ failing: failing('TestFailed') }), 'failed', 'TestFailed'],
  ['a release is tried again', at({ failing: retried('UpgradeFailed') }), 'progressing', 'UpgradeFailed'],
  ['a release failed again', at({ failing: retried('RollbackSucceeded', 2) }), 'failed', 'RollbackSucceeded'],
  ['a release has no tries left', at({ failing: failing('RetriesExceeded') }), 'failed', 'RetriesExceeded'],
  ['a release waits for its chart, however often', at({ failing: failing('SourceNotReady', 'no', 9) }), 'progressing', 'SourceNotReady'],
  ['a chart cannot be pulled', at({ waiting: { ...waiting, reason: 'ChartPullError' } }), 'progressing', 'ChartPullError'],
  ['a placed object is refused, and that stands', at({ failing: failing('PlacementRefused', 'no', 2) }), 'failed', 'PlacementRefused'],
  [
    'it waits for another object, however often',
    at({ failing: failing('DependencyNotReady', 'no', 9) }),
    'progressing',
    'DependencyNotReady',
  ],
])('%s', (_name, looked, health, reason) => {
  expect(judge(looked)).toMatchObject({ health, reason })
})

test('what is waited for is named', () => {
  expect(judge(lacks('InProgress', 'Deployment/a/b is InProgress: Available: 0/1'))).toMatchObject({
    object: 'Kustomization/a/b',
    message: 'Deployment/a/b is InProgress: Available: 0/1',
  })
  expect(judge(lacks('mirror', 'Kustomization/a/child')).message).toBe(
    'Kustomization/a/b changed Kustomization/a/child, which was not reported since',
  )
})
