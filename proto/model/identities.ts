import { AGENT_NAMESPACE, PLATFORM_ACCOUNT, PLATFORM_NAMESPACE } from './names.ts'

/** A ServiceAccount of a cluster. */
export interface ServiceAccountRef {
  readonly namespace: string
  readonly name: string
}

/** The user name under which Kubernetes knows the ServiceAccount. */
export function serviceAccountUser({ namespace, name }: ServiceAccountRef): string {
  return `system:serviceaccount:${namespace}:${name}`
}

/** The agent itself: it has almost no rights. Persisted: do not change. */
export const AGENT_IDENTITY: ServiceAccountRef = { namespace: AGENT_NAMESPACE, name: 'flotilla-agent' }
/** As whom objects without an identity of their own are worked on, outside of tenants' namespaces. */
export const PLATFORM_IDENTITY: ServiceAccountRef = { namespace: PLATFORM_NAMESPACE, name: PLATFORM_ACCOUNT }
/** ClusterRole whose RoleBinding in a namespace lets the agent impersonate that namespace's ServiceAccounts. Persisted: do not change. */
export const IMPERSONATE_ROLE = 'flotilla-impersonate'
/** The Lease that the acting agent holds, in the agent's namespace. Persisted: do not change. */
export const AGENT_LEASE = 'flotilla-agent'
/** ConfigMap with the local policy, in the agent's namespace. Persisted: do not change. */
export const POLICY_CONFIG_MAP = 'flotilla-policy'
