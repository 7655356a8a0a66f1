import { expect, test } from 'vitest'
import { aSnapshot, aStoredRelease } from '../../../test/support/helm-builders.ts'
import type { Snapshot } from '../../mirror/model.ts'
import { latest, newest, previous, record, truncate } from './history.ts'

const of = (version: number, status: 'deployed' | 'superseded' | 'failed', tests?: string): Snapshot =>
  aSnapshot(aStoredRelease({ version, status }), tests ? { t: { phase: tests } } : undefined)
const versions = (history: readonly Snapshot[]) => history.map(({ version }) => version)

test('the history ends with the previous good release, whatever order it is in', () => {
  const history = [of(1, 'superseded'), of(4, 'deployed'), of(2, 'superseded'), of(3, 'failed')]
  expect(latest(history)?.version).toBe(4)
  expect(previous(history, false)?.version).toBe(2)
  expect(versions(truncate(history, false))).toEqual([4, 3, 2])
})

test('a release whose tests failed is not good, unless they are ignored', () => {
  const history = [of(3, 'failed'), of(2, 'superseded', 'Failed'), of(1, 'superseded')]
  expect(versions(truncate(history, false))).toEqual([3, 2, 1])
  expect(versions(truncate(history, true))).toEqual([3, 2])
})

test('five are kept where none before was good', () => {
  expect(
    versions(
      truncate(
        [7, 6, 5, 4, 3, 2, 1].map((version) => of(version, 'failed')),
        false,
      ),
    ),
  ).toEqual([7, 6, 5, 4, 3])
})

test('where nothing is ever gone back to, the newest five are kept', () => {
  expect(versions(newest([1, 2, 3, 4, 5, 6, 7].map((version) => of(version, version === 2 ? 'superseded' : 'failed'))))).toEqual([
    7, 6, 5, 4, 3,
  ])
  expect(versions(newest([of(1, 'superseded'), of(2, 'deployed')]))).toEqual([2, 1])
})

test('what was written comes in front, what is known is brought up to date and keeps its tests', () => {
  const known = of(1, 'deployed', 'Succeeded')
  const after = record([known], [of(2, 'deployed'), of(1, 'superseded')])
  expect(after.map(({ status, version }) => `${version} ${status}`)).toEqual(['2 deployed', '1 superseded'])
  expect(after[1]?.testHooks).toEqual(known.testHooks)
})
