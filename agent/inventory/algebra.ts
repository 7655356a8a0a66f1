import { refKey } from '../../proto/model/object-ref.ts'
import type { Item } from './model.ts'

/** Items of `old` that are not in `now`, whatever their version: what a prune looks at. */
export function stale(old: readonly Item[], now: readonly Item[]): readonly Item[] {
  const kept = new Set(now.map(({ ref }) => refKey(ref)))
  return old.filter(({ ref }) => !kept.has(refKey(ref)))
}

/** All items of both, each object once; where both have it, `now`'s version. */
export function union(old: readonly Item[], now: readonly Item[]): readonly Item[] {
  return [...now, ...stale(old, now)]
}
