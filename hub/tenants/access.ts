import { type ClusterChoice, choosesCluster } from '../../proto/model/fleet/clusters.ts'
import { PLATFORM_TENANT } from '../../proto/model/names.ts'

export interface TenantFacts {
  readonly name: string
  readonly uid: string
  readonly generation: number
  readonly namespaces: readonly string[]
  readonly sources?: { readonly hosts?: readonly string[] }
  readonly clusterRole: string
  readonly serviceAccount: string
  readonly clusters: ClusterChoice
}

export interface ClusterFacts {
  readonly id: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
}

/** What a cluster is told of a tenant that it serves. */
export interface WantedAccess {
  readonly clusterId: string
  readonly tenant: string
  readonly namespaces: readonly string[]
  readonly clusterRole: string
  readonly serviceAccount: string
}

/**
 * Which clusters serve which tenants. Not the platform: its identity is the cluster administrator's to give, at install
 * time, and never the hub's.
 */
export function wantedAccess(tenants: readonly TenantFacts[], clusters: readonly ClusterFacts[]): readonly WantedAccess[] {
  return tenants
    .filter(({ name }) => name !== PLATFORM_TENANT)
    .flatMap((tenant) =>
      clusters
        .filter((cluster) => choosesCluster(tenant.clusters, cluster))
        .map(({ id }) => ({
          clusterId: id,
          tenant: tenant.name,
          namespaces: [...tenant.namespaces].sort(),
          clusterRole: tenant.clusterRole,
          serviceAccount: tenant.serviceAccount,
        })),
    )
}

/** Namespaces that no tenant but the platform may have: what runs there is not a tenant's to change. */
export function reservedNamespaces(tenant: string, namespaces: readonly string[]): readonly string[] {
  if (tenant === PLATFORM_TENANT) return []
  return namespaces.filter((name) => /^(flux-system|flotilla-system|default|kube-.*)$/.test(name))
}
