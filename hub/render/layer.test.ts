import { expect, test } from 'vitest'
import { createTree } from '../../proto/kustomize/tree.ts'
import { layerIn } from './layer.ts'

const LAYER = `sha256:${'a'.repeat(64)}.tgz`
const tree = (...paths: readonly string[]) =>
  createTree(
    paths.map((path) => ({ path, sha256: 'x', size: 1 })),
    async () => new Uint8Array(),
  )

test('a tree that is nothing but a layer is told by its name', () => {
  expect(layerIn(tree(LAYER))).toMatchObject({ path: LAYER, sha256: 'x' })
})

test.each([
  ['no file', tree()],
  ['another file beside it', tree(LAYER, 'a.yaml')],
  ['a file of another name', tree('app-1.0.0.tgz')],
  ['a directory of that name', tree(`${LAYER}/a.yaml`)],
])('a tree with %s is one of files', (_, other) => {
  expect(layerIn(other)).toBeUndefined()
})
