import { expect, test } from 'vitest'
import { createHide } from './hide.ts'

const { text, value } = createHide([
  'correct-horse',
  'p/w "quoted"\\n',
  'a1',
  '5432',
  'first line of a key\nAB\nsecond line of a key\n',
  'x',
])
const base64 = (given: string) => Buffer.from(given).toString('base64')

test.each([
  ['as it is, in the middle of something', 'postgres://web:correct-horse@db/web', 'postgres://web:***@db/web'],
  ['in base64', `auth: ${base64('correct-horse')}`, 'auth: ***'],
  ['in base64, with a newline behind it', base64('correct-horse\n'), '***'],
  ['in base64 without its padding', base64('correct-horse').replace(/=+$/, ''), '***'],
  ['quoted as JSON', JSON.stringify({ a: 'p/w "quoted"\\n' }), '{"a":"***"}'],
  ['in a URL', `https://host/?p=${encodeURIComponent('p/w "quoted"\\n')}`, 'https://host/?p=***'],
  ['line by line, where a line says something', '  first line of a key\n  AB\n', '  ***\n  AB\n'],
  ['a short one that stands alone', 'user=a1,port=5432', 'user=***,port=***'],
  ['and not within a word', 'ba1d 15432', 'ba1d 15432'],
  ['a short one that is all there is', ' a1 ', '***'],
])('hides a secret %s', (_name, given, shown) => expect(text(given)).toBe(shown))

test('looks at every text, number and key of a value', () => {
  expect(value({ port: 5432, size: 3, on: true, none: null, list: ['correct-horse', { 'key-correct-horse': 'x' }] })).toEqual({
    port: '***',
    size: 3,
    on: true,
    none: null,
    list: ['***', { 'key-***': '***' }],
  })
})

test('shows nothing at all where there is too much to look for', () => {
  const many = createHide(Array.from({ length: 3_000 }, (_, index) => `secret-${index}`))
  expect([many.text('in the open'), many.value({ a: 1 })]).toEqual(['***', '***'])
})

test('hides nothing where nothing is secret', () => {
  const none = createHide(['', '  \n'])
  expect([none.text('a b'), none.value({ a: [1, ''] })]).toEqual(['a b', { a: [1, ''] }])
})
