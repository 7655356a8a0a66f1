import { SOURCE_GROUP } from '../../../proto/model/names.ts'
import type { Sql } from '../../db/db.ts'
import type { Chain, ChainQuery, PlacementAt } from '../ports.ts'
import type { ChainObject } from '../why.ts'
import { HAD, LACKING, PLACED_IS_ACKED, PLACEMENT_HOLDERS, SAME, SAY_NOTHING, TELLING } from './keys.ts'

interface ChainRow {
  readonly name: string
  readonly connected: boolean
  readonly since: Date | null
  readonly source: string
  readonly url: string | null
  readonly suspended: boolean
  readonly problem: string | null
  readonly newest: string | null
  readonly commit: { readonly author?: string; readonly subject?: string } | null
  readonly wanted: string | null
  readonly rollout: string | null
  readonly waiting: number
  readonly broken: { readonly object: string; readonly message: string } | null
  readonly released: string | null
  readonly acked: boolean
  readonly objects: readonly ChainObject[]
}

const OF_PLACEMENT = (table: string) =>
  `${table}.cluster_id = p.cluster_id and ${table}.source_kind = p.kind and ${table}.source_namespace = p.namespace and ${table}.source_name = p.name`
const OF_SOURCE = (table: string) =>
  `${table}.cluster_id = so.cluster_id and ${table}.source_kind = so.kind and ${table}.source_namespace = so.namespace and ${table}.source_name = so.name`

const OF_CONSUMED =
  'so.cluster_id = co.cluster_id and so.kind = co.source_kind and so.namespace = co.source_namespace and so.name = co.source_name'

/** Relation of the source objects of a cluster ($1), and of those that something there consumes and nobody made. */
const NAMED_SOURCES = `
  select cluster_id, kind, namespace, name, source_key, suspended, problem from source_objects where cluster_id = $1
  union
  select co.cluster_id, co.source_kind, co.source_namespace, co.source_name, null, false, '{"message": "there is no such object in the cluster"}'
  from consumers co
  where co.cluster_id = $1 and not exists (
    select from objects o where o.scope = co.cluster_id and o.grp = '${SOURCE_GROUP}' and o.kind = co.source_kind
      and o.namespace = co.source_namespace and o.name = co.source_name)
    and not exists (select from source_objects so where ${OF_CONSUMED})`

/** The source objects of a cluster ($1), or the one that an object ($3 to $5) consumes, each with its way from the commit. */
const CHAINS = `
  with wanted as (select $1::text as cluster_id), telling as (${TELLING})
  select c.name, coalesce(ss.closed_at is null and rp.id is not null, false) as connected, coalesce(ss.closed_at, ss.connected_at) as since,
         so.kind || '/' || so.namespace || '/' || so.name as source, concat_ws(' chart ', coalesce(s.url, ''), s.options ->> 'chart') as url, so.suspended,
         coalesce(so.problem, s.problem) ->> 'message' as problem, s.revision as newest, v.commit,
         case when so.suspended then r.revision when gv.cluster_id is null then s.revision else coalesce(gr.revision, r.revision) end as wanted,
         w.namespace || '/' || w.name as rollout, r.revision as released, coalesce(r.position <= h.acked, false) as acked,
         coalesce(k.waiting, 0) as waiting, k.broken, coalesce(k.objects, '[]') as objects
  from (${NAMED_SOURCES}) so
  join clusters c on c.id = so.cluster_id
  left join sources s on s.key = so.source_key
  left join revisions v on v.source_key = s.key and v.revision = s.revision
  left join sessions ss on ss.cluster_id = c.id
  left join replicas rp on rp.id = ss.replica and rp.lease_until > now()
  left join cluster_heads h on h.cluster_id = c.id
  left join governed gv on ${OF_SOURCE('gv')}
  left join grants gr on ${OF_SOURCE('gr')} and gv.cluster_id is not null
  left join rollouts w on w.uid = gv.rollout
  left join releases r on ${OF_SOURCE('r')}
  left join lateral (
    select (count(*) filter (where d.cluster_id is null or d.options_digest <> co.options_digest))::int as waiting,
           (array_agg(jsonb_build_object('object', co.kind || '/' || co.namespace || '/' || co.name, 'message', d.problem ->> 'message') order by co.namespace, co.name)
             filter (where d.problem is not null))[1] as broken,
           jsonb_agg(jsonb_build_object('object', co.kind || '/' || co.namespace || '/' || co.name, 'suspended', co.suspended,
             'applied', had.applied,
             'ready', coalesce(said ->> 'status' = 'True' and coalesce((said ->> 'observedGeneration')::bigint, o.generation) = o.generation, false),
             'reason', said ->> 'reason', 'message', left(said ->> 'message', 500), 'lack', lack) order by co.namespace, co.name) as objects
    from consumers co
    left join observed ob on ${SAME('ob', 'co')}
    left join objects o on o.scope = co.cluster_id and o.grp = co.grp and o.kind = co.kind and o.namespace = co.namespace and o.name = co.name
    left join reached re on ${OF_SOURCE('re')}
    ${HAD('co', 'r.revision')}
    ${LACKING('co', 'true')}
    cross join lateral (select jsonb_path_query_first(o.status, '$.conditions[*] ? (@.type == "Ready")') as said) p
    where ${OF_SOURCE('co')} and ($3::text is null or ($3, $4, $5) in ((so.kind, so.namespace, so.name), (co.kind, co.namespace, co.name)))) k on true
  where ($2::text[] is null or so.namespace = any($2))
    and ($3::text is null or (so.kind, so.namespace, so.name) = ($3, $4, $5) or k.objects is not null)
  order by 4`

