// biome-ignore-all lint/suspicious/noTemplateCurlyInString: such strings are what is tested here
import { expect, test } from 'vitest'
import { expand } from './expand.ts'

const values: Readonly<Record<string, string>> = {
  v: 'abcdEFGH28ij',
  upper: 'ABC',
  path: '/home/bozo/ideas/thoughts.for.today',
  file: 'bash.string.txt',
  rel: 'path/to/file',
  z: 'abcABC123ABCabc',
  slash: 'foo/bar/baz',
  dots: 'foo.bar',
  empty: '',
  other: 'foo1',
}
const run = (text: string) => expand(text, (name) => values[name])

test.each([
  ['text alone', 'abcd 28', 'abcd 28'],
  ['a value', 'x ${other} y', 'x foo1 y'],
  ['an empty value', '<${empty}>', '<>'],
  ['$name is left untouched', '$v $1 $(v) $', '$v $1 $(v) $'],
  ['an escape', '$${v}', '${v}'],
  ['an escape around an expansion', '$${x=${other}}', '${x=foo1}'],
  ['escapes and values mixed', 't ${upper}$${var$${v}$v${upper}', 't ABC${var${v}$vABC'],
  ['length', '${#v}', '12'],
  ['upper case of the first character', '${v^}', 'AbcdEFGH28ij'],
  ['upper case', '${v^^}', 'ABCDEFGH28IJ'],
  ['lower case of the first character', '${upper,}', 'aBC'],
  ['lower case', '${upper,,}', 'abc'],
  ['substring from a position', '${path:11}', 'ideas/thoughts.for.today'],
  ['substring with a length', '${path:11:5}', 'ideas'],
  ['substring with a negative length', '${upper:1:-1}', 'B'],
  ['substring past the end', '${upper:9}', ''],
  ['default not needed', '${other:=xyz}', 'foo1'],
  ['default of an unset variable, :=', '${none:=xyz}', 'xyz'],
  ['default of an unset variable, =', '${none=xyz}', 'xyz'],
  ['default of an unset variable, :-', '${none:-xyz}', 'xyz'],
  ['default of an unset variable, -', '${none-xyz}', 'xyz'],
  ['default of an empty variable', '${empty:=xyz}', 'xyz'],
  ['an empty default', '<${none:=}>', '<>'],
  ['a default made of expansions', '${none=prefix${other}-suffix}', 'prefixfoo1-suffix'],
  ['a nested operator', '${none=${v^^}}', 'ABCDEFGH28IJ'],
  ['replace the first', '${z/abc/xyz}', 'xyzABC123ABCabc'],
  ['replace all', '${z//abc/xyz}', 'xyzABC123ABCxyz'],
  ['replace a prefix', '${z/#abc/XYZ}', 'XYZABC123ABCabc'],
  ['replace a suffix', '${z/%abc/XYZ}', 'abcABC123ABCXYZ'],
  ['prepend with an empty prefix', '${other/#/a-}', 'a-foo1'],
  ['append with an empty suffix', '${other/%/-z}', 'foo1-z'],
  ['replace by nothing', '${dots/./}', 'foobar'],
  ['an escaped slash in a pattern', '${slash//\\//-}', 'foo-bar-baz'],
  ['shortest prefix', '${file#*.}', 'string.txt'],
  ['longest prefix', '${file##*.}', 'txt'],
  ['shortest suffix', '${file%.*}', 'bash.string'],
  ['longest suffix', '${file%%.*}', 'bash'],
  ['a star crosses slashes', '${rel##*/}', 'file'],
  ['a character class', '${z#[a-c]}', 'bcABC123ABCabc'],
])('expands %s', (_name, text, expected) => {
  expect(run(text)).toEqual({ text: expected })
})

test.each([
  ['an unset variable', '${none}', 'variable not set (strict mode): "none"'],
  ['an operator on an unset variable', '${none^^}', 'variable not set (strict mode): "none"'],
  ['the length of an unset variable', '${#none}', 'variable not set (strict mode): "none"'],
  ['an unset variable in a default', '${v:=${none}}', 'variable not set (strict mode): "none"'],
  ['an expansion without end', 'a ${v', 'missing closing brace'],
  ['an expansion without name', '${}', 'unable to parse variable name'],
  ['a name with a dot', '${a.b}', 'missing closing brace'],
])('refuses %s', (_name, text, problem) => {
  expect(run(text)).toEqual({ problem })
})

test('a hostile trim pattern ends in bounded time', () => {
  const long = 'a'.repeat(400)
  expect(expand(`\${x##${'*a'.repeat(60)}b}`, () => long)).toEqual({ text: long })
})
