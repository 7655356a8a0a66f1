import type { Health } from '../../proto/model/health.ts'
import type { ObjectRef } from '../../proto/model/object-ref.ts'

/** An object whose health somebody waits for. */
export interface Awaited {
  readonly ref: ObjectRef
  readonly apiVersion: string
  /** True when it carries our owner labels, so that a shared watch tells of it. */
  readonly owned: boolean
}

export interface ObjectHealth {
  readonly ref: ObjectRef
  readonly health: Health
}

/** How a wait ended. */
export type HealthOutcome =
  | { readonly kind: 'healthy' }
  /** At least one object is Failed; no use in waiting longer. */
  | { readonly kind: 'failed'; readonly objects: readonly ObjectHealth[] }
  | { readonly kind: 'timeout'; readonly objects: readonly ObjectHealth[] }
