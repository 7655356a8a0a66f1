import { type ObjectRef, refKey } from '../../proto/model/object-ref.ts'
import type { Holdings, Verdict } from './model.ts'

/**
 * What the hub says that a consumer should be, if it has said so about these very options and this source, and
 * everything that its release covers is here.
 */
export function decide(holdings: Holdings, consumer: { object: ObjectRef; source: ObjectRef; optionsDigest: string }): Verdict {
  const source = refKey(consumer.source)
  const release = holdings.releases.get(source)
  if (!release) return { kind: 'waiting', for: 'release' }
  const fact = holdings.desired.get(refKey(consumer.object))
  if (!fact || fact.optionsDigest !== consumer.optionsDigest || refKey(fact.source) !== source || !holdings.complete.has(source))
    return { kind: 'waiting', for: 'desired' }
  const { revision } = release
  if ('bundle' in fact.content) return { kind: 'bundle', digest: fact.content.bundle, revision }
  return { kind: 'problem', reason: fact.content.problem.reason, message: fact.content.problem.message, revision }
}

/** Digests of all bundles that some held fact names: what must stay on disk. */
export function bundlesOf(holdings: Holdings): ReadonlySet<string> {
  const out = new Set<string>()
  for (const fact of holdings.desired.values()) if ('bundle' in fact.content) out.add(fact.content.bundle)
  return out
}
