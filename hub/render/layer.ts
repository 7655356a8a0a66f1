import type { TreeReader } from '../../proto/kustomize/tree.ts'

/** Name of a layer that is kept as it is. Persisted: do not change. */
const LAYER = /^sha256:[0-9a-f]{64}\.tgz$/

/** The file in which a tree holds a layer as it was sent; undefined for trees of files. */
export function layerIn(tree: TreeReader): { readonly path: string; readonly sha256: string } | undefined {
  const [name = '', ...others] = tree.list('')
  if (others.length > 0 || !LAYER.test(name)) return undefined
  const found = tree.look(name)
  return found.kind === 'file' ? found : undefined
}
