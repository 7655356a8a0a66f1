import { expect, test } from 'vitest'
import { aCluster, aRun, aTarget, CONTENT, facts, idOf, later, OLD } from '../../test/support/rollout-builders.ts'
import { advance } from './advance.ts'
import type { ClusterFacts, Facts, Given, Run, Target, TargetState } from './model.ts'

type TargetInput = 'healthy' | 'progressing' | 'overdue' | 'failed' | 'offline' | 'unknown' | 'left'

const TARGETS: Record<TargetState, Target> = {
  waiting: aTarget('a'),
  released: aTarget('a', { state: 'released', given: 'content', before: OLD, sinceMs: 0 }),
  healthy: aTarget('a', { state: 'healthy', given: 'content', before: OLD, sinceMs: 0 }),
  failed: aTarget('a', { state: 'failed', given: 'content', before: OLD, failedOnce: true }),
  offline: aTarget('a', { state: 'offline', was: 'released', given: 'content', before: OLD, sinceMs: 0 }),
  'rolled-back': aTarget('a', { state: 'rolled-back', given: 'before', before: OLD }),
  gone: aTarget('a', { state: 'gone' }),
}

const TARGET_INPUTS: Record<TargetInput, { readonly cluster?: Partial<ClusterFacts>; readonly afterMs: number }> = {
  healthy: { cluster: { health: 'healthy' }, afterMs: 10_000 },
  progressing: { cluster: { health: 'progressing' }, afterMs: 10_000 },
  overdue: { cluster: { health: 'progressing' }, afterMs: 60_000 },
  failed: { cluster: { health: 'failed' }, afterMs: 10_000 },
  offline: { cluster: { health: 'offline', watchedMs: 0 }, afterMs: 60_000 },
  unknown: { cluster: { health: 'unknown' }, afterMs: 60_000 },
  left: { afterMs: 10_000 },
}

const TARGET_TABLE: Record<TargetState, Record<TargetInput, TargetState>> = {
  waiting: {
    healthy: 'waiting',
    progressing: 'waiting',
    overdue: 'waiting',
    failed: 'waiting',
    offline: 'waiting',
    unknown: 'waiting',
    left: 'gone',
  },
  released: {
    healthy: 'healthy',
    progressing: 'released',
    overdue: 'failed',
    failed: 'failed',
    offline: 'offline',
    unknown: 'released',
    left: 'gone',
  },
  healthy: {
    healthy: 'healthy',
    progressing: 'released',
    overdue: 'released',
    failed: 'failed',
    offline: 'offline',
    unknown: 'healthy',
    left: 'gone',
  },
  failed: {
    healthy: 'healthy',
    progressing: 'failed',
    overdue: 'failed',
    failed: 'failed',
    offline: 'offline',
    unknown: 'failed',
    left: 'gone',
  },
  offline: {
    healthy: 'healthy',
    progressing: 'released',
    overdue: 'failed',
    failed: 'failed',
    offline: 'offline',
    unknown: 'released',
    left: 'gone',
  },
  'rolled-back': {
    healthy: 'rolled-back',
    progressing: 'rolled-back',
    overdue: 'rolled-back',
    failed: 'rolled-back',
    offline: 'rolled-back',
    unknown: 'rolled-back',
    left: 'gone',
  },
  gone: {
    healthy: 'waiting',
    progressing: 'waiting',
    overdue: 'waiting',
    failed: 'waiting',
    offline: 'waiting',
    unknown: 'waiting',
    left: 'gone',
  },
}

