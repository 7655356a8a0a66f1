import type { ClusterFacts, TenantFacts, WantedAccess } from './access.ts'
import type { ApiToken, NamespaceTenant, Subject, TenantCluster } from './model.ts'
import type { Standing } from './standing.ts'

export interface TokenStore {
  insert(
    token: { readonly hash: string; readonly lifeMs: number | undefined } & Omit<ApiToken, 'createdAt' | 'expiresAt' | 'revokedAt'>,
  ): Promise<ApiToken>
  /** The first token of a hub; undefined when there is one already, whoever was faster. */
  insertFirst(token: { readonly id: string; readonly hash: string; readonly name: string }): Promise<ApiToken | undefined>
  /** Who holds an unexpired, unrevoked token of this id and hash. */
  subject(id: string, hash: string): Promise<Subject | undefined>
  list(): Promise<readonly ApiToken[]>
  /** @returns undefined when there is no such token */
  revoke(id: string): Promise<ApiToken | undefined>
}

export interface TenantStore {
  tenantOf(namespace: string): Promise<string | undefined>
  /** The namespaces among these that are a tenant's. */
  tenantsOfNamespaces(namespaces: readonly string[]): Promise<ReadonlyMap<string, NamespaceTenant>>
  namespacesOf(tenant: string): Promise<readonly string[]>
  clustersOf(tenant: string): Promise<readonly TenantCluster[]>
  tenantsOf(cluster: string): Promise<readonly string[]>
  /** Takes the namespaces for the tenant, and gives up those that it no longer names. @returns those that are another's */
  claim(tenant: string, namespaces: readonly string[]): Promise<readonly { readonly namespace: string; readonly tenant: string }[]>
  /**
   * Brings namespaces and access in line with tenants and clusters, in one transaction under a lock.
   * @returns clusters with news
   */
  settle(
    wanted: (tenants: readonly TenantFacts[], clusters: readonly ClusterFacts[]) => readonly WantedAccess[],
  ): Promise<readonly string[]>
}

export interface StandingStore {
  /** Undefined for a tenant that is not settled yet, or is no more. */
  read(tenant: string): Promise<Standing | undefined>
  /** Tenants whose status says something else than the rows. */
  stale(): Promise<readonly string[]>
}
