import { FLEET_GROUP } from '../../../proto/model/names.ts'
import type { Db, Sql } from '../../db/db.ts'
import type { ClusterFacts, TenantFacts, WantedAccess } from '../access.ts'
import type { NamespaceTenant, TenantCluster } from '../model.ts'
import type { TenantStore } from '../ports.ts'

/** One replica at a time decides what is whose. Persisted: do not change. */
const TENANTS_LOCK = 7_201_733_554_120_403n

/** `TenantStore` over Postgres. */
export function createTenantStore(db: Db): TenantStore {
  const names = async (text: string, value: string) => (await db.query<{ name: string }>(text, [value])).rows.map(({ name }) => name)

  return {
    async tenantOf(namespace) {
      return (await names('select tenant as name from tenant_namespaces where namespace = $1', namespace))[0]
    },
    tenantsOfNamespaces: (namespaces) => readOwners(db, namespaces),
    namespacesOf: (tenant) => names('select namespace as name from tenant_namespaces where tenant = $1 order by 1', tenant),
    tenantsOf: (cluster) =>
      names(
        'select a.tenant as name from tenant_access a join clusters c on c.id = a.cluster_id where c.name = $1 and not a.removed',
        cluster,
      ),

    async clustersOf(tenant) {
      const { rows } = await db.query<TenantCluster>(
        `select c.id, c.name, a.service_account as "serviceAccount" from tenant_access a join clusters c on c.id = a.cluster_id
          where a.tenant = $1 and not a.removed order by c.name`,
        [tenant],
      )
      return rows
    },

    claim: (tenant, namespaces) =>
      db.transaction(async (tx) => {
        await tx.query('select pg_advisory_xact_lock($1)', [TENANTS_LOCK])
        const taken = await tx.query<{ namespace: string; tenant: string }>(
          'select namespace, tenant from tenant_namespaces where namespace = any($1::text[]) and tenant <> $2',
          [namespaces, tenant],
        )
        if (taken.rowCount > 0) return taken.rows
        await tx.query(reviewed('delete from tenant_namespaces where tenant = $1 and namespace <> all($2::text[]) returning namespace'), [
          tenant,
          namespaces,
        ])
        await tx.query(
          reviewed(
            'insert into tenant_namespaces (tenant, namespace) select $1, unnest($2::text[]) on conflict do nothing returning namespace',
          ),
          [tenant, namespaces],
        )
        return []
      }),

    settle: (wanted) =>
      db.transaction(async (tx) => {
        await tx.query('select pg_advisory_xact_lock($1)', [TENANTS_LOCK])
        const tenants = await readTenants(tx)
        await settleNamespaces(tx, tenants)
        const clusters = await settleAccess(tx, wanted(tenants, await readClusters(tx)))
        await markSettled(tx, tenants)
        return clusters
      }),
  }
}

async function readOwners(sql: Sql, namespaces: readonly string[]): Promise<ReadonlyMap<string, NamespaceTenant>> {
  if (namespaces.length === 0) return new Map()
  const { rows } = await sql.query<{ namespace: string; tenant: string; hosts: string[] | null }>(
    'select namespace, tenant, hosts from tenant_namespaces where namespace = any($1::text[])',
    [namespaces],
  )
  return new Map(rows.map(({ namespace, tenant, hosts }) => [namespace, { tenant, hosts: hosts ?? undefined }]))
}

async function readTenants(tx: Sql): Promise<readonly TenantFacts[]> {
  const { rows } = await tx.query<{ name: string; uid: string; generation: bigint; spec: Omit<TenantFacts, 'name'> }>(
    `select name, uid, generation, spec from objects where scope = 'fleet' and grp = $1 and kind = 'Tenant' order by created_at, name`,
    [FLEET_GROUP],
  )
  return rows.map(({ name, uid, generation, spec }) => ({ ...spec, name, uid, generation: Number(generation) }))
}

async function readClusters(tx: Sql): Promise<readonly ClusterFacts[]> {
  const { rows } = await tx.query<ClusterFacts>(
    `select c.id, c.name, coalesce(o.labels, '{}') as labels from clusters c
       left join objects o on o.scope = 'fleet' and o.grp = $1 and o.kind = 'Cluster' and o.namespace = '' and o.name = c.name
      where c.approved_at is not null`,
    [FLEET_GROUP],
  )
  return rows
}

