import { expect, test } from 'vitest'
import { historyText, statusText } from './show.ts'

const counts = { failed: 0, healthy: 0, offline: 0, released: 0, rolledBack: 1, total: 2, waiting: 1 }
const REVISION = `main@sha1:${'0123456789'.repeat(4)}`
const run = {
  ...{ number: 3, cause: 'revision', revision: REVISION, state: 'rolled-back', author: 'ann', subject: 'Fix it' },
  ...{ startedAt: '2026-01-05T12:00:00Z', endedAt: '2026-01-05T12:01:00Z', clusters: counts },
  message: `every cluster has what it had before ${REVISION}; edge-1: Kustomization/a/b: it broke`,
}
const rollout = {
  ...{ apiVersion: 'fleet.flotilla.dev/v1alpha1', kind: 'Rollout', metadata: { name: 'web', namespace: 'shop' } },
  status: {
    run: { ...run, waves: [{ ...counts, name: 'canary', state: 'progressing' }] },
    history: [
      {
        ...run,
        number: 2,
        state: 'succeeded',
        cause: 'promote',
        startedBy: 'bob',
        approvedBy: ['eve'],
        message: 'healthy in all of 2 clusters',
      },
    ],
    problems: [{ cluster: 'edge-1', object: 'Kustomization/a/b', reason: 'HealthCheckFailed', message: 'it broke' }],
    badRevisions: [REVISION],
    moreProblems: 4,
  },
}

test('the status of a run that was taken back says why, as a sentence and as a row for each cluster', () => {
  const text = statusText(rollout)
  expect(text).toContain('run 3: main@sha1:01234567 (ann "Fix it") rolled-back, started 2026-01-05T12:00:00Z')
  expect(text).toContain('every cluster has what it had before main@sha1:01234567; edge-1: Kustomization/a/b: it broke')
  expect(text).not.toContain('rolled-back: ')
  expect(text).toMatch(/edge-1 +Kustomization\/a\/b +HealthCheckFailed +it broke/)
  expect(text).toContain('and 4 more')
})

test('the history says of each run what it moved, who started and approved it, and how it ended', () => {
  const [, third, second] = historyText(rollout).split('\n')
  expect(third).toMatch(
    /^3 +main@sha1:01234567 +rolled-back .* revision +ann +Fix it +every cluster has .*edge-1: Kustomization\/a\/b: it broke$/,
  )
  expect(second).toMatch(/^2 +main@sha1:01234567 +succeeded .* bob +eve +ann +Fix it +healthy in all of 2 clusters$/)
})
