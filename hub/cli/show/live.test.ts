import { expect, test } from 'vitest'
import { createAppendedText, createLiveText } from './live.ts'

const over = (rows: number, ...lines: readonly string[]) => `\u001b[${rows}F${lines.map((line) => `${line}\u001b[K\n`).join('')}\u001b[J`

test('on a terminal each text is drawn over the one before', () => {
  const live = createLiveText(() => ({ columns: 80, rows: 24 }))
  expect(live.next('one\n\ntwo\n')).toBe('one\n\ntwo\n')
  expect(live.next('three\n')).toBe(over(3, 'three'))
  expect(live.last('four\n')).toBe(over(1, 'four'))
})

test('a line that the terminal wraps counts as the rows that it takes, also after a resize', () => {
  let columns = 10
  const live = createLiveText(() => ({ columns, rows: 24 }))
  live.next(`${'x'.repeat(21)}\nshort\n`)
  expect(live.next('next\n')).toBe(over(4, 'next'))
  live.next('x'.repeat(20))
  columns = 5
  expect(live.next('next\n')).toBe(over(4, 'next'))
})

test('a line that fills its row keeps its last character', () => {
  const live = createLiveText(() => ({ columns: 5, rows: 24 }))
  live.next('one')
  expect(live.next('12345')).toBe('\u001b[1F12345\n\u001b[J')
})

test('what does not fit on the screen is left out while it changes, and is there at the end', () => {
  const live = createLiveText(() => ({ columns: 80, rows: 4 }))
  const text = ['a', 'b', 'c', 'd', 'e', ''].join('\n')
  expect(live.next(text)).toBe('a\nb\n… 3 more lines\n')
  expect(live.last(text)).toBe(over(3, 'a', 'b', 'c', 'd', 'e'))
})

test('elsewhere what changed is appended, and what did not is left out', () => {
  const plain = createAppendedText()
  expect([plain.next('one\n'), plain.next('one\n'), plain.next('two\n'), plain.last('two\n')]).toEqual(['one\n', '', '\ntwo\n', ''])
})
