import { FLEET_GROUP } from '../../../proto/model/names.ts'
import type { Sql } from '../../db/db.ts'
import type { StandingStore } from '../ports.ts'
import type { Standing } from '../standing.ts'

/** A cluster that has had a session has been there. */
const COUNTS = `count(*)::int as allowed, count(*) filter (where a.setup = 'ready')::int as ready,
  count(*) filter (where a.setup = 'failed')::int as failed,
  count(*) filter (where a.setup is null and s.cluster_id is not null)::int as waiting`

const READ = `
  select t.tenant, t.generation::int as generation, n.allowed, n.ready, n.failed, n.waiting, coalesce(p.problems, '[]') as problems
  from settled_tenants t,
  lateral (
    select ${COUNTS} from tenant_access a left join sessions s on s.cluster_id = a.cluster_id where a.tenant = t.tenant and not a.removed) n,
  lateral (
    select jsonb_agg(jsonb_build_object('cluster', f.name, 'message', f.setup_problem) order by f.name) as problems
    from (
      select c.name, a.setup_problem from tenant_access a join clusters c on c.id = a.cluster_id
      where a.tenant = t.tenant and not a.removed and a.setup = 'failed' order by c.name limit 10) f) p
  where t.tenant = $1`

const STALE = `
  with counted as (
    select a.tenant, ${COUNTS} from tenant_access a left join sessions s on s.cluster_id = a.cluster_id where not a.removed group by a.tenant)
  select o.name from objects o
  join settled_tenants t on t.tenant = o.name and t.uid = o.uid
  left join counted n on n.tenant = o.name
  where o.scope = 'fleet' and o.grp = $1 and o.kind = 'Tenant' and (
    o.status ->> 'observedGeneration' is distinct from t.generation::text
    or o.status -> 'clusters' is distinct from jsonb_build_object('allowed', coalesce(n.allowed, 0), 'failed', coalesce(n.failed, 0),
      'ready', coalesce(n.ready, 0), 'waiting', coalesce(n.waiting, 0)))`

/** `StandingStore` over Postgres. */
export function createStandingStore(sql: Sql): StandingStore {
  return {
    async read(tenant) {
      return (await sql.query<Standing>(READ, [tenant])).rows[0]
    },
    async stale() {
      return (await sql.query<{ name: string }>(STALE, [FLEET_GROUP])).rows.map(({ name }) => name)
    },
  }
}
