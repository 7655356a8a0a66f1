import { expect, test } from 'vitest'
import { aRun, aTarget, CONTENT, NOW, OLD } from '../../../test/support/rollout-builders.ts'
import type { Run, Target } from '../model.ts'
import type { Look } from './look.ts'
import { rolloutStatus } from './status.ts'

const look = (run: Run | undefined, over: Partial<Look['state']> = {}): Look => ({
  now: NOW,
  run,
  note: { number: 1, startedBy: undefined, commit: { author: 'ann', subject: 'do it' } },
  bad: new Set(),
  facts: undefined,
  steps: [],
  askedAll: true,
  settle: [],
  spec: { suspend: false } as Look['spec'],
  state: {
    ...{ newest: CONTENT, seen: undefined, standing: undefined, hold: undefined, paused: undefined, asked: undefined },
    ...{ problems: [], moreProblems: 0, lastNumber: 1, ...over },
  },
})
const told = (of: Look) => rolloutStatus({}, { look: of, history: [], suspended: { first: [], total: 0 }, generation: 1 })
const complaint = { object: 'Kustomization/a/b', reason: 'BuildFailed', message: 'no such file' }
const failed = (name: string, over: Partial<Target> = {}) =>
  aTarget(name, { state: 'failed', given: 'content', before: OLD, failedOnce: true, complaint, ...over })

test('no list grows with the fleet: the first ten that fail by name, and how many more', () => {
  const names = Array.from({ length: 25 }, (_, at) => `edge-${String(24 - at).padStart(2, '0')}`)
  const { moreProblems, problems } = told(
    look(aRun({ state: 'progressing', targets: names.map((name) => failed(name)) }), { moreProblems: 3 }),
  )
  expect(problems).toHaveLength(10)
  expect(problems?.[0]).toEqual({ cluster: 'edge-00', ...complaint })
  expect(moreProblems).toBe(18)
})

test.each<Run['state']>(['rolling-back', 'rolled-back'])(
  'who made a run go back is named while it is %s, and who only goes with it is not',
  (state) => {
    const back = { state: state === 'rolled-back' ? 'rolled-back' : 'released', given: 'before' } as const
    const along = failed('along', { ...back, failedOnce: undefined, complaint: { message: 'was on its way' } })
    const status = told(look({ ...aRun({ state, targets: [failed('a', back), along] }), outcome: 'every cluster has what it had' }))
    expect(status.problems).toEqual([{ cluster: 'a', ...complaint }])
    expect(status.conditions?.[0]).toMatchObject({ status: 'False', reason: state === 'rolled-back' ? 'RolledBack' : 'RollingBack' })
  },
)

test('the same look gives the same status, whenever', () => {
  const one = told(look(aRun({ state: 'succeeded', targets: [aTarget('a', { state: 'healthy', given: 'content' })] })))
  const later = {
    ...look(aRun({ state: 'succeeded', targets: [aTarget('a', { state: 'healthy', given: 'content' })] })),
    now: new Date('2027-01-01'),
  }
  expect(rolloutStatus(one, { look: later, history: [], suspended: { first: [], total: 0 }, generation: 1 })).toEqual(one)
})

test('of the revisions that were taken back ten are named, the newest one among them first', () => {
  const bad = new Set([...Array.from({ length: 14 }, (_, at) => `bad-${String(at).padStart(2, '0')}`), 'zz'])
  const { badRevisions, moreBadRevisions } = told({ ...look(undefined, { newest: { revision: 'zz', artifact: '' } }), bad })
  expect(badRevisions).toEqual(['zz', ...[...bad].slice(0, 9)])
  expect(moreBadRevisions).toBe(5)
})
