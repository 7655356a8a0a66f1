import { canonicalJson } from '../../proto/base/canonical.ts'
import { sha256 } from '../../proto/base/hash.ts'
import { type Read, sight } from '../../proto/kustomize/reads.ts'
import type { TreeReader } from '../../proto/kustomize/tree.ts'

/** True when a build that read this would read the same in `tree`, and so come to the same. */
export function stillValid(reads: readonly Read[], tree: TreeReader): boolean {
  return reads.every(({ op, path, saw }) => sight(tree, op, path) === saw)
}

/** The reads as text, each once, in an order of their own. Persisted: do not change. */
export function encodeReads(reads: readonly Read[]): string {
  const lines = new Map(reads.map(({ op, path, saw }) => [`${op} ${path}`, [op, path, saw]]))
  return canonicalJson([...lines].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, line]) => line))
}

/** Inverse of `encodeReads`; undefined for text that it did not write. */
export function decodeReads(text: string): readonly Read[] | undefined {
  const lines: unknown = JSON.parse(text)
  if (!Array.isArray(lines)) return undefined
  const reads = lines.flatMap((line: unknown) => {
    if (!Array.isArray(line)) return []
    const [op, path, saw]: unknown[] = line
    return (op === 'look' || op === 'list') && typeof path === 'string' && typeof saw === 'string' ? [{ op, path, saw } as const] : []
  })
  return reads.length === lines.length ? reads : undefined
}

export function readsDigest(encoded: string): string {
  return sha256(encoded)
}
