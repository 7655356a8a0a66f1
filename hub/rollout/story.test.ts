import { expect, test } from 'vitest'
import { aCluster, aRun, aTarget, CONTENT, idOf, later } from '../../test/support/rollout-builders.ts'
import { FAILED, fleet, HEALTHY, healthy, play, released, running, states } from '../../test/support/rollout-story.ts'

test('a run walks its waves: released, healthy, soaked, approved, next', () => {
  const run = aRun({
    waves: [
      { name: 'canary', soakMs: 20_000 },
      { name: 'rest', approval: true },
    ],
    targets: [aTarget('a'), aTarget('b', { wave: 1 })],
  })
  const first = play(run, [[0, fleet(aCluster('a'), aCluster('b'))]])
  expect(first.steps).toEqual([
    { kind: 'release', content: CONTENT, clusters: [idOf('a')] },
    expect.objectContaining({ event: 'rollout.wave.started', wave: 'canary' }),
    { kind: 'look-again', at: later(30_000) },
  ])
  const well = fleet(aCluster('a', HEALTHY), aCluster('b'))
  expect(play(first.run, [[1, well]]).steps).toEqual([{ kind: 'look-again', at: later(21_000) }])
  const soaked = play(first.run, [
    [1, well],
    [21, well],
  ])
  expect(soaked.run.state).toBe('pending')
  expect(soaked.steps.map((step) => (step.kind === 'record' ? step.event : step.kind))).toEqual([
    'rollout.wave.completed',
    'rollout.wave.approval-needed',
    'look-again',
  ])
  const approved = play(soaked.run, [[22, { ...well, approvals: new Map([['rest', 'anna']]) }]])
  expect(approved.run.waves[1]).toMatchObject({ state: 'progressing', approvedBy: 'anna', startedAt: later(22_000) })
  const end = play(approved.run, [
    [23, { ...fleet(aCluster('a', HEALTHY), aCluster('b', HEALTHY)), approvals: new Map([['rest', 'anna']]) }],
  ])
  expect(end.run).toMatchObject({ state: 'succeeded', endedAt: later(23_000), outcome: 'healthy in all of 2 clusters' })
})

test('soak begins again where a cluster falls ill, and counts from the last one that became healthy', () => {
  const run = running({ waves: [{ maxConcurrent: 2, soakMs: 10_000, state: 'progressing' }], targets: [healthy('a'), healthy('b')] })
  const well = fleet(aCluster('a', HEALTHY), aCluster('b', HEALTHY))
  const ill = fleet(aCluster('a', HEALTHY), aCluster('b', { acked: CONTENT.revision }))
  expect(play(run, [[9, well]]).run.state).toBe('soaking')
  expect(
    play(run, [
      [9, well],
      [9.5, ill],
      [11, well],
      [20, well],
    ]).run.state,
  ).toBe('soaking')
  expect(
    play(run, [
      [9, well],
      [9.5, ill],
      [11, well],
      [21, well],
    ]).run.state,
  ).toBe('succeeded')
})

test('a hub that slept for an hour soaks nothing and takes nothing back when it wakes', () => {
  const soaking = running({ waves: [{ soakMs: 600_000, state: 'soaking' }], targets: [healthy('a')], state: 'soaking' })
  expect(play(soaking, [[3600, fleet(aCluster('a', HEALTHY))]]).run).toMatchObject({ state: 'soaking', clockMs: 0 })
  const late = running({ waves: [{ state: 'progressing' }], targets: [released('a', { sinceMs: 0 })], policy: { action: 'rollback' } })
  expect(play(late, [[3600, fleet(aCluster('a', { acked: CONTENT.revision }))]]).run.state).toBe('progressing')
})

test('a clock that is set back counts nothing, and goes on from there', () => {
  const run = running({ waves: [{ soakMs: 20_000, state: 'soaking' }], targets: [healthy('a')], state: 'soaking' })
  const well = fleet(aCluster('a', HEALTHY))
  expect(play(run, [[-3600, well]]).run).toMatchObject({ state: 'soaking', clockMs: 0 })
  expect(
    play(run, [
      [-3600, well],
      [-3580, well],
    ]).run.state,
  ).toBe('succeeded')
})

