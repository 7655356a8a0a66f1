import { expect, test } from 'vitest'
import { aCluster, aTarget, CONTENT, facts, idOf, OLD } from '../../test/support/rollout-builders.ts'
import { FAILED, fleet, HEALTHY, healthy, play, released, running, states, WHY } from '../../test/support/rollout-story.ts'
import type { Run } from './model.ts'

test('more failures than may stop the run, and nothing more is released', () => {
  const run = running({
    waves: [{ maxConcurrent: 3, state: 'progressing' }],
    targets: [released('a'), released('b'), aTarget('c')],
    policy: { maxFailures: 1 },
  })
  const one = play(run, [[1, fleet(aCluster('a', FAILED), aCluster('b'), aCluster('c'))]])
  expect(one.run.state).toBe('progressing')
  expect(one.steps[0]).toMatchObject({ kind: 'release', clusters: [idOf('c')] })
  const two = play(run, [[1, fleet(aCluster('a', FAILED), aCluster('b', FAILED), aCluster('c'))]])
  expect(two.run).toMatchObject({
    state: 'stopped',
    outcome: `2 clusters failed, and only 1 may; nothing more is released; ${WHY}; and 1 more`,
  })
  expect(two.steps.map((step) => (step.kind === 'record' ? step.message : step.kind))).toEqual([
    'failed at main@sha1:2: a: Kustomization/a/b: no such file; b: Kustomization/a/b: no such file',
    `main@sha1:2 stopped: 2 clusters failed, and only 1 may; nothing more is released; ${WHY}; and 1 more`,
  ])
})

test('a failure counts for the whole run, also where the cluster recovers', () => {
  const run = running({
    waves: [{ maxConcurrent: 3, state: 'progressing' }],
    targets: [released('a'), released('b')],
    policy: { maxFailures: 1 },
  })
  const looks = [
    [1, fleet(aCluster('a', FAILED), aCluster('b'))],
    [2, fleet(aCluster('a', HEALTHY), aCluster('b'))],
    [3, fleet(aCluster('a', HEALTHY), aCluster('b', FAILED))],
  ] as const
  expect(play(run, looks.slice(0, 2)).run.state).toBe('progressing')
  expect(play(run, looks).run.state).toBe('stopped')
})

test('a rollback gives every cluster what it had, marks the revision, and ends when agents have it', () => {
  const other = { revision: 'main@sha1:0', artifact: 'sha256:0' }
  const run = running({
    waves: [
      { name: 'canary', state: 'complete' },
      { name: 'rest', state: 'progressing' },
    ],
    targets: [
      healthy('a'),
      released('b', { wave: 1, before: other }),
      aTarget('c', { wave: 1 }),
      released('d', { wave: 1, before: undefined }),
    ],
    policy: { action: 'rollback' },
  })
  const bad = facts({
    clusters: [aCluster('a', HEALTHY), aCluster('b', FAILED), aCluster('c'), aCluster('d')],
    window: { open: false },
    paused: true,
  })
  const back = play(run, [[1, bad]])
  expect(back.steps.slice(0, 3)).toEqual([
    { kind: 'mark-bad', revision: CONTENT.revision },
    { kind: 'take-back', content: OLD, clusters: [idOf('a')] },
    { kind: 'take-back', content: other, clusters: [idOf('b')] },
  ])
  expect(back.steps).toContainEqual(expect.objectContaining({ kind: 'record', event: 'rollout.cluster.failed', cluster: 'b' }))
  expect(states(back.run)).toEqual({ a: 'released', b: 'released', c: 'waiting', d: 'released' })
  const half = play(back.run, [[2, fleet(aCluster('a', { acked: OLD.revision }), aCluster('b'), aCluster('c'), aCluster('d'))]])
  expect(half.run.state).toBe('rolling-back')
  expect(half.steps.filter(({ kind }) => kind === 'take-back' || kind === 'mark-bad')).toEqual([])
  const done = play(half.run, [[3, fleet(aCluster('a'), aCluster('b', { acked: other.revision }), aCluster('c'), aCluster('d'))]])
  expect(done.run.state).toBe('rolled-back')
  expect(states(done.run)).toEqual({ a: 'rolled-back', b: 'rolled-back', c: 'waiting', d: 'released' })
  expect(done.run.outcome).toBe(
    `every cluster has what it had before ${CONTENT.revision}; 1 cluster keeps it, with nothing known from before; b: Kustomization/a/b: no such file`,
  )
})

