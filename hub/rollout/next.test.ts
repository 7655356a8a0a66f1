import { expect, test } from 'vitest'
import { type RolloutSpec, rolloutSpec } from '../../proto/model/fleet/rollout.ts'
import { aRun, CONTENT, idOf, NOW, OLD } from '../../test/support/rollout-builders.ts'
import type { Run, Standing } from './model.ts'
import { beginRun, nextRun, wentThrough } from './next.ts'

const standing = (over: Partial<Standing> = {}): Standing => ({ newest: CONTENT, bad: new Set(), held: false, suspended: false, ...over })
const aSpec = (over: object = {}): RolloutSpec => rolloutSpec.parse({ source: { kind: 'GitRepository', name: 'platform' }, ...over })

test.each<[string, Partial<Standing>, string | undefined]>([
  ['a newer revision starts a run', {}, 'revision'],
  ['nothing resolved starts nothing', { newest: undefined }, undefined],
  ['a revision that was seen starts nothing', { seen: CONTENT.revision }, undefined],
  ['a revision that is bad starts nothing', { bad: new Set([CONTENT.revision]) }, undefined],
  ['a newer one than the bad one starts a run', { bad: new Set([OLD.revision]) }, 'revision'],
  ['a hold keeps new revisions back', { held: true }, undefined],
  ['a suspended Rollout starts nothing', { suspended: true, asked: { content: OLD, cause: 'promote' } }, undefined],
  [
    'what a person asks for comes first, also against a hold and a mark',
    { held: true, bad: new Set([OLD.revision]), asked: { content: OLD, cause: 'promote' } },
    'promote',
  ],
])('%s', (_, over, cause) => {
  expect(nextRun(standing(over))?.cause).toBe(cause)
})

test('a run pins revision, waves and policy, and has each cluster waiting in its wave', () => {
  const { run, unmatched } = beginRun(
    { content: CONTENT, cause: 'revision' },
    {
      id: 'r1',
      spec: aSpec({ onFailure: { maxFailures: '2%', progressDeadline: '5m', action: 'rollback' } }),
      clusters: ['b', 'a'].map((name) => ({ cluster: idOf(name), name, labels: {} })),
      kept: new Map(),
      now: NOW,
    },
  )
  expect(unmatched).toEqual([])
  expect(run).toMatchObject({
    content: CONTENT,
    state: 'pending',
    policy: { maxFailures: '2%', progressDeadlineMs: 300_000, action: 'rollback', onNewRevision: 'supersede' },
  })
  expect(run.waves.map(({ plan }) => [plan.name, plan.soakMs])).toEqual([
    ['canary', 120_000],
    ['early', 120_000],
    ['rest', 120_000],
  ])
  expect([...run.targets.values()].map(({ name, state, wave }) => [name, wave, state])).toEqual([
    ['b', 1, 'waiting'],
    ['a', 0, 'waiting'],
  ])
})

test('a run back has one wave, asks nobody, and goes on where a cluster fails', () => {
  const spec = aSpec({ waves: [{ name: 'all', rest: true, approval: 'required' }] })
  const clusters = [{ cluster: idOf('a'), name: 'a', labels: {} }]
  const { run } = beginRun({ content: OLD, cause: 'rollback' }, { id: 'r2', spec, clusters, kept: new Map(), now: NOW })
  expect(run.waves.map(({ plan }) => [plan.name, plan.approval, plan.soakMs])).toEqual([['all', false, 0]])
  expect(run.policy.action).toBe('continue')
})

test.each<[Run['state'], 'complete' | 'progressing', boolean]>([
  ['succeeded', 'complete', true],
  ['stopped', 'complete', true],
  ['stopped', 'progressing', false],
  ['rolled-back', 'complete', false],
  ['superseded', 'progressing', false],
])('a run that is %s with its last wave %s is what newcomers are given: %s', (state, last, is) => {
  expect(wentThrough(aRun({ state, waves: [{ state: 'skipped' }, { state: last }] }))).toBe(is)
})
