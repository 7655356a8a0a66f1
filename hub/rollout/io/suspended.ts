import type { Sql } from '../../db/db.ts'
import { prepared } from '../../db/prepared.ts'
import type { Suspended } from '../ports.ts'

const SHOWN = 10

/** What Rollouts ($1) move and somebody suspended: consumers of their sources, and objects of their Placements. */
const SUSPENDED = prepared(`
  select y.* from (
    select x.rollout, c.name as cluster, x.object, count(*) over (partition by x.rollout)::int as total,
           row_number() over (partition by x.rollout order by c.name, x.object) as at
    from (
      select g.rollout, g.cluster_id, co.kind || '/' || co.namespace || '/' || co.name as object
      from governed g
      join consumers co on co.cluster_id = g.cluster_id and co.source_kind = g.source_kind and co.source_namespace = g.source_namespace
        and co.source_name = g.source_name and co.suspended
      where g.rollout = any($1::text[]) and not g.apart
      union
      select g.rollout, g.cluster_id, d.kind || '/' || d.namespace || '/' || d.name
      from observed o
      join placed d on d.cluster_id = o.cluster_id and d.grp = o.grp and d.kind = o.kind and d.namespace = o.namespace and d.name = o.name
        and d.leaving is null
      join placements p on p.uid = d.placement and p.generation >= 0
      join governed g on g.cluster_id = d.cluster_id and g.source_kind = 'Placement' and g.source_namespace = p.namespace and g.source_name = p.name
      where g.rollout = any($1::text[]) and o.suspended) x
    join clusters c on c.id = x.cluster_id) y
  where y.at <= ${SHOWN}
  order by y.rollout, y.at`)

interface Row {
  readonly rollout: string
  readonly cluster: string
  readonly object: string
  readonly total: number
}

/** The first objects that are left out since they are suspended, by uid of the Rollout and then by name of the cluster. */
export async function readSuspended(sql: Sql, rollouts: readonly string[]): Promise<ReadonlyMap<string, Suspended>> {
  const { rows } = await sql.query<Row>(SUSPENDED, [rollouts])
  return new Map(
    [...Map.groupBy(rows, ({ rollout }) => rollout)].map(([rollout, of]) => [
      rollout,
      { first: of.map(({ cluster, object }) => ({ cluster, object })), total: of[0]?.total ?? 0 },
    ]),
  )
}
