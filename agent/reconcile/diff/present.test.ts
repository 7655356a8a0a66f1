import { expect, test } from 'vitest'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { createHide } from './hide.ts'
import type { Compared } from './ports.ts'
import { presented } from './present.ts'

const HIDE = createHide(['correct-horse'])
const anObject = (kind: string, body: object, name = 'web'): Manifest => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace: 'shop' },
  ...body,
})
const changed = (kind: string, [live, wanted]: readonly [object, object], ...paths: readonly string[]): Compared => {
  const [a, b] = [anObject(kind, live), anObject(kind, wanted)]
  return { object: b, what: 'changed', live: a, wanted: b, paths }
}
const fields = (one: Compared) => presented([one], HIDE).objects[0]?.fields

test('a field is told with what is there and what would be, secrets hidden', () => {
  const one = changed(
    'ConfigMap',
    [{ data: { a: '1', b: 'correct-horse' } }, { data: { b: 'x', 'c/d': 'y' } }],
    '/data/a',
    '/data/b',
    '/data/c~1d',
  )
  expect(fields(one)).toEqual([
    { path: '/data/a', from: '1' },
    { path: '/data/b', from: '***', to: 'x' },
    { path: '/data/c~1d', to: 'y' },
  ])
})

test('of a Secret, keys, labels and the type are shown', () => {
  const live = { metadata: { name: 'web', labels: { tier: 'a' }, annotations: { note: 'n' } }, type: 'a', data: { old: 'b2xk' } }
  const wanted = { metadata: { name: 'web', labels: { tier: 'b' } }, type: 'b', data: { old: 'bmV3' }, stringData: { key: 'text' } }
  const one = changed('Secret', [live, wanted], '/metadata/labels/tier', '/metadata/annotations/note', '/type', '/data/old', '/stringData')
  expect(fields(one)).toEqual([
    { path: '/metadata/labels/tier', from: 'a', to: 'b' },
    { path: '/metadata/annotations/note', from: '***' },
    { path: '/type', from: 'a', to: 'b' },
    { path: '/data/old', from: '***', to: '***' },
    { path: '/stringData', to: { key: '***' } },
  ])
})

test('a long text is cut down to the lines that differ, after its secrets were hidden', () => {
  const file = (line: string) => [...Array.from({ length: 200 }, (_, at) => `line ${at}`), line, 'end'].join('\n')
  const one = changed('ConfigMap', [{ data: { file: file('x correct-horse') } }, { data: { file: file('y') } }], '/data/file')
  expect(fields(one)).toEqual([
    { path: '/data/file', from: '… 200 equal lines\nx ***\n… 1 equal line', to: '… 200 equal lines\ny\n… 1 equal line' },
  ])
  const text = `${'a'.repeat(1_995)}correct-horse${'b'.repeat(50)}`
  expect(JSON.stringify(fields(changed('ConfigMap', [{}, { data: { text } }], '/data/text')))).toMatch(/a\*\*\*bb… 48 characters more"/)
})

test('a text that is too long to be looked through is not shown', () => {
  const text = `correct-horse${'a'.repeat(70_000)}`
  expect(fields(changed('ConfigMap', [{}, { data: { text } }], '/data/text'))).toEqual([
    { path: '/data/text', to: '… 70013 characters, not shown' },
  ])
})

test('what does not fit into an answer is said: fields first, then objects', () => {
  const text = (letter: string) => Object.fromEntries(Array.from({ length: 120 }, (_, at) => [`k${at}`, letter.repeat(1_900)]))
  const paths = Object.keys(text('a')).map((key) => `/data/${key}`)
  const big = changed('ConfigMap', [{ data: text('a') }, { data: text('b') }], ...paths)
  const shown = presented([big, big, big], HIDE)
  expect(shown.objects.map((one) => one.fields?.length)).toEqual([120, undefined, undefined])
  expect(shown.notes).toEqual(['the fields of 2 objects are not shown: there is too much of them'])
  const many = presented(
    Array.from({ length: 1_200 }, (_, at) => ({ object: anObject('ConfigMap', {}, `c${at}`), what: 'created' as const })),
    HIDE,
  )
  expect(many.objects).toHaveLength(1_000)
  expect(many.notes).toEqual(['200 more objects would not stay as they are: there are too many to be shown'])
})

test('what is the same is counted; what is refused is told without secrets', () => {
  const same: Compared = { object: anObject('ConfigMap', {}), what: 'same' }
  const refused: Compared = { object: anObject('ConfigMap', {}), what: 'refused', message: 'invalid value: "correct-horse"' }
  expect(presented([same, refused, same], HIDE)).toMatchObject({
    unchanged: 2,
    objects: [{ what: 'refused', message: 'invalid value: "***"' }],
  })
})
