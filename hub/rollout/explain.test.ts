import { expect, test } from 'vitest'
import { aRun, aTarget, CONTENT, facts, idOf, NOW, OLD, type RunShape } from '../../test/support/rollout-builders.ts'
import { explainRun, explainTarget } from './explain.ts'
import type { Facts } from './model.ts'

const released = (name: string, over = {}) => aTarget(name, { state: 'released', given: 'content', before: OLD, ...over })
const healthy = (name: string, over = {}) => aTarget(name, { state: 'healthy', given: 'content', sinceMs: 0, ...over })
const complaint = { object: 'Kustomization/a/b', message: 'no such file' }
const eu = (over = {}) => [{ name: 'eu', state: 'progressing' as const, ...over }]

test.each<[string, RunShape, Partial<Facts>, string]>([
  [
    'approval',
    { state: 'pending', waves: eu({ approval: true }), targets: [aTarget('a')] },
    {},
    'wave eu waits for approval of main@sha1:2, by someone who may approve',
  ],
  [
    'its clusters',
    {
      state: 'progressing',
      waves: eu(),
      targets: [released('a', { sinceMs: 0 }), ...['b', 'c', 'd', 'e'].map((name) => released(name, { complaint }))],
    },
    {},
    'wave eu waits for a, b, c and 2 more to become healthy, the first until 2026-01-05T12:15:00Z; b: Kustomization/a/b: no such file',
  ],
  [
    'the end of the soak',
    { state: 'soaking', waves: eu({ soakMs: 90_000 }), targets: [healthy('a')] },
    {},
    'wave eu is healthy in 1 cluster and soaks until 2026-01-05T12:01:30Z if it stays so',
  ],
  [
    'a person',
    { state: 'pending', waves: eu(), targets: [aTarget('a'), aTarget('b')] },
    { paused: true },
    'wave eu is paused; 2 clusters wait until it is resumed',
  ],
  [
    'a window',
    { state: 'pending', waves: eu(), targets: [aTarget('a')] },
    { window: { open: false, changesAt: new Date('2026-01-05T21:00:00Z') } },
    'wave eu waits for its window, which opens at 2026-01-05T21:00:00Z; 1 cluster waits',
  ],
  [
    'a window that never comes',
    { state: 'pending', waves: eu(), targets: [aTarget('a')] },
    { window: { open: false } },
    'wave eu waits for a window, and none opens again; 1 cluster waits',
  ],
  [
    'anybody at all',
    {
      state: 'progressing',
      waves: eu(),
      targets: [aTarget('a', { state: 'offline', given: 'content' }), aTarget('b', { state: 'failed', given: 'content' })],
    },
    {},
    'wave eu waits for a healthy cluster: 1 failed, 1 offline; it can be skipped',
  ],
  [
    'who joined late',
    { state: 'progressing', waves: eu({ state: 'complete' }), targets: [healthy('a'), released('b')] },
    {},
    'every wave is done; waits for b to become healthy',
  ],
  [
    'a window after its last wave was skipped',
    { state: 'pending', waves: eu({ state: 'skipped' }), targets: [aTarget('a'), aTarget('b')] },
    { window: { open: false, changesAt: new Date('2026-01-05T21:00:00Z') } },
    'every wave is done; it waits for its window, which opens at 2026-01-05T21:00:00Z; 2 clusters wait',
  ],
  [
    'a person after its last wave was skipped',
    { state: 'pending', waves: eu({ state: 'skipped' }), targets: [aTarget('a')] },
    { paused: true },
    'every wave is done; it is paused; 1 cluster waits until it is resumed',
  ],
  [
    'agents on the way back',
    {
      state: 'rolling-back',
      waves: eu(),
      targets: [released('a', { given: 'before', failedOnce: true, complaint }), healthy('b', { given: 'before', state: 'rolled-back' })],
    },
    {},
    'takes main@sha1:2 back since a: Kustomization/a/b: no such file; waits for a to acknowledge what it had before',
  ],
])('a run that waits for %s says so', (_, shape, known, expected) => {
  expect(explainRun(aRun(shape), facts(known), NOW)).toBe(expected)
})

test('a run that ended says how', () => {
  expect(explainRun({ ...aRun({ state: 'stopped' }), outcome: '2 clusters failed, and none may' }, facts(), NOW)).toBe(
    '2 clusters failed, and none may',
  )
})

test('a cluster is told where it stands', () => {
  const targets = [
    aTarget('waits', { wave: 1 }),
    released('moves', { complaint }),
    healthy('well'),
    aTarget('ill', { state: 'failed', given: 'content', complaint }),
    aTarget('away', { state: 'offline', given: 'content' }),
    aTarget('left', { state: 'gone' }),
  ]
  const run = aRun({ state: 'progressing', waves: [{ name: 'canary', state: 'progressing' }, { name: 'rest' }], targets })
  const say = (name: string) => explainTarget(run, idOf(name), { facts: facts(), now: NOW })
  expect(say('waits')).toBe(
    'its turn in wave rest is to come: wave canary waits for moves to become healthy; moves: Kustomization/a/b: no such file',
  )
  expect(say('moves')).toBe('it was released in wave canary and is not healthy yet: moves: Kustomization/a/b: no such file')
  expect(say('well')).toBe('it was released in wave canary and is healthy')
  expect(say('ill')).toBe('it failed in wave canary: ill: Kustomization/a/b: no such file')
  expect(say('away')).toBe(`it is offline; ${CONTENT.revision} waits for it`)
  expect(say('left')).toBe('it left during the run')
  expect(say('stranger')).toBe('no wave of the run takes it')
})
