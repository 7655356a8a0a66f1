import { FLUX_KINDS } from '../../proto/model/flux/kinds.ts'
import { AGENT_IDENTITY, AGENT_LEASE, IMPERSONATE_ROLE, POLICY_CONFIG_MAP, type ServiceAccountRef } from '../../proto/model/identities.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { AGENT_NAMESPACE, PLATFORM_NAMESPACE } from '../../proto/model/names.ts'
import type { AgentOptions } from './options.ts'

const RBAC_GROUP = 'rbac.authorization.k8s.io'

interface PolicyRule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly verbs: readonly string[]
}

/** The agent's own rights: Flux objects, events, tenants' namespaces; no secrets, no workloads, no wildcard. */
export function agentRbac({ tenantClusterRoles }: AgentOptions): readonly Manifest[] {
  const lease = { apiGroups: ['coordination.k8s.io'], resources: ['leases'] }
  return [
    clusterRole('flotilla-agent', agentRules(tenantClusterRoles)),
    binding({ kind: 'ClusterRoleBinding', name: 'flotilla-agent', role: 'flotilla-agent', subject: AGENT_IDENTITY }),
    clusterRole(IMPERSONATE_ROLE, [{ apiGroups: [''], resources: ['serviceaccounts'], verbs: ['impersonate'] }]),
    role({ name: 'flotilla-agent', namespace: AGENT_NAMESPACE }, [
      { ...lease, verbs: ['create'] },
      { ...lease, resourceNames: [AGENT_LEASE], verbs: ['get', 'list', 'watch', 'update', 'patch'] },
      { apiGroups: [''], resources: ['configmaps'], resourceNames: [POLICY_CONFIG_MAP], verbs: ['get', 'list', 'watch'] },
    ]),
    roleBinding({ name: 'flotilla-agent', namespace: AGENT_NAMESPACE }, { kind: 'Role', name: 'flotilla-agent' }),
    role({ name: 'flotilla-agent', namespace: PLATFORM_NAMESPACE }, [
      { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'list', 'watch'] },
    ]),
    roleBinding({ name: 'flotilla-agent', namespace: PLATFORM_NAMESPACE }, { kind: 'Role', name: 'flotilla-agent' }),
  ]
}

/** Lets the agent impersonate the ServiceAccounts of one namespace. */
export function impersonationBinding(namespace: string): Manifest {
  return roleBinding({ name: IMPERSONATE_ROLE, namespace }, { kind: 'ClusterRole', name: IMPERSONATE_ROLE })
}

/** Gives the platform identity the rights that Flux's own controllers have. */
export function platformBinding(identity: ServiceAccountRef): Manifest {
  return binding({ kind: 'ClusterRoleBinding', name: 'flotilla-platform', role: 'cluster-admin', subject: identity })
}

/** Roles that let whoever may edit or view a namespace edit or view its Flux objects. */
export function fluxRoles(): readonly Manifest[] {
  const aggregate = (to: readonly string[]) => Object.fromEntries(to.map((name) => [`${RBAC_GROUP}/aggregate-to-${name}`, 'true']))
  const rules = (verbs: readonly string[]) => fluxResources('').map((resources) => ({ ...resources, verbs }))
  return [
    clusterRole('flux-edit', rules(['create', 'delete', 'deletecollection', 'patch', 'update']), aggregate(['admin', 'edit'])),
    clusterRole('flux-view', rules(['get', 'list', 'watch']), aggregate(['admin', 'edit', 'view'])),
  ]
}

function agentRules(tenantClusterRoles: readonly string[]): readonly PolicyRule[] {
  return [
    ...fluxResources('').map((resources) => ({ ...resources, verbs: ['get', 'list', 'watch', 'patch'] })),
    ...fluxResources('/status').map((resources) => ({ ...resources, verbs: ['get', 'patch', 'update'] })),
    { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
    { apiGroups: [''], resources: ['nodes'], verbs: ['list'] },
    { apiGroups: [''], resources: ['namespaces'], verbs: ['get', 'list', 'watch', 'create'] },
    { apiGroups: [''], resources: ['serviceaccounts'], verbs: ['get', 'create'] },
    { apiGroups: [RBAC_GROUP], resources: ['rolebindings'], verbs: ['get', 'list', 'create', 'delete'] },
    { apiGroups: [RBAC_GROUP], resources: ['clusterroles'], resourceNames: [IMPERSONATE_ROLE, ...tenantClusterRoles], verbs: ['bind'] },
  ]
}

function fluxResources(subresource: string): readonly Pick<PolicyRule, 'apiGroups' | 'resources'>[] {
  const groups = Map.groupBy(
    FLUX_KINDS.filter(({ status }) => subresource === '' || status !== undefined),
    ({ group }) => group,
  )
  return [...groups].map(([group, kinds]) => ({ apiGroups: [group], resources: kinds.map(({ plural }) => `${plural}${subresource}`) }))
}

function clusterRole(name: string, rules: readonly PolicyRule[], labels?: Readonly<Record<string, string>>): Manifest {
  return { apiVersion: `${RBAC_GROUP}/v1`, kind: 'ClusterRole', metadata: { name, ...(labels ? { labels } : {}) }, rules }
}

function role(metadata: { readonly name: string; readonly namespace: string }, rules: readonly PolicyRule[]): Manifest {
  return { apiVersion: `${RBAC_GROUP}/v1`, kind: 'Role', metadata, rules }
}

function roleBinding(
  { name, namespace }: { readonly name: string; readonly namespace: string },
  to: { readonly kind: 'Role' | 'ClusterRole'; readonly name: string },
): Manifest {
  return {
    ...binding({ kind: 'RoleBinding', name, role: to.name, subject: AGENT_IDENTITY }),
    metadata: { name, namespace },
    roleRef: { apiGroup: RBAC_GROUP, kind: to.kind, name: to.name },
  }
}

interface Binding {
  readonly kind: 'RoleBinding' | 'ClusterRoleBinding'
  readonly name: string
  readonly role: string
  readonly subject: ServiceAccountRef
}

function binding({ kind, name, role: to, subject }: Binding): Manifest {
  return {
    apiVersion: `${RBAC_GROUP}/v1`,
    kind,
    metadata: { name },
    roleRef: { apiGroup: RBAC_GROUP, kind: 'ClusterRole', name: to },
    subjects: [{ kind: 'ServiceAccount', name: subject.name, namespace: subject.namespace }],
  }
}
