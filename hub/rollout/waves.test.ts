import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DEFAULT_WAVES, type RolloutWave } from '../../proto/model/fleet/rollout.ts'
import { idOf } from '../../test/support/rollout-builders.ts'
import { type Assignable, assignWaves, planWaves, unmatchedProblem } from './waves.ts'

const aWave = (name: string, over: Partial<RolloutWave>): RolloutWave => ({
  name,
  approval: 'none',
  maxConcurrent: '25%',
  soak: '0s',
  ...over,
})
const aFleet = (count: number): readonly Assignable[] =>
  Array.from({ length: count }, (_, at) => {
    const name = `edge-${String(at).padStart(3, '0')}`
    return { cluster: idOf(name), name, labels: { region: at % 2 === 0 ? 'eu' : 'us' } }
  })

/** Names by wave. */
function byWave(waves: readonly RolloutWave[], clusters: readonly Assignable[], options = {}): readonly (readonly string[])[] {
  const { waves: assigned } = assignWaves(planWaves(waves), clusters, options)
  return waves.map((_, index) => clusters.filter(({ cluster }) => assigned.get(cluster) === index).map(({ name }) => name))
}

test.each<[number, readonly number[]]>([
  [1, [1, 0, 0]],
  [2, [1, 1, 0]],
  [9, [1, 1, 7]],
  [10, [1, 1, 8]],
  [40, [1, 4, 35]],
  [1000, [1, 100, 899]],
])('of %d clusters the default waves take %j', (count, sizes) => {
  expect(byWave(DEFAULT_WAVES, aFleet(count)).map(({ length }) => length)).toEqual(sizes)
})

test('a cluster is in the first wave that matches it and has room', () => {
  const waves = [
    aWave('canary', { max: 1, clusters: { matchLabels: { region: 'us' } } }),
    aWave('us', { clusters: { matchLabels: { region: 'us' } } }),
    aWave('rest', { rest: true }),
  ]
  expect(byWave(waves, aFleet(5))).toEqual([['edge-001'], ['edge-003'], ['edge-000', 'edge-002', 'edge-004']])
})

test('a canary stays the canary when a cluster with an earlier name joins', () => {
  const waves = [aWave('canary', { max: 1 }), aWave('rest', { rest: true })]
  const joined = [{ cluster: idOf('alpha'), name: 'alpha', labels: {} }, ...aFleet(2)]
  expect(byWave(waves, joined)[0]).toEqual(['alpha'])
  expect(byWave(waves, joined, { kept: new Map([[idOf('edge-000'), 'canary']]) })[0]).toEqual(['edge-000'])
})

test('a wave that is full takes nobody who joins during the run', () => {
  const waves = [aWave('canary', { max: 1 }), aWave('half', { max: '50%' }), aWave('rest', { rest: true })]
  const joiner = aFleet(1)
  expect(byWave(waves, joiner, { taken: [1, 1, 3] })).toEqual([[], ['edge-000'], []])
  expect(byWave(waves, joiner, { taken: [1, 4, 3] })).toEqual([[], [], ['edge-000']])
})

test('clusters that no wave takes are named', () => {
  const { unmatched } = assignWaves(planWaves([aWave('eu', { clusters: { matchLabels: { region: 'eu' } } })]), aFleet(10))
  expect(unmatchedProblem(unmatched)).toBe('no wave takes edge-001, edge-003, edge-005 and 2 more: add a wave with rest: true')
  expect(unmatchedProblem([])).toBeUndefined()
})

test('the order in which clusters are listed changes nothing, and each cluster is in one place', () => {
  const fleet = aFleet(12)
  const waves = [
    aWave('canary', { max: 2 }),
    aWave('eu', { clusters: { matchLabels: { region: 'eu' } }, max: '30%' }),
    aWave('names', { clusters: { names: ['edge-007'] } }),
  ]
  const expected = assignWaves(planWaves(waves), fleet)
  fc.assert(
    fc.property(fc.shuffledSubarray([...fleet], { minLength: fleet.length }), (shuffled) => {
      const { unmatched, waves: assigned } = assignWaves(planWaves(waves), shuffled)
      expect(new Map([...assigned].sort())).toEqual(new Map([...expected.waves].sort()))
      expect(unmatched).toEqual(expected.unmatched)
      expect(assigned.size + unmatched.length).toBe(fleet.length)
    }),
  )
})
