/** What the administrator of a cluster decides when the agent is installed there. */
export interface AgentOptions {
  readonly clusterName: string
  readonly hub: {
    /** `host:port` of the hub's door for agents. */
    readonly address: string
    /** The hub's CA, PEM. */
    readonly ca: string
  }
  /** True leaves the platform identity out: nothing is applied but under ServiceAccounts of namespaces named here and of tenants. */
  readonly lockdown: boolean
  /** Namespaces, beside tenants' ones, whose ServiceAccounts the agent may impersonate. */
  readonly namespaces: readonly string[]
  /** ClusterRoles that tenants' ServiceAccounts may be bound to in their namespaces. */
  readonly tenantClusterRoles: readonly string[]
  /** Absent where the agent does not run as a Deployment. */
  readonly workload?: AgentWorkload
}

export interface AgentWorkload {
  readonly image: string
  /** Secret in the agent's namespace with the key `token`; needed until the agent has joined. */
  readonly joinTokenSecret: string
  /** Where desired state outlives a restart; absent means it is lost with the pod. */
  readonly storage?: { readonly size: string; readonly className?: string }
}

export const DEFAULT_TENANT_CLUSTER_ROLES = ['admin', 'edit', 'view'] as const
