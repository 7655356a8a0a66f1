import type { TenantFact } from '../../../proto/model/facts.ts'
import type { ServiceAccountRef } from '../../../proto/model/identities.ts'
import { admitsIdentity } from '../../../proto/model/policy.ts'
import { groundsOf } from '../grounds.ts'
import { type Applicant, identify, refuseReference, tenantOf } from '../identify.ts'
import type { Grounds, Identity } from '../model.ts'
import type { FollowDeps } from './follow.ts'
import { openTenantKeeper, type TenantDeps, type TenantKeeper } from './keep.ts'
import { type LocalRules, openLocalRules } from './local-rules.ts'

export interface AuthorityDeps extends FollowDeps, Pick<TenantDeps, 'as' | 'fluxObjects' | 'told'> {
  readonly tenants: () => Iterable<TenantFact>
  /** Something that decides who acts, or whether anybody does, is not as it was. */
  readonly changed: () => void
}

/** Who may act in this cluster, for whom, and whether the agent acts at all. */
export interface Authority extends AsyncDisposable {
  readonly rules: LocalRules
  /** From now on tenants are set up and taken away: what is there of Flux objects is known. */
  begin(): void
  /** @param leaving  true for an object that is being deleted */
  identify(applicant: Applicant, leaving: boolean): Identity
  refuseReference(from: string, target: string): string | undefined
  /** Why nobody may act as this account through the hub. */
  refuseCaller(account: ServiceAccountRef): string | undefined
  /** Tenants, or what they have in the cluster, may not be as they should. */
  tenantsChanged(): void
  /** A Flux object of this namespace is gone. */
  objectGone(namespace: string): void
}

export function openAuthority(deps: AuthorityDeps): Authority {
  let keeper: TenantKeeper | undefined
  let cached: { readonly staying: Grounds; readonly leaving: Grounds } | undefined
  const changed = () => {
    cached = undefined
    keeper?.wake()
    deps.changed()
  }
  const rules = openLocalRules(deps, changed)
  const grounds = () => {
    if (cached) return cached
    const given = { tenants: [...deps.tenants()], policy: rules.policy(), adoption: rules.adoption(), labelled: rules.reserved() }
    cached = { staying: groundsOf({ ...given, leaving: false }), leaving: groundsOf({ ...given, leaving: true }) }
    return cached
  }
  return {
    rules,
    begin() {
      keeper ??= openTenantKeeper({ ...deps, adoption: () => rules.adoption() })
    },
    identify: (applicant, leaving) => identify(applicant, leaving ? grounds().leaving : grounds().staying),
    refuseReference: (from, target) => refuseReference(from, target, grounds().staying),
    refuseCaller(account) {
      const { policy, reserved, tenants } = grounds().staying
      const tenant = tenantOf(account.namespace, tenants)
      if (!tenant && reserved?.has(account.namespace)) return `the tenant of namespace ${account.namespace} has no access to this cluster`
      if (admitsIdentity(policy, account, tenant?.serviceAccount)) return undefined
      return `ServiceAccount ${account.namespace}/${account.name} is not in the cluster's local policy`
    },
    tenantsChanged: changed,
    objectGone: (namespace) => keeper?.objectGone(namespace),
    async [Symbol.asyncDispose]() {
      await keeper?.[Symbol.asyncDispose]()
      await rules[Symbol.asyncDispose]()
    },
  }
}