for (const [from, row] of Object.entries(TARGET_TABLE) as [TargetState, (typeof TARGET_TABLE)['gone']][]) {
  test.each(Object.entries(row) as [TargetInput, TargetState][])(`a cluster that is ${from} becomes, on %s, %s`, (input, to) => {
    const { afterMs, cluster } = TARGET_INPUTS[input]
    // The other one is on its way in the same wave, so that nothing is released and no run ends.
    const back = from === 'rolled-back'
    const other = aTarget('b', { state: 'released', given: back ? 'before' : 'content', before: OLD })
    const run = aRun({
      state: back ? 'rolling-back' : 'progressing',
      targets: [TARGETS[from], other],
      policy: { action: 'continue', progressDeadlineMs: 60_000 },
    })
    const present = [aCluster('b', { health: 'unknown' }), ...(cluster ? [aCluster('a', { acked: CONTENT.revision, ...cluster })] : [])]
    expect(advance(run, facts({ clusters: present }), later(afterMs)).run.targets.get(idOf('a'))?.state).toBe(to)
  })
}

type RunInput =
  | 'time'
  | 'healthy'
  | 'soaked'
  | 'failed'
  | 'failed-rollback'
  | 'failed-continue'
  | 'offline'
  | 'approved'
  | 'approved-closed'
  | 'approved-paused'
  | 'skipped'
  | 'newer'
  | 'newer-queued'
  | 'by-hand'
  | 'left'
  | 'acked-back'

const WAVES = [
  { name: 'first', soakMs: 10_000, state: 'progressing' },
  { name: 'second', approval: true, state: 'waiting' },
] as const
const DONE = [
  { name: 'first', soakMs: 10_000, state: 'complete' },
  { name: 'second', approval: true, state: 'pending' },
] as const
const on = (state: TargetState, given: Given = 'content') => aTarget('a', { state, given, before: OLD, sinceMs: 0 })
const waiting = aTarget('b', { wave: 1 })

const RUNS: Record<Run['state'], Run> = {
  pending: aRun({ state: 'pending', waves: DONE, targets: [on('healthy'), waiting] }),
  progressing: aRun({ state: 'progressing', waves: WAVES, targets: [on('released'), waiting] }),
  soaking: aRun({ state: 'soaking', waves: WAVES, targets: [on('healthy'), waiting] }),
  'rolling-back': aRun({ state: 'rolling-back', waves: WAVES, targets: [on('released', 'before'), waiting] }),
  succeeded: aRun({ state: 'succeeded', waves: DONE, targets: [on('healthy'), waiting] }),
  stopped: aRun({ state: 'stopped', waves: WAVES, targets: [on('failed'), waiting] }),
  'rolled-back': aRun({ state: 'rolled-back', waves: WAVES, targets: [on('rolled-back', 'before'), waiting] }),
  superseded: aRun({ state: 'superseded', waves: WAVES, targets: [on('released'), waiting] }),
}

const fleet = (one: Partial<ClusterFacts>) => [aCluster('a', one), aCluster('b')]
const as: Record<'healthy' | 'failed' | 'offline' | 'same', Partial<ClusterFacts>> = {
  healthy: { health: 'healthy', acked: CONTENT.revision },
  failed: { health: 'failed', acked: CONTENT.revision },
  offline: { health: 'offline' },
  same: { health: 'unknown' },
}
const next = (cause: 'revision' | 'rollback') => ({ content: { revision: 'main@sha1:3', artifact: 'sha256:3' }, cause })

