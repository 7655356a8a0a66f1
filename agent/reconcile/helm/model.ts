import type { ServiceAccountRef } from '../../../proto/model/identities.ts'
import type { ObjectRef } from '../../../proto/model/object-ref.ts'

/** The one thing to do next with a HelmRelease, as far as it does not take Helm to know. */
export type HelmPlan =
  | { readonly kind: 'finalize'; readonly account: ServiceAccountRef | undefined; readonly why: string }
  | { readonly kind: 'add-finalizer' }
  | { readonly kind: 'suspended' }
  /** Only a change of the object, or of the cluster's policy, can help. */
  | { readonly kind: 'stalled'; readonly reason: string; readonly message: string }
  /** The hub has not spoken about this chart: nothing to say, nothing to do. */
  | { readonly kind: 'waiting' }
  /** Something it needs is not there yet; looked at again when that changes. */
  | { readonly kind: 'not-ready'; readonly reason: 'SourceNotReady' | 'DependencyNotReady'; readonly message: string }
  /** The hub has no chart to give. */
  | { readonly kind: 'no-chart'; readonly reason: 'ArtifactFailed'; readonly message: string }
  | {
      readonly kind: 'release'
      readonly account: ServiceAccountRef
      /** Digest of the chart archive. */
      readonly digest: string
      /** Revision of its source. */
      readonly revision: string
      readonly source: ObjectRef
    }
