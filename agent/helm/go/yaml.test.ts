import { expect, test } from 'vitest'
import { goYaml } from './yaml.ts'

const LONG = `${'word '.repeat(19)}word`

// What go.yaml.in/yaml/v2 makes of the same values, their keys sorted.
test.each<[string, Record<string, unknown>, string]>([
  ['nothing', {}, '{}\n'],
  ['maps in maps', { b: { d: 1, c: {} }, a: null }, 'a: null\nb:\n  c: {}\n  d: 1\n'],
  ['lists in the column of their key', { a: [1, [2, { x: 'y' }], []] }, 'a:\n- 1\n- - 2\n  - x: "y"\n- []\n'],
  ['keys in the order of their bytes', { a9: 1, a10: 1, B: 1, _: 1, '1': 1 }, '"1": 1\nB: 1\n_: 1\na10: 1\na9: 1\n'],
  [
    'words that are something else',
    { a: 'yes', b: '1', c: '~', d: '1e3', e: '0x1f', f: '' },
    'a: "yes"\nb: "1"\nc: "~"\nd: "1e3"\ne: "0x1f"\nf: ""\n',
  ],
  ['times and base 60', { a: '2026-01-02', b: '2026-02-30', c: '1:30' }, 'a: "2026-01-02"\nb: 2026-02-30\nc: "1:30"\n'],
  ['words that are text', { a: 'v1.2.3', b: '10.0.0.1', c: 'a:b', d: '-x' }, 'a: v1.2.3\nb: 10.0.0.1\nc: a:b\nd: -x\n'],
  ['indicators', { a: 'a: b', b: '#x', c: "it's: so", d: '{x}', e: ' x' }, "a: 'a: b'\nb: '#x'\nc: 'it''s: so'\nd: '{x}'\ne: ' x'\n"],
  ['line breaks', { a: 'x\ny\n', b: 'x\ny', c: '\n\nx\n\n' }, 'a: |\n  x\n  y\nb: |-\n  x\n  y\nc: |2+\n\n\n  x\n\n'],
  ['what is not printable', { a: 'a\tb', b: '😀', c: 'é' }, 'a: "a\\tb"\nb: "\\U0001F600"\nc: é\n'],
  ['numbers', { a: 1.5, b: 1e6, c: 1234567.5, d: 1e21, e: 0.00001 }, 'a: 1.5\nb: 1000000\nc: 1.2345675e+06\nd: 1e+21\ne: 1e-05\n'],
  [
    'long text',
    { a: LONG, b: { c: [LONG] } },
    'a: word word word word word word word word word word word word word word word word\n  word word word word\nb:\n  c:\n  - word word word word word word word word word word word word word word word word\n    word word word word\n',
  ],
])('%s', (_name, values, text) => {
  expect(goYaml(values)).toBe(text)
})
