import { formatRef } from '../../proto/model/object-ref.ts'
import type { Action, Change } from './model.ts'

/** The lines of an event: `Kind/ns/name action`, for everything that was changed; empty when nothing was. */
export function describeChanges(changes: readonly Change[]): string {
  return changes
    .filter(({ action }) => CHANGING[action])
    .map(({ ref, action }) => `${formatRef(ref)} ${action}`)
    .join('\n')
}

/** True when the cluster is not as it was before. */
export function hasChanged(changes: readonly Change[]): boolean {
  return changes.some(({ action }) => CHANGING[action])
}

const CHANGING = { created: true, configured: true, deleted: true, unchanged: false, skipped: false } as const satisfies Record<
  Action,
  boolean
>
