import type { HelmRelease } from '../../../proto/model/flux/helm/kinds.ts'
import { FORCE_AT, REQUESTED_AT, RESET_AT } from '../../../proto/model/names.ts'

/** What people ask for with annotations. */
export interface Requests {
  /** A release action, needed or not. */
  readonly forces: boolean
  /** Counters of failures begin anew. */
  readonly resets: boolean
  readonly forceAt?: string
  readonly resetAt?: string
}

/** A token counts once, and only beside a request to reconcile with the same token. Source: Flux, helm-controller. */
export function requestsOf({ metadata, status }: Pick<HelmRelease, 'metadata' | 'status'>): Requests {
  const annotations = metadata.annotations ?? {}
  const requestedAt = annotations[REQUESTED_AT]
  const isNew = requestedAt !== undefined && requestedAt !== status.lastHandledReconcileAt
  const asks = (token: string | undefined, handled: string | undefined) => isNew && token === requestedAt && token !== handled
  const forceAt = annotations[FORCE_AT]
  const resetAt = annotations[RESET_AT]
  return {
    forces: asks(forceAt, status.lastHandledForceAt),
    resets: asks(resetAt, status.lastHandledResetAt),
    ...(forceAt === undefined ? {} : { forceAt }),
    ...(resetAt === undefined ? {} : { resetAt }),
  }
}
