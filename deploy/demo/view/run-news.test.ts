import { expect, test } from 'vitest'
import type { RolloutStatus } from '../../../proto/model/fleet/rollout-status.ts'
import { runNews } from './run-news.ts'

type Run = NonNullable<RolloutStatus['run']>

const NONE = { failed: 0, healthy: 0, offline: 0, released: 0, rolledBack: 0, total: 1, waiting: 0 }
const aRun = (state: Run['state'], waves: Readonly<Record<string, string>>, over: Partial<Run> = {}): RolloutStatus => ({
  run: {
    cause: 'revision',
    message: `what ${state} says of main@sha1:${'ab'.repeat(20)}`,
    number: 1,
    revision: `main@sha1:${'ab'.repeat(20)}`,
    startedAt: '2026-11-21T08:00:00Z',
    state,
    waves: Object.entries(waves).map(([name, wave]) => ({ ...NONE, name, state: wave })),
    ...over,
  },
})

test('a run is told when it starts, when a wave has been healthy, and when it waits or ends', () => {
  const starts = aRun('progressing', { staging: 'progressing', production: 'waiting' })
  const soaks = aRun('soaking', { staging: 'soaking', production: 'waiting' })
  const waits = aRun('pending', { staging: 'complete', production: 'pending' })
  const ends = aRun('succeeded', { staging: 'complete', production: 'complete' })
  expect(runNews({}, starts)).toEqual(['run 1 starts with main@sha1:abababab'])
  expect(runNews(starts, soaks)).toEqual(['wave staging is soaking'])
  expect(runNews(soaks, waits)).toEqual(['wave staging is complete', 'run 1: what pending says of main@sha1:abababab'])
  expect(runNews(waits, ends)).toEqual(['wave production is complete', 'run 1: what succeeded says of main@sha1:abababab'])
})

test('the same look twice is no news, and what another run did is none of this one', () => {
  const ended = aRun('succeeded', { staging: 'complete' })
  expect(runNews(ended, ended)).toEqual([])
  expect(runNews({}, {})).toEqual([])
  expect(runNews(ended, aRun('succeeded', { staging: 'complete' }, { number: 2 }))).toHaveLength(3)
})
