import { PLATFORM_IDENTITY, type ServiceAccountRef } from '../../proto/model/identities.ts'
import { admitsIdentity, admitsNamespace } from '../../proto/model/policy.ts'
import type { Grounds, Identity, Tenant } from './model.ts'

export interface Applicant {
  readonly namespace: string
  /** `spec.serviceAccountName`; sources have none. */
  readonly serviceAccountName: string | undefined
}

/**
 * As whom an object's work is done: the account it names, else its namespace's default. In a tenant's namespace that is
 * the tenant's account, elsewhere the platform's. The local policy has the last word; nothing falls back to the agent's own rights.
 */
export function identify({ namespace, serviceAccountName }: Applicant, grounds: Grounds): Identity {
  const { tenants, policy, reserved } = grounds
  const tenant = tenantOf(namespace, tenants)
  const owner = reserved?.get(namespace)
  if (!tenant && owner !== undefined)
    return refused(`namespace ${namespace} is tenant ${owner}'s, which has no access to this cluster (any more, or yet)`)
  if (!tenant && !admitsNamespace(policy, namespace)) return refused(`namespace ${namespace} is not in the cluster's local policy`)
  const account: ServiceAccountRef = serviceAccountName
    ? { namespace, name: serviceAccountName }
    : tenant
      ? { namespace, name: tenant.serviceAccount }
      : standIn(namespace, grounds)
  if (admitsIdentity(policy, account, tenant?.serviceAccount)) return { kind: 'account', account }
  return refused(
    tenant
      ? `ServiceAccount ${namespace}/${account.name} is not the account of tenant ${tenant.tenant} (${tenant.serviceAccount}), and the cluster's local policy does not list it`
      : `ServiceAccount ${account.namespace}/${account.name} is not in the cluster's local policy; ${serviceAccountName ? 'list it there' : 'set spec.serviceAccountName'}`,
  )
}

/** Why an object may not refer to `target`, or undefined where it may. */
export function refuseReference(from: string, target: string, { tenants, noCrossNamespaceRefs }: Grounds): string | undefined {
  if (from === target) return undefined
  if (tenantOf(from, tenants)) return `cannot refer to namespace ${target}: objects in a tenant's namespace refer to their own`
  if (noCrossNamespaceRefs) return `cannot refer to namespace ${target}: references to other namespaces are disabled in this cluster`
  return undefined
}

export function tenantOf(namespace: string, tenants: readonly Tenant[]): Tenant | undefined {
  return tenants.find(({ namespaces }) => namespaces.includes(namespace))
}

function standIn(namespace: string, { defaultServiceAccount }: Grounds): ServiceAccountRef {
  return defaultServiceAccount === undefined ? PLATFORM_IDENTITY : { namespace, name: defaultServiceAccount }
}

function refused(message: string): Identity {
  return { kind: 'refused', reason: 'AccessDenied', message }
}