/** The oldest tenant keeps a namespace that two name. */
async function settleNamespaces(tx: Sql, tenants: readonly TenantFacts[]): Promise<void> {
  const wanted = tenants.flatMap(({ name, namespaces, sources }) =>
    namespaces.map((namespace) => ({ name, namespace, hosts: sources?.hosts })),
  )
  const pairs = [wanted.map(({ namespace }) => namespace), wanted.map(({ name }) => name)]
  await tx.query(
    reviewed(`delete from tenant_namespaces t where not exists (
       select from unnest($1::text[], $2::text[]) as w(namespace, tenant) where w.namespace = t.namespace and w.tenant = t.tenant)
       returning namespace`),
    pairs,
  )
  await tx.query(reviewed(WRITE_NAMESPACES), [...pairs, wanted.map(({ hosts }) => (hosts ? `{${hosts.join(',')}}` : null))])
}

const WRITE_NAMESPACES = `
  insert into tenant_namespaces as t (namespace, tenant, hosts)
  select distinct on (w.namespace) w.namespace, w.tenant, w.hosts::text[]
  from unnest($1::text[], $2::text[], $3::text[]) with ordinality as w(namespace, tenant, hosts, place)
  left join tenant_namespaces h on h.namespace = w.namespace and h.tenant = w.tenant
  order by w.namespace, h.tenant is null, w.place
  on conflict (namespace) do update set hosts = excluded.hosts where t.tenant = excluded.tenant and t.hosts is distinct from excluded.hosts
  returning namespace`

/** The statement, and a note that what fetches sources is to look at the namespaces that it returns. */
function reviewed(statement: string): string {
  return `with touched as (${statement}) insert into source_reviews (namespace) select namespace from touched on conflict do nothing`
}

/** Says of each Tenant which of its generations the rows stand for. */
async function markSettled(tx: Sql, tenants: readonly TenantFacts[]): Promise<void> {
  const columns = [tenants.map(({ name }) => name), tenants.map(({ uid }) => uid), tenants.map(({ generation }) => generation)]
  await tx.query('delete from settled_tenants where tenant <> all($1::text[])', [columns[0]])
  await tx.query(
    `insert into settled_tenants as t select * from unnest($1::text[], $2::text[], $3::bigint[])
     on conflict (tenant) do update set uid = excluded.uid, generation = excluded.generation
     where (t.uid, t.generation) <> (excluded.uid, excluded.generation)`,
    columns,
  )
}

/** Rows that differ take their number from the heads, which are locked in the order of their ids. */
async function settleAccess(tx: Sql, wanted: readonly WantedAccess[]): Promise<readonly string[]> {
  const values = [
    wanted.map(({ clusterId }) => clusterId),
    wanted.map(({ tenant }) => tenant),
    wanted.map(({ namespaces }) => `{${namespaces.join(',')}}`),
    wanted.map(({ clusterRole }) => clusterRole),
    wanted.map(({ serviceAccount }) => serviceAccount),
  ]
  await tx.query(
    `select h.cluster_id from cluster_heads h where h.cluster_id in (select cluster_id from (${DIFFERENT}) d) order by 1 for update`,
    values,
  )
  const { rows } = await tx.query<{ cluster_id: string }>(WRITE, values)
  return [...new Set(rows.map((row) => row.cluster_id))]
}

const DIFFERENT = `select coalesce(w.cluster_id, a.cluster_id) as cluster_id, coalesce(w.tenant, a.tenant) as tenant,
    coalesce(w.namespaces::text[], a.namespaces) as namespaces, coalesce(w.cluster_role, a.cluster_role) as cluster_role,
    coalesce(w.service_account, a.service_account) as service_account, w.tenant is null as removed
  from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
      as w(cluster_id, tenant, namespaces, cluster_role, service_account)
    full join tenant_access a on a.cluster_id = w.cluster_id and a.tenant = w.tenant
  where case when w.tenant is null then not a.removed
    else (a.tenant is null or a.removed
      or (a.namespaces, a.cluster_role, a.service_account) <> (w.namespaces::text[], w.cluster_role, w.service_account)) end`

const WRITE = `with d as (select *, row_number() over (partition by cluster_id order by tenant) as place from (${DIFFERENT}) x),
  heads as (
    update cluster_heads h set counter = counter + n.count
      from (select cluster_id, count(*) as count from d group by cluster_id) n where n.cluster_id = h.cluster_id
    returning h.cluster_id, h.counter - n.count as start)
  insert into tenant_access as t (cluster_id, tenant, namespaces, cluster_role, service_account, removed, position)
  select d.cluster_id, d.tenant, d.namespaces, d.cluster_role, d.service_account, d.removed, heads.start + d.place
    from d join heads using (cluster_id)
  on conflict (cluster_id, tenant) do update set namespaces = excluded.namespaces, cluster_role = excluded.cluster_role,
    service_account = excluded.service_account, removed = excluded.removed, position = excluded.position,
    setup = null, setup_problem = null
  returning t.cluster_id`