test('a run that goes back, and one that has, names the cluster that failed and what it said', () => {
  const run = running({
    waves: [{ maxConcurrent: 2, state: 'progressing' }],
    targets: [released('a'), released('b', { complaint: { message: 'on its way' } })],
    policy: { action: 'rollback' },
  })
  const named = ({ targets }: Run) => Array.from(targets.values(), ({ complaint }) => complaint?.message)
  const back = play(run, [[1, fleet(aCluster('a', FAILED), aCluster('b'))]])
  expect(back.steps).toContainEqual(
    expect.objectContaining({ event: 'rollout.run.rolling-back', message: `${CONTENT.revision} is taken back: ${WHY}` }),
  )
  const away = play(back.run, [[2, fleet(aCluster('a', { health: 'offline', complaint: { message: 'away' } }), aCluster('b'))]])
  expect(named(away.run)[0]).toBe('no such file')
  const there = fleet(aCluster('a', { acked: OLD.revision }), aCluster('b', { acked: OLD.revision }))
  const done = play(back.run, [
    [2, fleet(aCluster('a'), aCluster('b'))],
    [3, there],
  ])
  expect(named(done.run)).toEqual(['no such file', undefined])
  expect(done.run.outcome).toBe(`every cluster has what it had before ${CONTENT.revision}; ${WHY}`)
})

test('a rollback waits for nobody who is offline, nor for an agent that never answers', () => {
  const run = running({
    waves: [{ maxConcurrent: 3, state: 'progressing' }],
    targets: [released('a'), released('b'), released('c')],
    policy: { action: 'rollback', progressDeadlineMs: 30_000 },
  })
  const [silent, away] = [aCluster('b', { health: 'unknown' }), aCluster('c', { health: 'offline', watchedMs: 0 })]
  const back = play(run, [[1, fleet(aCluster('a', FAILED), silent, away)]])
  const answered = fleet(aCluster('a', { acked: OLD.revision }), silent, away)
  expect(
    play(back.run, [
      [2, answered],
      [30, answered],
    ]).run.state,
  ).toBe('rolling-back')
  const end = play(back.run, [
    [2, answered],
    [31, answered],
  ])
  expect(end.run.state).toBe('rolled-back')
  expect(states(end.run)).toEqual({ a: 'rolled-back', b: 'failed', c: 'offline' })
  expect(end.run.outcome).toBe(`every cluster that answers has what it had before ${CONTENT.revision}; ${WHY}`)
})

test('a newer revision does not cut a rollback short; it starts after', () => {
  const next = { content: { revision: 'main@sha1:3', artifact: 'sha256:3' }, cause: 'revision' } as const
  const run = running({ waves: [{ state: 'progressing' }], targets: [released('a')], policy: { action: 'rollback' } })
  expect(play(run, [[1, { ...fleet(aCluster('a', FAILED)), next }]]).run.state).toBe('rolling-back')
})

test('with `continue` the run goes through all waves and says at the end what failed', () => {
  const run = running({
    waves: [{ name: 'canary', state: 'progressing' }, { name: 'rest' }],
    targets: [released('a'), aTarget('b', { wave: 1 })],
    policy: { action: 'continue' },
  })
  const first = play(run, [[1, fleet(aCluster('a', FAILED), aCluster('b'))]])
  expect(first.steps[0]).toMatchObject({ kind: 'release', clusters: [idOf('b')] })
  expect(play(first.run, [[2, fleet(aCluster('a', FAILED), aCluster('b', HEALTHY))]]).run).toMatchObject({
    state: 'stopped',
    outcome: `went through every wave; 1 of 2 clusters failed; ${WHY}`,
  })
})

test('a canary that failed within the budget lets nobody follow: no cluster of its wave is healthy', () => {
  const run = running({
    waves: [{ name: 'canary', state: 'progressing' }, { name: 'rest' }],
    targets: [released('a'), aTarget('b', { wave: 1 })],
    policy: { maxFailures: 1 },
  })
  const known = fleet(aCluster('a', FAILED), aCluster('b'))
  expect(play(run, [[1, known]]).run.waves.map(({ state }) => state)).toEqual(['progressing', 'waiting'])
  expect(play(run, [[1, { ...known, skips: new Map([['canary', 'anna']]) }]]).steps[0]).toMatchObject({
    kind: 'release',
    clusters: [idOf('b')],
  })
})

test.each([
  ['0%', 50, 1],
  ['2%', 49, 1],
  ['2%', 50, 2],
] as const)('a share of failures is rounded down: with %s of %i clusters the run stops at failure %i', (maxFailures, total, stopsAt) => {
  const names = Array.from({ length: total }, (_, at) => `c${at}`)
  const run = running({
    waves: [{ maxConcurrent: '100%', state: 'progressing' }],
    targets: names.map((name) => released(name)),
    policy: { maxFailures },
  })
  const failing = (count: number) => fleet(...names.map((name, at) => aCluster(name, at < count ? FAILED : {})))
  expect([stopsAt - 1, stopsAt].map((count) => play(run, [[1, failing(count)]]).run.state)).toEqual(['progressing', 'stopped'])
})
