import type { FleetError } from '../../proto/base/errors.ts'
import type { ObjectRef } from '../../proto/model/object-ref.ts'

/** What became of an object. Flux's words, as events list them. */
export const ACTIONS = ['created', 'configured', 'unchanged', 'deleted', 'skipped'] as const
export type Action = (typeof ACTIONS)[number]

export interface Change {
  readonly ref: ObjectRef
  /** The version it was applied with, for the inventory. */
  readonly version: string
  readonly action: Action
}

/** What happened, in the order it happened; complete up to the failure, if there was one. */
export interface Applied {
  readonly changes: readonly Change[]
  readonly failure?: FleetError
}
