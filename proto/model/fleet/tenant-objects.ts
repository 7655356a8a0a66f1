import { AGENT_IDENTITY, IMPERSONATE_ROLE } from '../identities.ts'
import type { Manifest } from '../manifest.ts'
import { TENANT_LABEL } from '../names.ts'

export interface TenantNamespace {
  readonly tenant: string
  readonly namespace: string
  readonly serviceAccount: string
  readonly clusterRole: string
}

/**
 * What a tenant has in one of its namespaces, in the order to create it: the namespace with its label, the
 * ServiceAccount, its rights, and the agent's right to act as it.
 */
export function tenantObjects({ tenant, namespace, serviceAccount, clusterRole }: TenantNamespace): readonly Manifest[] {
  const labels = { [TENANT_LABEL]: tenant }
  const inNamespace = (name: string) => ({ labels, name, namespace })
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { labels, name: namespace } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: inNamespace(serviceAccount) },
    binding(inNamespace(serviceAccount), clusterRole, { namespace, name: serviceAccount }),
    binding(inNamespace(IMPERSONATE_ROLE), IMPERSONATE_ROLE, AGENT_IDENTITY),
  ]
}

function binding(metadata: Manifest['metadata'], role: string, subject: { readonly namespace: string; readonly name: string }): Manifest {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: [{ kind: 'ServiceAccount', name: subject.name, namespace: subject.namespace }],
  }
}
