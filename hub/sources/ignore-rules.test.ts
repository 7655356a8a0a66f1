import { expect, test } from 'vitest'
import { ignoreRules } from './ignore-rules.ts'

interface Case {
  readonly ignore?: string
  readonly bare?: true
  readonly files?: readonly { directory: string; text: string }[]
  readonly out: readonly string[]
  readonly kept: readonly string[]
}

const CASES: Record<string, Case> = {
  'version control, pictures and CI are out by default': {
    out: ['.gitignore', 'a/.git/config', 'x.png', 'a/b.tar.gz', '.github/workflows/x.yml', 'a/.sops.yaml', '.travis.yml'],
    kept: ['a.yaml', 'a/README.md', 'github/x.yaml'],
  },
  'spec.ignore replaces the defaults but for version control': {
    ignore: '*.md\n# a comment\n\n',
    out: ['README.md', 'a/b/c.md', '.gitignore'],
    kept: ['x.png', '.github/x.yml', '# a comment'],
  },
  'an empty spec.ignore still replaces them': { ignore: '', out: ['.gitmodules'], kept: ['x.png'] },
  'everything but one directory, as in the manual of Flux': {
    ignore: '/*\n!/deploy\n/deploy/**/*.md\n/deploy/**/*.txt\n',
    out: ['a.yaml', 'apps/a.yaml', 'deploy/b/c.md', 'deploy/x.txt'],
    kept: ['deploy/a.yaml', 'deploy/b/c.yaml'],
  },
  'a bucket leaves nothing out by itself': { bare: true, out: [], kept: ['.gitignore', 'a/.git/config', 'x.png'] },
  'the last match decides': { ignore: '*.yaml\n!keep.yaml\n', out: ['a.yaml', 'd/a.yaml'], kept: ['keep.yaml', 'd/keep.yaml'] },
  'a pattern with a slash is anchored': { ignore: 'a/b\n/c', out: ['a/b', 'a/b/x', 'c', 'c/x'], kept: ['x/a/b', 'x/c'] },
  'a slash at the end means directories only': { ignore: 'build/', out: ['build/x', 'a/build/x'], kept: ['build', 'a/build'] },
  'two stars span directories': { ignore: '**/test/**\na/**/z', out: ['test/x', 'q/test/x/y', 'a/z', 'a/b/c/z'], kept: ['test', 'z'] },
  'sets, ranges and escapes': {
    ignore: '[a-c]?.txt\n[!x]y\n\\!bang\n\\#hash',
    out: ['bq.txt', 'ay', '!bang', '#hash'],
    kept: ['dq.txt', 'xy'],
  },
  'a .sourceignore holds for its directory alone': {
    files: [{ directory: 'apps', text: '/secret\n*.tmp' }],
    out: ['apps/secret/x', 'apps/a/b.tmp'],
    kept: ['secret/x', 'a.tmp', 'x.png'],
  },
  'spec.ignore wins over .sourceignore': {
    ignore: '!apps/a.tmp',
    files: [{ directory: '', text: '*.tmp' }],
    out: ['b.tmp'],
    kept: ['apps/a.tmp'],
  },
}

test.each(Object.entries(CASES))('%s', (_, { ignore, files = [], out, kept, ...how }) => {
  const ignored = ignoreRules({ ignore, files, ...how })
  expect([...out, ...kept].filter(ignored)).toEqual(out)
})

test('a pattern of many stars takes no time to speak of', () => {
  const ignored = ignoreRules({ ignore: `${'*a'.repeat(60)}b`, files: [] })
  expect(ignored('a'.repeat(4000))).toBe(false)
}, 1000)
