import { expect, test } from 'vitest'
import { digestsIn, parseTree, type TreeFile, treeLines } from './tree-file.ts'

const FILES: readonly TreeFile[] = [
  { path: 'a file with spaces.yaml', mode: '100644', size: 3, sha256: 'sha256:a' },
  { path: 'bin/run', mode: '100755', size: 10, sha256: 'sha256:b' },
  { path: 'link', mode: '120000', size: 1, sha256: 'sha256:a' },
]

test('a tree is read as it was written', () => {
  const lines = treeLines(FILES.toReversed())
  expect(parseTree(lines)).toEqual(FILES)
  expect(digestsIn(lines)).toEqual(['sha256:a', 'sha256:b', 'sha256:a'])
  expect(parseTree('')).toEqual([])
})
