import { expect, test } from 'vitest'
import { deepMerge, mergeValues, type ValuesSource } from './merge.ts'

const from = (data: Record<string, string> | undefined, o: Partial<ValuesSource> = {}): ValuesSource => ({
  kind: 'ConfigMap',
  name: 'given',
  data,
  ...o,
})
const yaml = (text: string, o: Partial<ValuesSource> = {}) => from({ 'values.yaml': text }, o)
const at = (targetPath: string, text: string, o: Partial<ValuesSource> = {}) => from({ key: text }, { targetPath, valuesKey: 'key', ...o })
const merged = (sources: readonly ValuesSource[], inline?: Record<string, unknown>) => {
  const found = mergeValues(sources, inline)
  return 'problem' in found ? found.problem : found.values
}

test('later sources win over earlier ones, inline values over both; maps are merged, lists replaced', () => {
  const sources = [yaml('a: 1\nm: {x: 1, z: 1}\nl: [1, 2]'), yaml('a: 2\nm: {z: 2}\nl: [3]')]
  expect(merged(sources, { m: { w: 3 } })).toEqual({ a: 2, m: { w: 3, x: 1, z: 2 }, l: [3] })
  expect(merged(sources, { a: 'inline', l: [] })).toEqual({ a: 'inline', m: { x: 1, z: 2 }, l: [] })
})

// helm-controller merges the inline values in once more at its end, so that there an inline scalar wins over a targetPath
// unless both happen to share a map. Its documentation says that a targetPath overwrites: so it does here, always.
test.each<[string, readonly ValuesSource[], Record<string, unknown>, unknown]>([
  ['a scalar at the top', [at('a', 'path')], { a: 'inline' }, { a: 'path' }],
  ['a member of a map that is inline only', [at('m.a', 'path')], { m: { a: 'inline', b: 1 } }, { m: { a: 'path', b: 1 } }],
  [
    'a member of a map that an earlier source has too',
    [yaml('m: {c: 1}'), at('m.a', 'path')],
    { m: { a: 'inline' } },
    { m: { c: 1, a: 'path' } },
  ],
  ['an item of a list', [at('l[0].a', 'path')], { l: [{ a: 'inline', b: 1 }] }, { l: [{ a: 'path', b: 1 }] }],
  ['a targetPath that comes before a source without one', [at('a', 'path'), yaml('a: later')], {}, { a: 'path' }],
  ['the later of two', [at('a', 'one'), at('a', 'two')], { a: 'inline' }, { a: 'two' }],
])('a targetPath is the strongest: %s', (_name, sources, inline, expected) => {
  expect(merged(sources, inline)).toEqual(expected)
})

test.each<[string, ValuesSource, unknown]>([
  ['a number', at('a', '5'), { a: 5 }],
  ['a number with a leading zero', at('a', '05'), { a: '05' }],
  ['a fraction', at('a', '1.5'), { a: '1.5' }],
  ['a truth value', at('a', 'TRUE'), { a: true }],
  ['null', at('a', 'null'), { a: null }],
  ['quotes', at('a', '"5"'), { a: '5' }],
  ['a list', at('a', '{1,x}'), { a: [1, 'x'] }],
  ['further keys', at('a', '1,b.c=2'), { a: 1, b: { c: 2 } }],
  ['an escaped comma', at('a', 'x\\,y'), { a: 'x,y' }],
  ['an escaped dot in the path', at('a\\.b.c', 'x'), { 'a.b': { c: 'x' } }],
  ['a list that is filled up', at('a[2]', 'x'), { a: [null, null, 'x'] }],
  ['literal', at('a', '{"x": [1,2]}, \\n = 5', { literal: true }), { a: '{"x": [1,2]}, \\n = 5' }],
  ['a literal number', at('a', '5', { literal: true }), { a: '5' }],
  ['an empty text', at('a', ''), { a: '' }],
])('a targetPath takes %s', (_name, source, expected) => {
  expect(merged([source])).toEqual(expected)
})

test.each<[string, ValuesSource, string | object]>([
  ['an object that is not there', from(undefined), "ConfigMap 'given': not found"],
  ['one that need not be', from(undefined, { optional: true }), {}],
  ['a key that is not there', from({}), "ConfigMap 'given': missing key 'values.yaml'"],
  ['one that need not be', from({}, { optional: true }), {}],
  ['what is no YAML', yaml('a: [', { kind: 'Secret' }), "Secret 'given': unable to read values: line 1: BAD_INDENT"],
  ['what is no map', yaml('- a'), "ConfigMap 'given': unable to read values: not a map"],
  ['a list without an end', at('a', '{1,2'), `ConfigMap 'given': unable to set "a": the value is not in the syntax of helm --set`],
  [
    'an index without end',
    at('a[99999999]', 'x'),
    `ConfigMap 'given': unable to set "a[99999999]": index of 99999999 is greater than maximum supported index of 65536`,
  ],
  [
    'a secret that is no assignment',
    at('a', 'x,hunter2', { kind: 'Secret' }),
    `Secret 'given': unable to set "a": the value is not in the syntax of helm --set`,
  ],
])('%s', (_name, source, expected) => {
  expect(merged([source])).toEqual(expected)
})

test('what came out of Secrets is named apart, so that it can be hidden', () => {
  const found = mergeValues([yaml('a: open'), yaml('b: {c: [hidden, 5, true]}', { kind: 'Secret' }), at('d', 'x,e=y', { kind: 'Secret' })])
  expect(found).toMatchObject({ secrets: ['hidden', '5', 'x,e=y'] })
})

test('a null stays, so that Helm drops the default of the chart', () => {
  expect(deepMerge({ a: { b: 1 } }, { a: null })).toEqual({ a: null })
})

test('an override cannot reach into the prototype', () => {
  const found = mergeValues([at('__proto__.polluted', 'yes')])
  expect('values' in found).toBe(true)
  expect(({} as Record<string, unknown>).polluted).toBeUndefined()
})
