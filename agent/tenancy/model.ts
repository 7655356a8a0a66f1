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
}

/** As whom an object's work is done, or why it is not done. */
export type Identity =
  | { readonly kind: 'account'; readonly account: ServiceAccountRef }
  | { readonly kind: 'refused'; readonly reason: 'AccessDenied'; readonly message: string }
