import type { TenantFact } from '../../proto/model/facts.ts'
import type { ServiceAccountRef } from '../../proto/model/identities.ts'
import type { LocalPolicy } from '../../proto/model/policy.ts'

/** A tenant as this cluster serves it. */
export type Tenant = Pick<TenantFact, 'tenant' | 'namespaces' | 'clusterRole' | 'serviceAccount'>

/** What decides who acts: the tenants that the hub names, limited by what the cluster's administrator admits. */
export interface Grounds {
  readonly tenants: readonly Tenant[]
  readonly policy: LocalPolicy
  /** Objects outside tenants' namespaces may not refer to other namespaces either: Flux's lockdown flag. */
  readonly noCrossNamespaceRefs: boolean
  /** Account of the object's own namespace that stands in for the platform's: Flux's lockdown flag. */
  readonly defaultServiceAccount?: string
  /** Namespaces that carry a tenant's label, and whose: without that tenant's word nobody acts there, least of all the platform. */
  readonly reserved?: ReadonlyMap<string, string>
}

/** As whom an object's work is done, or why it is not done. */
export type Identity =
  | { readonly kind: 'account'; readonly account: ServiceAccountRef }
  | { readonly kind: 'refused'; readonly reason: 'AccessDenied'; readonly message: string }

/** Whether the agent works in this cluster or only looks on, and which of Flux's lockdown flags bind it. */
export type Adoption =
  | { readonly kind: 'acting'; readonly noCrossNamespaceRefs: boolean; readonly defaultServiceAccount: string | undefined }
  | { readonly kind: 'observing'; readonly why: string }
