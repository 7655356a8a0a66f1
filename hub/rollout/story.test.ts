import { expect, test } from 'vitest'
import { aCluster, aRun, aTarget, CONTENT, facts, idOf, later, OLD, type RunShape } from '../../test/support/rollout-builders.ts'
import { advance } from './advance.ts'
import type { ClusterFacts, Facts, Run, Step, TargetState } from './model.ts'

const HEALTHY = { health: 'healthy', acked: CONTENT.revision } as const
const FAILED = {
  health: 'failed',
  acked: CONTENT.revision,
  complaint: { object: 'Kustomization/a/b', reason: 'BuildFailed', message: 'no such file' },
} as const

const WHY = 'a: Kustomization/a/b: no such file'

/** Plays looks one after the other, at seconds after the first; gives back the last one. */
function play(run: Run, looks: readonly (readonly [number, Facts])[]): { readonly run: Run; readonly steps: readonly Step[] } {
  let last = { run, steps: [] as readonly Step[] }
  for (const [seconds, known] of looks) last = advance(last.run, known, later(seconds * 1000))
  return last
}

function states({ targets }: Run): Readonly<Record<string, TargetState>> {
  return Object.fromEntries([...targets.values()].map(({ name, state }) => [name, state]))
}

const fleet = (...clusters: readonly ClusterFacts[]) => facts({ clusters })
const released = (name: string, over = {}) => aTarget(name, { state: 'released', given: 'content', before: OLD, ...over })
const healthy = (name: string, over = {}) => aTarget(name, { state: 'healthy', given: 'content', before: OLD, sinceMs: 0, ...over })
const running = (shape: RunShape) => aRun({ state: 'progressing', ...shape })

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
