import { expect, test } from 'vitest'
import { sight } from '../../proto/kustomize/reads.ts'
import { createTree } from '../../proto/kustomize/tree.ts'
import { decodeReads, encodeReads, readsDigest, stillValid } from './reads.ts'

const treeOf = (files: Record<string, string>, links: Record<string, string> = {}) =>
  createTree(
    [
      ...Object.entries(files).map(([path, text]) => ({ path, sha256: `sha256:${text}`, size: 1 })),
      ...Object.entries(links).map(([path, link]) => ({ path, sha256: 'sha256:link', size: 1, link })),
    ],
    async () => new Uint8Array(),
  )

const FILES = { 'a/k.yaml': '1', 'a/x.yaml': '2', 'b/y.yaml': '3' }
const before = treeOf(FILES, { l: 'a' })
const reads = (
  [
    ['look', 'a/k.yaml'],
    ['look', 'a/kustomization.yml'],
    ['list', 'a'],
    ['look', 'l/x.yaml'],
  ] as const
).map(([op, path]) => ({ op, path, saw: sight(before, op, path) }))

test.each([
  ['nothing changed', FILES, { l: 'a' }, true],
  ['a file elsewhere changed', { ...FILES, 'b/y.yaml': 'new' }, { l: 'a' }, true],
  ['a file that was read changed', { ...FILES, 'a/k.yaml': 'new' }, { l: 'a' }, false],
  ['a file appeared that was looked for in vain', { ...FILES, 'a/kustomization.yml': '1' }, { l: 'a' }, false],
  ['a listed directory has one more file', { ...FILES, 'a/z.yaml': '1' }, { l: 'a' }, false],
  ['a file that was read is gone', { 'a/k.yaml': '1', 'b/y.yaml': '3' }, { l: 'a' }, false],
  ['a link leads elsewhere, to equal content', { ...FILES, 'c/x.yaml': '2' }, { l: 'c' }, false],
])('%s', (_, files, links, expected) => {
  expect(stillValid(reads, treeOf(files, links))).toBe(expected)
})

test('reads survive being stored, whatever their order', () => {
  const encoded = encodeReads([...reads, ...reads])
  expect(encodeReads([...reads].reverse())).toBe(encoded)
  expect(stillValid(decodeReads(encoded) ?? [], before)).toBe(true)
  expect(decodeReads(encoded)).toHaveLength(reads.length)
  expect(readsDigest(encoded)).toMatch(/^sha256:/)
  expect(decodeReads('[["look","a"]]')).toBeUndefined()
})
