import { expect, test } from 'vitest'
import { quantile } from './timing.ts'

test.each([
  ['half of them', 0.5, 2],
  ['nine of ten', 0.9, 4],
  ['all of them', 1, 4],
])('the quantile of %s is a value that was measured', (_, share, value) => {
  expect(quantile([4, 1, 3, 2], share)).toBe(value)
})

test('nothing has no quantile', () => {
  expect(quantile([], 0.5)).toBeNaN()
})
