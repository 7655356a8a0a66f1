import { canonicalJson } from '../../proto/base/canonical.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { REQUESTED_AT } from '../../proto/model/names.ts'
import type { Change } from './model.ts'

/** What differs between two sightings of an object, in the order of `CHANGE`; empty when only its version does. */
export function changesBetween(old: Manifest | undefined, next: Manifest | undefined): readonly Change[] {
  if (!next) return old ? ['removed'] : []
  if (!old) return next.metadata.deletionTimestamp === undefined ? ['added'] : ['added', 'deleting']
  if (old.metadata.uid !== next.metadata.uid) return ['replaced']
  const found: readonly (readonly [Change, boolean])[] = [
    ['spec', old.metadata.generation !== next.metadata.generation || differ(old.spec, next.spec)],
    ['requested', old.metadata.annotations?.[REQUESTED_AT] !== next.metadata.annotations?.[REQUESTED_AT]],
    ['metadata', differ(told(old), told(next))],
    ['status', differ(old.status, next.status)],
    ['deleting', old.metadata.deletionTimestamp === undefined && next.metadata.deletionTimestamp !== undefined],
  ]
  return found.flatMap(([change, is]) => (is ? [change] : []))
}

/** The parts of metadata that people and controllers write. */
function told({ metadata: { annotations, finalizers, labels, ownerReferences } }: Manifest) {
  return { annotations: annotations ?? {}, finalizers: finalizers ?? [], labels: labels ?? {}, ownerReferences: ownerReferences ?? [] }
}

function differ(a: unknown, b: unknown): boolean {
  return canonicalJson(a ?? null) !== canonicalJson(b ?? null)
}
