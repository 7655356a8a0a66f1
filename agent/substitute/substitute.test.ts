// biome-ignore-all lint/suspicious/noTemplateCurlyInString: such strings are what is tested here
import { expect, test } from 'vitest'
import type { Manifest } from '../../proto/model/manifest.ts'
import { substitute } from './substitute.ts'
import { collectVariables } from './variables.ts'

const aConfigMap = (data: Record<string, unknown>, metadata: Partial<Manifest['metadata']> = {}): Manifest => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'config', namespace: 'apps', ...metadata },
  data,
})

const variables = (values: Record<string, string>) => {
  const collected = collectVariables([], values)
  if (!(collected instanceof Map)) throw new Error('bad variables')
  return collected
}

const dataOf = (object: Manifest, values: Record<string, string>, strategy: 'WithVariables' | 'Always' = 'WithVariables') => {
  const result = substitute([object], { variables: variables(values), strategy })
  return 'objects' in result ? result.objects[0]?.data : result.problems
}

test.each([
  ['a number', '${n}', { n: '5' }, 5],
  ['a boolean', '${b}', { b: 'true' }, true],
  ['a YAML 1.1 boolean, as Go reads it', '${b}', { b: 'on' }, true],
  ['text that quotes keep text', '${q}${n}${q}', { n: '5', q: '"' }, '5'],
  ['text in the middle of text', 'x-${n}', { n: '5' }, 'x-5'],
  ['a time of day', '${t}', { t: '12:30' }, '12:30'],
  ['a date', '${d}', { d: '2026-01-01' }, '2026-01-01'],
  ['a value without its newlines', '${m}', { m: 'a\nb' }, 'ab'],
  ['text over several lines', 'one ${n}\ntwo ${n}\n', { n: '1' }, 'one 1\ntwo 1\n'],
])('substitutes %s', (_name, text, values, expected) => {
  expect(dataOf(aConfigMap({ key: text }), values)).toEqual({ key: expected })
})

test('does nothing without variables', () => {
  expect(dataOf(aConfigMap({ key: '${x:=d} $${y}' }), {})).toEqual({ key: '${x:=d} $${y}' })
})

test('resolves defaults without variables when the strategy is Always', () => {
  expect(dataOf(aConfigMap({ key: '${x:=d}' }), {}, 'Always')).toEqual({ key: 'd' })
})

test.each(['labels', 'annotations'])('leaves an object alone whose %s say so', (where) => {
  const disabled = { [where]: { 'kustomize.toolkit.fluxcd.io/substitute': 'disabled' } }
  expect(dataOf(aConfigMap({ key: '${missing}' }, disabled), { x: '1' })).toEqual({ key: '${missing}' })
})

test('the switch is matched with its exact case', () => {
  const loud = { labels: { 'kustomize.toolkit.fluxcd.io/substitute': 'Disabled' } }
  expect(dataOf(aConfigMap({ key: '${x}' }, loud), { x: '1' })).toEqual({ key: 1 })
})

test('names every object with a problem', () => {
  const result = substitute([aConfigMap({ a: '${missing}' }), aConfigMap({ a: '${also' }, { name: 'second' })], {
    variables: variables({ x: '1' }),
    strategy: 'WithVariables',
  })
  expect(result).toEqual({
    problems: [
      { path: 'ConfigMap/apps/config', message: 'variable substitution failed: variable not set (strict mode): "missing"' },
      { path: 'ConfigMap/apps/second', message: 'variable substitution failed: missing closing brace' },
    ],
  })
})

test('a value that breaks the YAML is a problem that does not show it', () => {
  const result = dataOf(aConfigMap({ key: '${x}' }), { x: '[hunter2' })
  expect(JSON.stringify(result)).toContain('not a Kubernetes object')
  expect(JSON.stringify(result)).not.toContain('hunter2')
})

test('later sources win over earlier ones and inline values over all', () => {
  expect(
    collectVariables(
      [
        { a: '1', b: '1', c: '1' },
        { b: '2', c: '2' },
      ],
      { c: '3' },
    ),
  ).toEqual(
    new Map([
      ['a', '1'],
      ['b', '2'],
      ['c', '3'],
    ]),
  )
})

test('an invalid name of a variable is a problem', () => {
  expect(collectVariables([{ 'a-b': '1' }])).toEqual([
    { path: 'a-b', message: "'a-b' var name is invalid, must match '^[_[:alpha:]][_[:alpha:][:digit:]]*$'" },
  ])
})
