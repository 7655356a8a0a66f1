import { expect, test } from 'vitest'
import type { Artifact } from '../../proto/model/flux/source/artifact.ts'
import type { SourceObjectStatus, SourceOutcome, StatusMoment } from './model.ts'
import { sourceStatus } from './source-status.ts'

const AT: StatusMoment = { generation: 1, now: new Date('2026-11-21T10:00:00Z') }
const LATER: StatusMoment = { ...AT, now: new Date('2026-11-21T11:00:00Z') }
const FRESH: SourceObjectStatus = { observedGeneration: -1 }
const artifact = (revision = 'main@sha1:aaa', lastUpdateTime = '2026-11-21T10:00:00Z'): Artifact => ({
  digest: `sha256:${revision.slice(-3)}`,
  lastUpdateTime,
  path: 'p',
  revision,
  url: 'u',
})
const stored: SourceOutcome = { kind: 'stored', artifact: artifact() }
const told = ({ conditions = [] }: SourceObjectStatus) =>
  conditions.map(({ message, reason, status, type }) => `${type}=${status} ${reason}: ${message}`)
const READY = sourceStatus(FRESH, stored, AT)
const FAULT: SourceOutcome = {
  kind: 'failed',
  fault: 'FetchFailed',
  reason: 'GitOperationFailed',
  message: 'failed to checkout and determine revision: x',
}
const FAILED = sourceStatus(READY, FAULT, AT)

const TABLE: readonly (readonly [string, SourceObjectStatus, SourceOutcome, readonly string[]])[] = [
  [
    'an artifact',
    FRESH,
    stored,
    [
      "Ready=True Succeeded: stored artifact for revision 'main@sha1:aaa'",
      "ArtifactInStorage=True Succeeded: stored artifact for revision 'main@sha1:aaa'",
    ],
  ],
  [
    'a new revision on its way',
    READY,
    { kind: 'progressing', message: "building artifact: new upstream revision 'main@sha1:bbb'", newRevision: 'main@sha1:bbb' },
    [
      "Reconciling=True Progressing: building artifact: new upstream revision 'main@sha1:bbb'",
      "Ready=Unknown Progressing: building artifact: new upstream revision 'main@sha1:bbb'",
      "ArtifactInStorage=True Succeeded: stored artifact for revision 'main@sha1:aaa'",
      "ArtifactOutdated=True NewRevision: new upstream revision 'main@sha1:bbb'",
    ],
  ],
  [
    'a failed fetch, with the old artifact still there',
    READY,
    FAULT,
    [
      'Reconciling=True ProgressingWithRetry: reconciliation in progress',
      'Ready=False GitOperationFailed: failed to checkout and determine revision: x',
      "ArtifactInStorage=True Succeeded: stored artifact for revision 'main@sha1:aaa'",
      'FetchFailed=True GitOperationFailed: failed to checkout and determine revision: x',
    ],
  ],
  [
    'an artifact after a failure',
    FAILED,
    stored,
    [
      "Ready=True Succeeded: stored artifact for revision 'main@sha1:aaa'",
      "ArtifactInStorage=True Succeeded: stored artifact for revision 'main@sha1:aaa'",
    ],
  ],
  [
    'a URL that cannot be',
    FRESH,
    { kind: 'stalled', fault: 'FetchFailed', reason: 'URLInvalid', message: 'bad' },
    ['Stalled=True URLInvalid: bad', 'Ready=False URLInvalid: bad', 'FetchFailed=True URLInvalid: bad'],
  ],
]

test.each(TABLE)('tells %s in the conditions that Flux writes', (_name, old, outcome, expected) => {
  expect(told(sourceStatus(old, outcome, AT))).toEqual(expected)
})

const UNSIGNED: SourceOutcome = {
  kind: 'failed',
  fault: 'BuildFailed',
  reason: 'ChartVerificationError',
  message: 'no matching signatures',
}

test('a chart whose signature does not hold is told so until something else is wrong with it', () => {
  const unsigned = sourceStatus(READY, UNSIGNED, LATER)
  expect(told(unsigned)).toEqual([
    'Reconciling=True ProgressingWithRetry: reconciliation in progress',
    'Ready=False ChartVerificationError: no matching signatures',
    "ArtifactInStorage=True Succeeded: stored artifact for revision 'main@sha1:aaa'",
    'BuildFailed=True ChartVerificationError: no matching signatures',
    'SourceVerified=False VerificationError: no matching signatures',
  ])
  expect(sourceStatus(unsigned, UNSIGNED, AT)).toBe(unsigned)
  expect(told(sourceStatus(unsigned, FAULT, LATER)).join()).not.toContain('SourceVerified')
})

test('an artifact of the same revision and content changes nothing, also at another time', () => {
  const again: SourceOutcome = { kind: 'stored', artifact: artifact('main@sha1:aaa', '2026-11-21T11:00:00Z') }
  expect(sourceStatus(READY, again, LATER)).toBe(READY)
})

test('the patterns that made the artifact are kept, and gone with them', () => {
  const ignored = sourceStatus(READY, { ...stored, observed: { observedIgnore: '*.md' } }, LATER)
  expect(ignored.observedIgnore).toBe('*.md')
  expect('observedIgnore' in sourceStatus(ignored, stored, LATER)).toBe(false)
})

test('a failure keeps the artifact and the observed generation; a request is echoed once', () => {
  const moment = { ...LATER, generation: 2, requestedAt: 'token' }
  const failed = sourceStatus(READY, FAULT, moment)
  expect(failed).toMatchObject({ artifact: READY.artifact, observedGeneration: 1, lastHandledReconcileAt: 'token' })
  expect(sourceStatus(failed, { kind: 'suspended' }, moment)).toBe(failed)
})
