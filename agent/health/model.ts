import type { Health } from '../../proto/model/health.ts'
import type { ObjectRef } from '../../proto/model/object-ref.ts'
import type { AppliedHealth } from '../../proto/model/report.ts'

/** An object whose health somebody waits for. */
export interface Awaited {
  readonly ref: ObjectRef
  readonly apiVersion: string
  /** True when it carries our owner labels, so that a shared watch tells of it. */
  readonly owned: boolean
  /** The label by which the shared watch tells of it; the owner label of Kustomizations where absent. */
  readonly label?: string
  /** Resource version that it was applied as: an older state says nothing. */
  readonly since?: string
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

/** How objects are doing together; `message` names the first one that is to blame. */
export interface Together {
  readonly health: Exclude<AppliedHealth, 'NotAssessed'>
  readonly message: string
}

/** Objects whose health is followed by watches that somebody else holds, until disposed. */
export interface Followed extends Disposable {
  /** Undefined while watches have not told of all of them. */
  together(): Together | undefined
}
