import { expect, test } from 'vitest'
import type { ClusterId } from '../../../proto/model/ids.ts'
import type { Candidate } from '../ports.ts'
import { chooseMembers } from './members.ts'

const source = { kind: 'GitRepository', name: 'fleet' } as const
const content = (revision: string) => ({ revision, artifact: `tree-${revision}` })
const candidate = (name: string, over: Partial<Candidate> = {}): Candidate => ({
  clusterId: `c-${name}` as ClusterId,
  name,
  labels: {},
  sourceKey: 'key',
  origin: 'https://x',
  newest: content('r1'),
  newestAt: null,
  problem: null,
  suspended: false,
  has: null,
  governedBy: null,
  governor: null,
  ...over,
})
const choose = (candidates: readonly Candidate[], clusters?: { readonly names: string[] }) =>
  chooseMembers({ source, ...(clusters ? { clusters } : {}) }, candidates, 'me')

test('without a selector every cluster that holds the source is taken', () => {
  const { clusters, newest, problems } = choose([candidate('a'), candidate('b', { governedBy: 'me' })])
  expect(clusters).toEqual([
    { clusterId: 'c-a', apart: false },
    { clusterId: 'c-b', apart: false },
  ])
  expect(newest).toEqual(content('r1'))
  expect(problems).toEqual([])
})

test('a selector leaves out the others, and what they resolved', () => {
  const { clusters, newest } = choose([candidate('a'), candidate('b', { newest: content('r2') })], { names: ['a'] })
  expect(clusters.map(({ clusterId }) => clusterId)).toEqual(['c-a'])
  expect(newest).toEqual(content('r1'))
})

test('what another Rollout governs stays its own, and the problem names both', () => {
  const { clusters, problems } = choose([candidate('a', { governedBy: 'other', governor: 'shop/web' }), candidate('b')])
  expect(clusters.map(({ clusterId }) => clusterId)).toEqual(['c-b'])
  expect(problems).toEqual([{ cluster: 'a', message: 'Rollout shop/web already moves GitRepository fleet there' }])
})

test('a source with another URL than most is kept apart and named', () => {
  const { clusters, newest, problems } = choose([
    candidate('a', { origin: 'https://y', newest: content('r9') }),
    candidate('b'),
    candidate('c'),
  ])
  expect(clusters.map(({ apart }) => apart)).toEqual([true, false, false])
  expect(newest).toEqual(content('r1'))
  expect(problems.map(({ cluster }) => cluster)).toEqual(['a'])
})

test('a chart that asks for something else is named as what it is', () => {
  const charts = [candidate('a', { origin: 'x 1.x' }), candidate('b', { origin: 'x 1.x' }), candidate('c', { origin: 'x 2.x' })]
  expect(chooseMembers({ source: { kind: 'HelmChart', name: 'app' } }, charts, 'me').problems).toEqual([
    {
      cluster: 'c',
      message:
        'HelmChart app has another repository, chart or version, or a repository that is suspended, there than in most clusters; it keeps what it has',
    },
  ])
})

test('no revision is the newest until every source has resolved it', () => {
  expect(choose([candidate('a', { newest: content('r2') }), candidate('b')]).newest).toBeUndefined()
  const late = choose([candidate('a'), candidate('b', { newest: null })])
  expect(late.newest).toBeUndefined()
  expect(late.problems).toEqual([{ cluster: 'b', message: 'GitRepository fleet has not been fetched there yet; no run starts before' }])
})

test('who has not resolved what others have is named with what keeps it; who is suspended is not waited for', () => {
  const [early, now] = [new Date(1), new Date(2)]
  const behind = candidate('a', { newestAt: early, problem: 'authentication failed' })
  const ahead = candidate('b', { newest: content('r2'), newestAt: now })
  const { newest, problems } = choose([behind, ahead])
  expect(newest).toBeUndefined()
  expect(problems).toEqual([
    { cluster: 'a', message: 'GitRepository fleet is at r1 there and has not come to r2 yet; no run starts before: authentication failed' },
  ])
  // A branch that was set back: what can be fetched says what is newest.
  expect(
    choose([
      { ...behind, newestAt: now },
      { ...ahead, newestAt: early },
    ]).problems.map(({ cluster }) => cluster),
  ).toEqual(['a'])
  expect(choose([{ ...behind, suspended: true }, ahead])).toMatchObject({ newest: content('r2'), problems: [], clusters: { length: 2 } })
})

test('problems are the first ten by name, and a number', () => {
  const names = Array.from({ length: 25 }, (_, at) => `edge-${String(24 - at).padStart(2, '0')}`)
  const { moreProblems, problems } = choose(names.map((name) => candidate(name, { governedBy: 'other', governor: 'shop/web' })))
  expect([problems.length, problems[0]?.cluster, moreProblems]).toEqual([10, 'edge-00', 15])
})
