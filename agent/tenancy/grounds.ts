import type { TenantFact } from '../../proto/model/facts.ts'
import type { LocalPolicy } from '../../proto/model/policy.ts'
import type { Adoption, Grounds } from './model.ts'

export interface GroundsInput {
  readonly tenants: Iterable<TenantFact>
  readonly policy: LocalPolicy
  readonly adoption: Adoption
  /** Namespaces that carry a tenant's label, and whose. */
  readonly labelled: ReadonlyMap<string, string>
  /** True for an object that is being deleted: then also a removed tenant's account acts once more. */
  readonly leaving: boolean
}

/**
 * What decides who acts for an object.
 *
 * A namespace is a tenant's only where the hub says so and the namespace itself does; where just one of them does,
 * nobody acts, so that neither a forgotten tenant nor a hub taken over makes tenants' work the platform's.
 */
export function groundsOf({ tenants, policy, adoption, labelled, leaving }: GroundsInput): Grounds {
  const known = [...tenants]
  const serving = known
    .filter(({ removed }) => leaving || !removed)
    .map((one) => ({ ...one, namespaces: one.namespaces.filter((namespace) => labelled.get(namespace) === one.tenant) }))
  const named = known.flatMap(({ tenant, namespaces, removed }) =>
    removed ? [] : namespaces.map((namespace) => [namespace, tenant] as const),
  )
  return {
    tenants: serving,
    policy,
    noCrossNamespaceRefs: adoption.kind === 'acting' && adoption.noCrossNamespaceRefs,
    ...(adoption.kind === 'acting' && adoption.defaultServiceAccount ? { defaultServiceAccount: adoption.defaultServiceAccount } : {}),
    reserved: new Map([...named, ...labelled]),
  }
}
