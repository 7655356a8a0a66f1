import { expect, test } from 'vitest'
import type { SourceObjectStatus, SourceOutcome } from '../mirror/model.ts'
import { sourceStatus } from '../mirror/source-status.ts'
import { sourceEvent } from './source-event.ts'

const AT = { generation: 1, now: new Date('2026-11-21T10:00:00Z') }
const stored = (revision: string, said?: { reason: string; message: string }): SourceOutcome => ({
  kind: 'stored',
  artifact: { digest: 'sha256:a', lastUpdateTime: '2026-11-21T10:00:00Z', path: 'p', revision, url: 'u' },
  ...(said ? { said } : {}),
})
const FAILED: SourceOutcome = { kind: 'failed', fault: 'FetchFailed', reason: 'GitOperationFailed', message: 'HTTP 500' }
const after = (...outcomes: readonly SourceOutcome[]) =>
  outcomes.reduce<SourceObjectStatus>((status, outcome) => sourceStatus(status, outcome, AT), {})

test('a new revision is told, the same one again is not', () => {
  expect(sourceEvent({}, stored('main@sha1:a'))).toMatchObject({ severity: 'info', reason: 'NewArtifact', revision: 'main@sha1:a' })
  expect(sourceEvent(after(stored('main@sha1:a')), stored('main@sha1:a'))).toBeUndefined()
  expect(sourceEvent(after(stored('main@sha1:a')), stored('main@sha1:b'))).toMatchObject({ revision: 'main@sha1:b' })
})

test('a chart says how it came', () => {
  expect(sourceEvent({}, stored('1.0.0', { reason: 'ChartPullSucceeded', message: 'pulled' }))).toMatchObject({
    reason: 'ChartPullSucceeded',
  })
})

test('a failure is told, and that it is over, also where nothing is new', () => {
  const failed = after(stored('main@sha1:a'), FAILED)
  expect(sourceEvent(after(stored('main@sha1:a')), FAILED)).toEqual({
    ...{ severity: 'error', reason: 'GitOperationFailed', message: 'HTTP 500' },
    revision: '',
  })
  expect(sourceEvent(failed, stored('main@sha1:a'))).toMatchObject({ severity: 'info', reason: 'NewArtifact', revision: 'main@sha1:a' })
  expect(sourceEvent(after(stored('main@sha1:a'), FAILED, stored('main@sha1:a')), stored('main@sha1:a'))).toBeUndefined()
})
