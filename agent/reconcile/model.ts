import type { ServiceAccountRef } from '../../proto/model/identities.ts'
import type { FailureReason, StalledReason } from '../mirror/model.ts'

/** The one thing to do next with a Kustomization, and why. */
export type Plan =
  /** It is being deleted: its objects go as its deletion policy says, then the finalizer. */
  | { readonly kind: 'finalize'; readonly account: ServiceAccountRef | undefined; readonly why: string }
  | { readonly kind: 'add-finalizer' }
  | { readonly kind: 'suspended' }
  /** Only a change of the object, or of the cluster's policy, can help. */
  | { readonly kind: 'stalled'; readonly reason: StalledReason; readonly message: string }
  /** The hub has not spoken about these options: nothing to say, nothing to do. */
  | { readonly kind: 'waiting' }
  /** Something it needs is not there yet; looked at again when that changes. */
  | {
      readonly kind: 'not-ready'
      readonly reason: 'ArtifactFailed' | 'DependencyNotReady'
      readonly message: string
      readonly revision?: string
    }
  /** The hub could not build it. */
  | { readonly kind: 'unbuildable'; readonly reason: FailureReason; readonly message: string; readonly revision: string }
  | { readonly kind: 'apply'; readonly account: ServiceAccountRef; readonly digest: string; readonly revision: string }