test('the deadline begins with the acknowledgement, and only time in which the cluster was watched counts', () => {
  const policy = { progressDeadlineMs: 60_000 }
  const run = running({ waves: [{ state: 'progressing' }], targets: [released('a')], policy })
  const unacked = fleet(aCluster('a'))
  const acked = fleet(aCluster('a', { acked: CONTENT.revision }))
  const away = fleet(aCluster('a', { health: 'offline', watchedMs: 0 }))
  const back = fleet(aCluster('a', { acked: CONTENT.revision, watchedMs: 5000 }))
  expect(
    play(run, [
      [50, unacked],
      [100, unacked],
      [150, unacked],
    ]).run.state,
  ).toBe('progressing')
  expect(
    play(run, [
      [0.5, acked],
      [40, acked],
      [60, acked],
    ]).run.state,
  ).toBe('progressing')
  expect(
    play(run, [
      [0.5, acked],
      [40, acked],
      [60.5, acked],
    ]).run.state,
  ).toBe('stopped')
  expect(
    play(run, [
      [0.5, acked],
      [40, acked],
      [95, away],
      [150, away],
      [180, back],
      [194, acked],
    ]).run.state,
  ).toBe('progressing')
  const over = play(run, [
    [0.5, acked],
    [40, acked],
    [95, away],
    [150, away],
    [180, back],
    [196, acked],
  ])
  expect(over.run.targets.get(idOf('a'))?.complaint).toEqual({ reason: 'ProgressDeadlineExceeded', message: 'not healthy after 1m0s' })
})

test('no more than maxConcurrent clusters are on their way, in order of their names', () => {
  const names = ['d', 'a', 'b', 'c', 'e', 'f', 'g', 'h', 'i']
  const run = aRun({ waves: [{ maxConcurrent: '25%' }], targets: names.map((name) => aTarget(name)) })
  const known = fleet(...names.map((name) => aCluster(name)))
  const { run: after, steps } = play(run, [[0, known]])
  expect(steps[0]).toEqual({ kind: 'release', content: CONTENT, clusters: [idOf('a'), idOf('b')] })
  expect(play(after, [[1, known]]).steps.filter(({ kind }) => kind === 'release')).toEqual([])
  const one = fleet(...names.map((name) => aCluster(name, name === 'b' ? HEALTHY : {})))
  expect(play(after, [[1, one]]).steps[0]).toEqual({ kind: 'release', content: CONTENT, clusters: [idOf('c')] })
})

test('a share of a wave that is less than one cluster is one', () => {
  const names = ['a', 'b', 'c']
  const run = aRun({ waves: [{ maxConcurrent: '1%' }], targets: names.map((name) => aTarget(name)) })
  expect(play(run, [[0, fleet(...names.map((name) => aCluster(name)))]]).steps[0]).toMatchObject({ clusters: [idOf('a')] })
})

test('an offline cluster gets its Release in its turn, takes no place of another, and catches up when it is back', () => {
  const run = aRun({ waves: [{ maxConcurrent: 1 }], targets: [aTarget('a'), aTarget('b'), aTarget('c')] })
  const away = aCluster('a', { health: 'offline', watchedMs: 0 })
  const first = play(run, [[0, fleet(away, aCluster('b'), aCluster('c'))]])
  expect(first.steps[0]).toEqual({ kind: 'release', content: CONTENT, clusters: [idOf('a'), idOf('b')] })
  expect(states(first.run)).toEqual({ a: 'offline', b: 'released', c: 'waiting' })
  const end = play(first.run, [
    [1, fleet(away, aCluster('b', HEALTHY), aCluster('c'))],
    [2, fleet(away, aCluster('b', HEALTHY), aCluster('c', HEALTHY))],
  ])
  expect(end.run).toMatchObject({ state: 'succeeded', outcome: 'healthy in 2 clusters; 1 is offline and gets it when it is back' })
  const back = play(first.run, [[1, fleet(aCluster('a'), aCluster('b', HEALTHY), aCluster('c'))]])
  expect(states(back.run)).toEqual({ a: 'released', b: 'healthy', c: 'waiting' })
})

test('a wave none of whose clusters is there does not complete by itself', () => {
  const run = running({
    waves: [{ name: 'canary', state: 'progressing' }, { name: 'rest' }],
    targets: [released('a'), aTarget('b', { wave: 1 })],
  })
  const known = fleet(aCluster('a', { health: 'offline', watchedMs: 0 }), aCluster('b'))
  expect(
    play(run, [
      [1, known],
      [30, known],
      [60, known],
    ]).run.state,
  ).toBe('progressing')
  expect(play(run, [[1, { ...known, skips: new Map([['canary', 'anna']]) }]]).run.waves[0]).toMatchObject({
    state: 'skipped',
    skippedBy: 'anna',
  })
})

