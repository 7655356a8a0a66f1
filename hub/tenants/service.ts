import { FleetError } from '../../proto/base/errors.ts'
import { sha256 } from '../../proto/base/hash.ts'
import type { Random } from '../../proto/base/random.ts'
import { Secret } from '../../proto/base/secret.ts'
import { reservedNamespaces, wantedAccess } from './access.ts'
import { may } from './authorize.ts'
import type { Access, ApiToken, NamespaceTenant, NewToken, Subject, TenantCluster } from './model.ts'
import type { TenantStore, TokenStore } from './ports.ts'
import { tokenId, tokenText } from './token.ts'

/** Who people and tools are, what is whose, and which clusters serve whom. */
export interface TenantService {
  may(subject: Subject, access: Access): boolean
  /** Who a bearer token stands for; undefined when it stands for nobody. */
  authenticate(token: string): Promise<Subject | undefined>
  createToken(wanted: NewToken): Promise<{ readonly token: ApiToken; readonly text: Secret }>
  listTokens(): Promise<readonly ApiToken[]>
  /** @throws `not-found` */
  revokeToken(id: string): Promise<ApiToken>
  /** The administrator's token of a hub that has none; undefined when it has. */
  firstToken(): Promise<Secret | undefined>
  tenantOf(namespace: string): Promise<string | undefined>
  /** The namespaces among these that are a tenant's. */
  tenantsOfNamespaces(namespaces: readonly string[]): Promise<ReadonlyMap<string, NamespaceTenant>>
  namespacesOf(tenant: string): Promise<readonly string[]>
  clustersOf(tenant: string): Promise<readonly TenantCluster[]>
  /** Tenants that the cluster of this name serves. */
  tenantsOf(cluster: string): Promise<readonly string[]>
  /** Takes namespaces for a tenant, before it is written. @throws `conflict` when one is another's, `forbidden` when reserved */
  claim(tenant: string, namespaces: readonly string[]): Promise<void>
  /** Tells clusters which tenants they serve, after a Tenant or a Cluster has changed. Repeatable. */
  settle(): Promise<void>
}

export function createTenantService(deps: {
  readonly tokens: TokenStore
  readonly tenants: TenantStore
  readonly random: Random
  readonly hint: (clusters: readonly string[]) => Promise<void>
  /** Told after each settling: status and sources of tenants follow from what it wrote. */
  readonly settled?: () => void
}): TenantService {
  const { tokens, tenants, random, hint } = deps

  function fresh() {
    const id = random.hex(6)
    const text = tokenText(id, random.hex(32))
    return { id, text, hash: sha256(text) }
  }

  return {
    may,

    async authenticate(token) {
      const id = tokenId(token)
      return id === undefined ? undefined : tokens.subject(id, sha256(token))
    },

    async createToken({ createdBy, lifeMs, name, role, tenant, verbs }) {
      const { id, text, hash } = fresh()
      return { token: await tokens.insert({ id, hash, name, role, tenant, verbs, lifeMs, createdBy }), text: new Secret(text) }
    },

    listTokens: () => tokens.list(),

    async revokeToken(id) {
      const token = await tokens.revoke(id)
      if (!token) throw new FleetError('not-found', `token ${id} not found`)
      return token
    },

    async firstToken() {
      const { id, text, hash } = fresh()
      return (await tokens.insertFirst({ id, hash, name: 'admin' })) ? new Secret(text) : undefined
    },

    tenantOf: (namespace) => tenants.tenantOf(namespace),
    tenantsOfNamespaces: (namespaces) => tenants.tenantsOfNamespaces(namespaces),
    namespacesOf: (tenant) => tenants.namespacesOf(tenant),
    clustersOf: (tenant) => tenants.clustersOf(tenant),
    tenantsOf: (cluster) => tenants.tenantsOf(cluster),

    async claim(tenant, namespaces) {
      const [reserved] = reservedNamespaces(tenant, namespaces)
      if (reserved) throw new FleetError('forbidden', `tenant ${tenant}: namespace ${reserved} belongs to the platform; choose another`)
      const [taken] = await tenants.claim(tenant, namespaces)
      if (taken) throw new FleetError('conflict', `tenant ${tenant}: namespace ${taken.namespace} belongs to tenant ${taken.tenant}`)
    },

    async settle() {
      const clusters = await tenants.settle(wantedAccess)
      if (clusters.length > 0) await hint(clusters)
      deps.settled?.()
    },
  }
}
