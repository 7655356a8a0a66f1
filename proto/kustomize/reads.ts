import { sha256 } from '../base/hash.ts'
import type { Found, TreeReader } from './tree.ts'

/** One look at a tree and what was seen, misses included. A build with equal reads in another tree has an equal result. */
export interface Read {
  readonly op: 'look' | 'list'
  readonly path: string
  readonly saw: string
}

/** What looking at or listing `path` shows, as text that is equal for equal sights. Persisted: do not change. */
export function sight(tree: TreeReader, op: Read['op'], path: string): string {
  return op === 'look' ? sightOf(path, tree.look(path)) : sightOfList(tree.list(path))
}

export function sightOf(path: string, found: Found): string {
  if (found.kind === 'missing' || found.kind === 'refused') return found.kind
  const elsewhere = found.path === path ? '' : ` ${found.path}`
  return found.kind === 'file' ? `file ${found.sha256}${elsewhere}` : `directory${elsewhere}`
}

export function sightOfList(names: readonly string[]): string {
  return sha256(names.join('\n'))
}
