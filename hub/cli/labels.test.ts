import { expect, test } from 'vitest'
import { parseLabels } from './labels.ts'

test('labels are set with key=value and removed with key-', () => {
  expect(parseLabels(['tier=edge', 'empty=', 'a/b=c=d', 'old-'])).toEqual({ tier: 'edge', empty: '', 'a/b': 'c=d', old: null })
})

test.each(['tier', '-', '=x'])('%j is no label', (word) => {
  expect(() => parseLabels([word])).toThrow('write key=value, or key- to remove it')
})
