import type { ManagedField, Manifest } from '../../proto/model/manifest.ts'
import { PLACEMENT_ANNOTATION, PLACEMENT_MANAGER } from '../../proto/model/names.ts'

/**
 * True when everything that the manifest says holds of the live object. What it does not say is others': defaults,
 * status, or a person who suspends the object.
 */
export function isInPlace(live: Manifest, { metadata, spec }: Manifest): boolean {
  const { annotations, labels } = live.metadata
  return contains(annotations, metadata.annotations) && contains(labels, metadata.labels) && contains(live.spec, spec)
}

/** The Placement that made the object, as `namespace/name`; empty where an object says that none did. */
export function placedBy({ metadata }: Manifest): string {
  return metadata.annotations?.[PLACEMENT_ANNOTATION] ?? ''
}

/** True where some fields of the object were set by a Placement, whatever became of its annotation. */
export function bearsOurHand(managedFields: readonly ManagedField[]): boolean {
  return managedFields.some(({ manager, operation }) => manager === PLACEMENT_MANAGER && operation === 'Apply')
}

function contains(live: unknown, wanted: unknown): boolean {
  if (wanted === undefined || wanted === null) return true
  if (typeof wanted !== 'object') return live === wanted
  if (typeof live !== 'object' || live === null) return isEmpty(wanted) && (live === undefined || live === null)
  if (Array.isArray(wanted))
    return Array.isArray(live) && live.length === wanted.length && wanted.every((one, at) => contains(live[at], one))
  return Object.entries(wanted).every(([key, inner]) => contains((live as Record<string, unknown>)[key], inner))
}

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0
}