const RUN_INPUTS: Record<RunInput, { readonly facts: Facts; readonly afterMs?: number; readonly policy?: Partial<Run['policy']> }> = {
  time: { facts: facts({ clusters: fleet(as.same) }) },
  healthy: { facts: facts({ clusters: fleet(as.healthy) }) },
  soaked: { facts: facts({ clusters: fleet(as.healthy) }), afterMs: 10_000 },
  failed: { facts: facts({ clusters: fleet(as.failed) }) },
  'failed-rollback': { facts: facts({ clusters: fleet(as.failed) }), policy: { action: 'rollback' } },
  'failed-continue': { facts: facts({ clusters: fleet(as.failed) }), policy: { action: 'continue' } },
  offline: { facts: facts({ clusters: fleet(as.offline) }) },
  approved: { facts: facts({ clusters: fleet(as.same), approvals: new Map([['second', 'anna']]) }) },
  'approved-closed': { facts: facts({ clusters: fleet(as.same), approvals: new Map([['second', 'anna']]), window: { open: false } }) },
  'approved-paused': { facts: facts({ clusters: fleet(as.same), approvals: new Map([['second', 'anna']]), paused: true }) },
  skipped: {
    facts: facts({
      clusters: fleet(as.same),
      skips: new Map([
        ['first', 'anna'],
        ['second', 'anna'],
      ]),
    }),
  },
  newer: { facts: facts({ clusters: fleet(as.same), next: next('revision') }) },
  'newer-queued': { facts: facts({ clusters: fleet(as.same), next: next('revision') }), policy: { onNewRevision: 'queue' } },
  'by-hand': { facts: facts({ clusters: fleet(as.same), next: next('rollback') }), policy: { onNewRevision: 'queue' } },
  left: { facts: facts({ clusters: [] }) },
  'acked-back': { facts: facts({ clusters: fleet({ health: 'unknown', acked: OLD.revision }) }) },
}

type Row = Record<RunInput, Run['state']>
const always = (state: Run['state']) => Object.fromEntries(Object.keys(RUN_INPUTS).map((input) => [input, state])) as unknown as Row

const RUN_TABLE: Record<Run['state'], Row> = {
  pending: {
    time: 'pending',
    healthy: 'pending',
    soaked: 'pending',
    failed: 'stopped',
    'failed-rollback': 'rolling-back',
    'failed-continue': 'pending',
    offline: 'pending',
    approved: 'progressing',
    'approved-closed': 'pending',
    'approved-paused': 'pending',
    skipped: 'progressing',
    newer: 'superseded',
    'newer-queued': 'pending',
    'by-hand': 'superseded',
    left: 'succeeded',
    'acked-back': 'pending',
  },
  progressing: {
    time: 'progressing',
    healthy: 'soaking',
    soaked: 'soaking',
    failed: 'stopped',
    'failed-rollback': 'rolling-back',
    'failed-continue': 'pending',
    offline: 'progressing',
    approved: 'progressing',
    'approved-closed': 'progressing',
    'approved-paused': 'progressing',
    skipped: 'progressing',
    newer: 'superseded',
    'newer-queued': 'progressing',
    'by-hand': 'superseded',
    left: 'succeeded',
    'acked-back': 'progressing',
  },
  soaking: {
    time: 'soaking',
    healthy: 'soaking',
    soaked: 'pending',
    failed: 'stopped',
    'failed-rollback': 'rolling-back',
    'failed-continue': 'pending',
    offline: 'progressing',
    approved: 'soaking',
    'approved-closed': 'soaking',
    'approved-paused': 'soaking',
    skipped: 'progressing',
    newer: 'superseded',
    'newer-queued': 'soaking',
    'by-hand': 'superseded',
    left: 'succeeded',
    'acked-back': 'soaking',
  },
  'rolling-back': {
    ...always('rolling-back'),
    offline: 'rolled-back',
    'by-hand': 'superseded',
    left: 'rolled-back',
    'acked-back': 'rolled-back',
  },
  succeeded: always('succeeded'),
  stopped: always('stopped'),
  'rolled-back': always('rolled-back'),
  superseded: always('superseded'),
}

for (const [from, row] of Object.entries(RUN_TABLE) as [Run['state'], Row][]) {
  test.each(Object.entries(row) as [RunInput, Run['state']][])(`a run that is ${from} is, on %s, %s`, (input, to) => {
    const { afterMs = 1000, facts: known, policy } = RUN_INPUTS[input]
    const run = { ...RUNS[from], policy: { ...RUNS[from].policy, ...policy } }
    expect(advance(run, known, later(afterMs)).run.state).toBe(to)
  })
}
