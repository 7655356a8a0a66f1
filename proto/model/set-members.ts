import { sha256 } from '../base/hash.ts'
import type { ObjectRef } from './object-ref.ts'

/** What one consumer of a source object should hold: a bundle, or a problem instead. */
export interface SetMember {
  readonly object: ObjectRef
  /** Bundle digest, or what `problemContent` makes of a problem. */
  readonly content: string
}

/**
 * Digest over what all consumers of a source object hold: the hub writes it into the Release, the agent computes the
 * same over what it has. Lines `kind namespace name content`, ordered by bytes; the hub's half is SQL. Persisted: do not change.
 */
export function setDigest(members: readonly SetMember[]): string {
  const lines = members.map(({ object, content }) => `${object.kind} ${object.namespace} ${object.name} ${content}\n`)
  lines.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  return sha256(lines.join(''))
}

/** How a problem stands in a set: by reason and message, so that another problem is another set. */
export function problemContent(problem: { readonly reason: string; readonly message: string }): string {
  return `problem:${sha256(`${problem.reason}\n${problem.message}`).slice('sha256:'.length)}`
}
