/** What a token may do: everything, everything but administration, or read. */
export const ROLES = ['admin', 'editor', 'viewer'] as const
export type Role = (typeof ROLES)[number]

/** Who asks. Bound to a tenant, they see and change what is the tenant's and nothing else. */
export interface Subject {
  readonly name: string
  readonly role: Role
  readonly tenant?: string | undefined
  /** What may be asked of Rollouts; what the role may where absent. */
  readonly verbs?: readonly Action[] | undefined
}

/** What is asked of an object beyond reading and writing it, each a right of its own. */
export const ACTIONS = ['approve', 'pause', 'resume', 'promote', 'skip', 'rollback'] as const
export type Action = (typeof ACTIONS)[number]

export const VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', ...ACTIONS] as const
export type Verb = (typeof VERBS)[number]

export interface Access {
  readonly verb: Verb
  readonly kind: string
  /** Whose the thing is: the tenant of its namespace, or the Tenant itself; absent where it is nobody's. */
  readonly tenant?: string | undefined
  /** The cluster in which it is, with the tenants that the cluster serves. */
  readonly cluster?: { readonly name: string; readonly tenants: readonly string[] } | undefined
}

/** A token as people may see it. */
export interface ApiToken {
  readonly id: string
  readonly name: string
  readonly role: Role
  readonly tenant: string | undefined
  readonly verbs: readonly Action[] | undefined
  readonly createdAt: Date
  readonly createdBy: string
  readonly expiresAt: Date | undefined
  readonly revokedAt: Date | undefined
}

export interface NewToken {
  readonly name: string
  readonly role: Role
  readonly tenant?: string | undefined
  readonly verbs?: readonly Action[] | undefined
  readonly lifeMs?: number | undefined
  readonly createdBy: string
}

/** Whose a namespace is, and from where its sources may come. */
export interface NamespaceTenant {
  readonly tenant: string
  /** `spec.sources.hosts`; undefined for every public one. */
  readonly hosts: readonly string[] | undefined
}

/** A cluster that a tenant may use, and as whom. */
export interface TenantCluster {
  readonly id: string
  readonly name: string
  readonly serviceAccount: string
}