/** True where the newest revision of Placement `p` has an object ($3 to $5) by name, whether the cluster is given it or not. */
const SAYS = `exists (
  select from placements s join placement_revisions v on v.placement = s.uid and v.revision = s.revision cross join jsonb_array_elements(v.objects) x
  where s.uid = p.uid and (x ->> 'kind', coalesce(x #>> '{metadata,namespace}', s.first_namespace), x #>> '{metadata,name}') = ($3, $4, $5))`

const PLACEMENTS_WITH = `
  select p.namespace, p.name, p.revision from placements p
  where p.generation >= 0 and (('Placement', p.namespace, p.name) = ($3, $4, $5) or ${SAYS})
    and not exists (select from placement_targets t where t.placement = p.uid and t.cluster_id = $1) and ($2::text[] is null or p.namespace = any($2))
  order by 1, 2`

/** Placements with this object that do not give it to the cluster. */
export async function readPlacementsWith(sql: Sql, query: ChainQuery): Promise<readonly PlacementAt[]> {
  return query.object === undefined ? [] : (await sql.query<PlacementAt>(PLACEMENTS_WITH, valuesOf(query))).rows
}

/**
 * The same of Placements that choose the cluster ($1), or of the one that gives it an object ($3 to $5), or is to. An object
 * is applied once its agent said so and the mirror shows it.
 */
const PLACED_CHAINS = `
  select c.name, coalesce(ss.closed_at is null and rp.id is not null, false) as connected, coalesce(ss.closed_at, ss.connected_at) as since,
         p.kind || '/' || p.namespace || '/' || p.name as source, null as url, false as suspended, null as problem,
         p.newest, null as commit, case when gv.cluster_id is null then p.newest else coalesce(gr.revision, p.revision) end as wanted,
         w.namespace || '/' || w.name as rollout, p.revision as released, ${PLACED_IS_ACKED('p')} as acked,
         0 as waiting, (select jsonb_build_object('object', coalesce(x ->> 'object', p.kind || '/' || p.namespace || '/' || p.name), 'message', x ->> 'message')
           from jsonb_array_elements(p.problems) x limit 1) as broken, coalesce(k.objects, '[]') as objects
  from (${PLACEMENT_HOLDERS}) p
  join clusters c on c.id = p.cluster_id
  left join sessions ss on ss.cluster_id = c.id
  left join replicas rp on rp.id = ss.replica and rp.lease_until > now()
  left join cluster_heads h on h.cluster_id = c.id
  left join governed gv on ${OF_PLACEMENT('gv')}
  left join grants gr on ${OF_PLACEMENT('gr')} and gv.cluster_id is not null
  left join rollouts w on w.uid = gv.rollout
  left join lateral (
    select jsonb_agg(jsonb_build_object('object', d.kind || '/' || d.namespace || '/' || d.name, 'suspended', false,
             'applied', case when there then p.revision end,
             'ready', there and (coalesce((o.spec ->> 'suspend')::boolean, false) or (said is null and d.kind in ${SAY_NOTHING})
               or coalesce(said ->> 'status' = 'True' and coalesce((said ->> 'observedGeneration')::bigint, o.generation) = o.generation, false)),
             'reason', case d.state when 'placed' then said ->> 'reason' when 'refused' then 'PlacementRefused' end,
             'message', case when d.state = 'placed' then left(said ->> 'message', 500) else nullif(d.message, '') end) order by d.kind, d.namespace, d.name) as objects
    from placed d
    join manifests m on m.digest = d.manifest
    left join objects o on o.scope = d.cluster_id and o.grp = d.grp and o.kind = d.kind and o.namespace = d.namespace and o.name = d.name
    cross join lateral (select jsonb_path_query_first(o.status, '$.conditions[*] ? (@.type == "Ready")') as said,
      d.state = 'placed' and coalesce(o.spec @> jsonb_strip_nulls(m.manifest -> 'spec'), not m.manifest ? 'spec' and o.scope is not null) as there) x
    where d.placement = p.uid and d.cluster_id = p.cluster_id and d.leaving is null
      and ($3::text is null or ($3, $4, $5) in ((p.kind, p.namespace, p.name), (d.kind, d.namespace, d.name)))) k on true
  where p.cluster_id = $1 and ($2::text[] is null or p.namespace = any($2))
    and ($3::text is null or (p.kind, p.namespace, p.name) = ($3, $4, $5) or k.objects is not null or ${SAYS})
  order by 4`

/** What is known of the way to a cluster: Placements first, then source objects, each by name. */
export async function readChains(sql: Sql, query: ChainQuery): Promise<readonly Chain[]> {
  const values = valuesOf(query)
  const placed = await sql.query<ChainRow>(PLACED_CHAINS, values)
  const fetched = await sql.query<ChainRow>(CHAINS, values)
  return [...placed.rows, ...fetched.rows].map((row) => ({
    cluster: { name: row.name, connected: row.connected, since: row.since ?? undefined },
    source: { object: row.source, url: row.url ?? undefined, suspended: row.suspended, problem: row.problem ?? undefined },
    newest: row.newest === null ? undefined : { revision: row.newest, author: row.commit?.author, subject: row.commit?.subject },
    wanted: row.wanted ?? undefined,
    rollout: row.rollout ?? undefined,
    builds: { waiting: row.waiting, problem: row.broken ?? undefined },
    release: row.released === null ? undefined : { revision: row.released, acked: row.acked },
    objects: row.objects.map(({ applied, lack, message, reason, ...one }) => ({
      ...one,
      applied: applied ?? undefined,
      lack: lack ?? undefined,
      message: message ?? undefined,
      reason: reason ?? undefined,
    })),
  }))
}

function valuesOf({ clusterId, namespaces, object }: ChainQuery): readonly unknown[] {
  return [clusterId, namespaces ?? null, object?.kind ?? null, object?.namespace ?? null, object?.name ?? null]
}
