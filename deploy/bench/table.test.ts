import { expect, test } from 'vitest'
import { missed, renderTable } from './table.ts'

const BARS = [
  { figure: 'a', words: 'how long', bar: { 100: 2, 500: 5 }, others: { 100: '10 s', 500: '50 s' } },
  { figure: 'b', words: 'writes', bar: { 100: 0, 500: 0 } },
  { figure: 'c', words: 'not measured' },
]
const FIGURES = [
  { figure: 'a', n: 100, value: 1.5, worst: 2.25, unit: 's' },
  { figure: 'a', n: 500, value: 7, unit: 's' },
  { figure: 'b', n: 100, value: 0, unit: 'requests' },
] as const

test('a row has what was measured, its bar and what Flux did; what was not measured has none', () => {
  expect(renderTable(BARS, FIGURES, 'Flux')).toBe(
    [
      '|          | N = 100               | N = 500 | bar      | Flux       |',
      '| -------- | --------------------- | ------- | -------- | ---------- |',
      '| how long | 1.50 s (worst 2.25) ✔ | 7 s ✘   | ≤ 2, ≤ 5 | 10 s, 50 s |',
      '| writes   | 0 requests ✔          |         | none     |            |',
    ].join('\n'),
  )
})

test('what belongs to another table has no column, and a table of nothing is empty', () => {
  const other = [{ figure: 'd', words: 'of its own' }]
  const figures = [...FIGURES, { figure: 'd', n: 1000, value: 1, unit: 's' } as const]
  expect(renderTable(other, figures, 'Flux').split('\n')[0]).toBe('|            | N = 1000 | bar | Flux |')
  expect(renderTable(other, FIGURES, 'Flux')).toBe('')
})

test('only missed bars are named', () => {
  expect(missed(BARS, FIGURES)).toEqual(['N = 500: how long: 7 s, the bar is 5'])
})
