import { sha256 } from '../../../proto/base/hash.ts'
import { createTree, type TreeEntry, type TreeReader } from '../../../proto/kustomize/tree.ts'
import { layerIn } from '../layer.ts'
import type { Layers, ReadLayer } from '../ports.ts'
import { ByteCache } from './byte-cache.ts'

export interface LayersOptions {
  readonly read: ReadLayer
  /** Memory for content of files, over all layers. */
  readonly contentBytes?: number
  /** Layers whose lists of files stay in memory. */
  readonly layers?: number
}

/** Layers as trees. What is asked for by several at a time is unpacked once; content that was let go is unpacked again. */
export function createLayers({ contentBytes = 64 << 20, layers: limit = 16, read }: LayersOptions): Layers {
  const contents = new ByteCache(contentBytes)
  const lists = new Map<string, ReturnType<typeof list>>()

  async function list(layer: Uint8Array, signal: AbortSignal): Promise<readonly TreeEntry[] | { readonly problem: string }> {
    const entries: TreeEntry[] = []
    const problem = await read(
      layer,
      (path, content) => {
        const digest = sha256(content)
        entries.push({ path, sha256: digest, size: content.length })
        contents.keep(digest, content)
      },
      signal,
    )
    return problem ?? entries
  }

  async function contentOf(layer: Uint8Array, wanted: string): Promise<Uint8Array> {
    let found: Uint8Array | undefined
    const keep = (_path: string, content: Uint8Array) => {
      const digest = sha256(content)
      contents.keep(digest, content)
      if (digest === wanted) found = content
    }
    await read(layer, keep, new AbortController().signal)
    return found ?? new Uint8Array()
  }

  async function listed(tree: TreeReader, layer: NonNullable<ReturnType<typeof layerIn>>, signal: AbortSignal) {
    const known = lists.get(layer.sha256)
    const unpack = async () => list(await tree.read(layer), signal)
    // Whoever began may have been stopped: that is no failure of this one.
    if (known !== undefined) return known.catch(unpack)
    const mine = unpack()
    lists.set(layer.sha256, mine)
    mine.catch(() => lists.delete(layer.sha256))
    const [oldest] = lists.keys()
    if (lists.size > limit && oldest !== undefined) lists.delete(oldest)
    return mine
  }

  return {
    async unpacked(tree, signal) {
      const layer = layerIn(tree)
      if (!layer) return tree
      const entries = await listed(tree, layer, signal)
      if ('problem' in entries) return entries
      return createTree(entries, ({ sha256: digest }) => contents.get(digest, async () => contentOf(await tree.read(layer), digest)))
    },
  }
}