test('a cluster that joins is released where its wave is past, and waits where it is to come', () => {
  const run = running({
    waves: [
      { name: 'eu', clusters: { matchLabels: { region: 'eu' } }, state: 'complete' },
      { name: 'us', clusters: { matchLabels: { region: 'us' } }, state: 'progressing' },
      { name: 'rest' },
    ],
    targets: [healthy('a'), released('b', { wave: 1 })],
  })
  const joined = fleet(
    aCluster('a', HEALTHY),
    aCluster('b'),
    aCluster('e', { labels: { region: 'eu' } }),
    aCluster('u', { labels: { region: 'us' } }),
    aCluster('z'),
  )
  const { run: after, steps } = play(run, [[1, joined]])
  expect(steps[0]).toEqual({ kind: 'release', content: CONTENT, clusters: [idOf('e')] })
  expect(states(after)).toEqual({ a: 'healthy', b: 'released', e: 'released', u: 'waiting', z: 'waiting' })
})

test('a cluster that left and comes back is given the content in its turn', () => {
  const run = running({ waves: [{ maxConcurrent: 1, state: 'progressing' }], targets: [released('a'), released('b')] })
  const gone = play(run, [[1, fleet(aCluster('b'))]])
  expect(states(gone.run)).toEqual({ a: 'gone', b: 'released' })
  expect(play(gone.run, [[2, fleet(aCluster('a'), aCluster('b'))]]).steps.filter(({ kind }) => kind === 'release')).toEqual([])
  expect(play(gone.run, [[2, fleet(aCluster('a'), aCluster('b', HEALTHY))]]).steps[0]).toMatchObject({
    kind: 'release',
    clusters: [idOf('a')],
  })
})

test('a closed window keeps new releases back and is looked at when it opens; a run back does not mind it', () => {
  const window = { open: false, changesAt: later(5000) }
  const known = { ...fleet(aCluster('a')), window }
  expect(play(aRun({ targets: [aTarget('a')] }), [[0, known]])).toMatchObject({
    run: { state: 'pending' },
    steps: [{ kind: 'look-again', at: later(5000) }],
  })
  expect(play(aRun({ cause: 'rollback', targets: [aTarget('a')] }), [[0, known]]).steps[0]).toMatchObject({ kind: 'release' })
})

test('a wave that is skipped while nothing may be released leaves the run pending, and its clusters follow when it may', () => {
  const skipped = { ...fleet(aCluster('a')), skips: new Map([['wave-0', 'anna']]) }
  const closed = play(aRun({ targets: [aTarget('a')] }), [[0, { ...skipped, window: { open: false } }]])
  expect(closed.run).toMatchObject({ state: 'pending', waves: [{ state: 'skipped' }] })
  expect(play(closed.run, [[1, skipped]])).toMatchObject({ run: { state: 'progressing' }, steps: [{ kind: 'release' }, {}] })
})

test('a run that gave nothing and waits for a person is not looked at by the clock', () => {
  const run = aRun({ waves: [{ approval: true }], targets: [aTarget('a')] })
  expect(play(run, [[0, fleet(aCluster('a'))]]).steps.filter(({ kind }) => kind === 'look-again')).toEqual([])
  expect(play(aRun({ targets: [aTarget('a')] }), [[0, { ...fleet(aCluster('a')), paused: true }]]).steps).toEqual([])
})

test('ten thousand clusters are decided about in one step', () => {
  const names = Array.from({ length: 10_000 }, (_, at) => `edge-${String(at).padStart(5, '0')}`)
  const run = aRun({ waves: [{ maxConcurrent: '100%' }], targets: names.map((name) => aTarget(name)) })
  const first = play(run, [[0, fleet(...names.map((name) => aCluster(name)))]])
  expect(first.steps.filter(({ kind }) => kind === 'release')).toMatchObject([{ clusters: { length: 10_000 } }])
  const failing = play(first.run, [[1, fleet(...names.map((name) => aCluster(name, FAILED)))]])
  expect(failing.steps.filter(({ kind }) => kind === 'record')).toHaveLength(2)
})
