import { sha256 } from '../base/hash.ts'
import type { Fact } from './facts.ts'
import { refKey } from './object-ref.ts'

/**
 * Digest over a set of (key, version), in whatever order it comes: equal sets have equal digests.
 * Lines `key version`, ordered by bytes; the hub computes the same in SQL. Persisted: do not change.
 */
export function setDigestOf(entries: Iterable<readonly [key: string, version: string | bigint]>): string {
  const lines = Array.from(entries, ([key, version]) => `${key} ${version}\n`)
  lines.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  return sha256(lines.join(''))
}

/** Which place a downward fact fills: a newer fact of the same key replaces it, and a removal empties it. Persisted: do not change. */
export function factKey(fact: Fact): string {
  switch (fact.kind) {
    case 'desired':
    case 'placed':
      return `${fact.kind} ${refKey(fact.object)}`
    case 'release':
    case 'source-status':
      return `${fact.kind} ${refKey(fact.source)}`
    case 'tenant':
      return `tenant ${fact.tenant}`
    case 'cluster':
      return 'cluster'
    case 'removed':
      return `${fact.fact} ${refKey(fact.object)}`
    default:
      return fact satisfies never
  }
}

/** True when the fact says that its place is empty. */
export function emptiesItsPlace(fact: Fact): boolean {
  return fact.kind === 'removed' || (fact.kind === 'tenant' && fact.removed)
}
