import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { keptObjects, keysProblem, revisionOf } from './etag-index.ts'

const listed = (...keys: readonly string[]) => keys.map((key) => ({ key, etag: 'e', size: 1 }))
const kept = (keys: readonly string[], rules: { ignore?: string; file?: string } = {}) =>
  keptObjects(listed(...keys), { ignore: undefined, file: undefined, ...rules }).map(({ key }) => key)

test('folders and the ignore file are no files; nothing else is out by itself', () => {
  expect(kept(['a/', 'a/b.yaml', '.sourceignore', 'x.png', '.git/config'])).toEqual(['a/b.yaml', 'x.png', '.git/config'])
})

test('rules of the bucket hold, and those of the object win over them', () => {
  const keys = ['a.yaml', 'b.txt', 'c/d.txt', 'c/.sourceignore']
  expect(kept(keys, { file: '*.txt\n' })).toEqual(['a.yaml', 'c/.sourceignore'])
  expect(kept(keys, { file: '*.txt\n', ignore: '!c/d.txt\n*.yaml' })).toEqual(['c/d.txt', 'c/.sourceignore'])
})

test.each([
  ['a key that leads out', ['a', '../etc/passwd'], '"../etc/passwd"'],
  ['one that does so further in', ['a/../../b'], 'which no file may have'],
  ['an absolute one', ['/etc/passwd'], 'which no file may have'],
  ['an empty part', ['a//b'], 'which no file may have'],
  ['a backslash', ['a\\b'], 'which no file may have'],
  ['a line break', ['a\nb'], 'which no file may have'],
  ['an endless one', ['a'.repeat(5000)], 'which no file may have'],
  ['an object with others below it', ['a/b', 'a/b/c/d'], 'an object "a/b" and others below it'],
])('%s is refused', (_, keys, message) => {
  expect(keysProblem(keys)).toContain(message)
})

test('keys that only look odd are taken', () => {
  expect(keysProblem(['..a', 'a..b/c', 'a b/ü', '.hidden', 'a/b', 'a/bc'])).toBeUndefined()
})

test('the revision is that of Flux: keys with entity tags, sorted by bytes, a line each', () => {
  const lines = 'a b 3\nb 1\n\u{ff5e} 4\n\u{1f600} 2\n'
  const etags = new Map([
    ['\u{1f600}', '2'],
    ['b', '1'],
    ['\u{ff5e}', '4'],
    ['a b', '3'],
  ])
  expect(revisionOf(etags)).toBe(`sha256:${createHash('sha256').update(lines).digest('hex')}`)
  expect(revisionOf(new Map())).toBe('sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
})
