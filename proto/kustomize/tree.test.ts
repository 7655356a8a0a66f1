import { expect, test } from 'vitest'
import { createTree, type TreeEntry } from './tree.ts'

const file = (path: string): TreeEntry => ({ path, sha256: `sha256:${path}`, size: 1 })
const link = (path: string, to: string): TreeEntry => ({ ...file(path), link: to })
const tree = createTree(
  [
    file('a/b/c.yaml'),
    file('a/d.yaml'),
    file('e.yaml'),
    link('to-file', 'a/d.yaml'),
    link('a/up', '../e.yaml'),
    link('to-dir', './a/b'),
    link('a/self', 'self'),
    link('out', '../../etc/passwd'),
    link('a/b/far', '../../../x'),
    link('root', '/etc/passwd'),
    link('dangling', 'nowhere'),
  ],
  async () => new Uint8Array(),
)

test.each([
  ['', { kind: 'directory', path: '' }],
  ['a/b', { kind: 'directory', path: 'a/b' }],
  ['a/./b/../d.yaml', { kind: 'file', path: 'a/d.yaml' }],
  ['to-file', { kind: 'file', path: 'a/d.yaml' }],
  ['a/up', { kind: 'file', path: 'e.yaml' }],
  ['to-dir', { kind: 'directory', path: 'a/b' }],
  ['to-dir/c.yaml', { kind: 'file', path: 'a/b/c.yaml' }],
  ['to-dir/../d.yaml', { kind: 'file', path: 'a/d.yaml' }],
  ['nowhere', { kind: 'missing' }],
  ['e.yaml/x', { kind: 'missing' }],
  ['dangling', { kind: 'missing' }],
  ['../e.yaml', { kind: 'refused' }],
  ['out', { kind: 'refused' }],
  ['a/b/far', { kind: 'refused' }],
  ['root', { kind: 'refused' }],
  ['a/self', { kind: 'refused' }],
])('%j leads to %j', (path, expected) => {
  expect(tree.look(path)).toMatchObject(expected)
})

test('a listing is sorted, marks directories and leaves links unresolved', () => {
  expect(tree.list('a')).toEqual(['b/', 'd.yaml', 'self', 'up'])
  expect(tree.list('e.yaml')).toEqual([])
})
