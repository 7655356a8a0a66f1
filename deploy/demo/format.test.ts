import { expect, test } from 'vitest'
import { commandLine, counter, duration, size } from './format.ts'

test.each([
  [0, '0.00 s'],
  [421, '0.42 s'],
  [9_994, '9.99 s'],
  [9_999, '10.0 s'],
  [59_970, '1 min 0 s'],
  [65_400, '1 min 5 s'],
  [-3, '0.00 s'],
])('%d ms are written as %s', (ms, text) => expect(duration(ms)).toBe(text))

test('sizes are in bytes, then in thousands', () => {
  expect([size(0), size(999), size(2345)]).toEqual(['0 B', '999 B', '2.3 kB'])
})

test('a command can be pasted into a shell', () => {
  expect(commandLine(['git', 'commit', '-m', "it's web 1.5.0"])).toBe("git commit -m 'it'\\''s web 1.5.0'")
  expect(commandLine(['npx', 'flotilla', 'get', 'ks', '-A', '--path=./a_b'])).toBe('npx flotilla get ks -A --path=./a_b')
})

test('a counter is read by its whole name, and is 0 where nothing was counted', () => {
  const text = '# HELP flotilla_builds_total x\nflotilla_builds_total_more 7\nflotilla_builds_total 3\n'
  expect(counter(text, 'flotilla_builds_total')).toBe(3)
  expect(counter(text, 'flotilla_bundles_sent_total')).toBe(0)
})
