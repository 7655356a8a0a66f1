import type { Sql } from '../../db/db.ts'
import type { Suspended } from '../ports.ts'

const SHOWN = 10

/** What a Rollout ($1) moves and somebody suspended: consumers of its sources, and objects of its Placement. */
const SUSPENDED = `
  select c.name as cluster, x.object, count(*) over ()::int as total from (
    select g.cluster_id, co.kind || '/' || co.namespace || '/' || co.name as object
    from governed g
    join consumers co on co.cluster_id = g.cluster_id and co.source_kind = g.source_kind and co.source_namespace = g.source_namespace
      and co.source_name = g.source_name and co.suspended
    where g.rollout = $1 and not g.apart
    union
    select g.cluster_id, d.kind || '/' || d.namespace || '/' || d.name
    from observed o
    join placed d on d.cluster_id = o.cluster_id and d.grp = o.grp and d.kind = o.kind and d.namespace = o.namespace and d.name = o.name
      and d.leaving is null
    join placements p on p.uid = d.placement and p.generation >= 0
    join governed g on g.cluster_id = d.cluster_id and g.source_kind = 'Placement' and g.source_namespace = p.namespace and g.source_name = p.name
    where g.rollout = $1 and o.suspended) x
  join clusters c on c.id = x.cluster_id
  order by c.name, x.object limit ${SHOWN}`

/** The first objects that are left out since they are suspended, by name of the cluster. */
export async function readSuspended(sql: Sql, rollout: string): Promise<Suspended> {
  const { rows } = await sql.query<{ cluster: string; object: string; total: number }>(SUSPENDED, [rollout])
  return { first: rows.map(({ cluster, object }) => ({ cluster, object })), total: rows[0]?.total ?? 0 }
}
