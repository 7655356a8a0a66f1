import { canonicalJson } from '../../proto/base/canonical.ts'
import type { ObjectMeta } from '../../proto/model/manifest.ts'
import { FINALIZER } from '../../proto/model/names.ts'

type Members = Readonly<Record<string, unknown>>

/**
 * The JSON merge patch of the status subresource that makes `old` into `next`, or undefined when they are equal: a
 * reconcile with nothing to tell writes nothing. What is gone is null; lists are given whole.
 */
export function statusPatch(old: object, next: object): { readonly status: Members } | undefined {
  const status = difference(old as Members, next as Members)
  return Object.keys(status).length === 0 ? undefined : { status }
}

/** The JSON merge patch that adds or removes Flux's finalizer, or undefined when it is so already. Refused by a newer version. */
export function finalizerPatch(metadata: ObjectMeta, wanted: 'present' | 'absent'): { readonly metadata: Members } | undefined {
  const { finalizers = [], resourceVersion } = metadata
  if (finalizers.includes(FINALIZER) === (wanted === 'present')) return undefined
  const next = wanted === 'present' ? [...finalizers, FINALIZER] : finalizers.filter((name) => name !== FINALIZER)
  return { metadata: { finalizers: next, ...(resourceVersion === undefined ? {} : { resourceVersion }) } }
}

function difference(old: Members, next: Members): Members {
  const out: Record<string, unknown> = {}
  for (const name of Object.keys(old)) if (next[name] === undefined && old[name] !== undefined) out[name] = null
  for (const [name, value] of Object.entries(next)) {
    const before = old[name]
    if (value === undefined || canonicalJson(before ?? null) === canonicalJson(value)) continue
    out[name] = isObject(before) && isObject(value) ? difference(before, value) : value
  }
  return out
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
