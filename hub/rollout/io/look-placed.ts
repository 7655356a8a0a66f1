import type { Sql } from '../../db/db.ts'
import type { SourceObject } from '../model.ts'
import type { Summed } from '../turn/health.ts'
import { HAD, LACKING, OF_ATTEMPT, ONE, PLACED_IS_ACKED, PLACEMENT_HOLDERS, RETRIED, SAME, SAY_NOTHING, TELLING } from './keys.ts'

const MIRROR_OF = (m: string) =>
  `o.scope = ${m}.cluster_id and o.grp = ${m}.grp and o.kind = ${m}.kind and o.namespace = ${m}.namespace and o.name = ${m}.name`
const SOURCE_OF = (table: string) =>
  `${table}.cluster_id = co.cluster_id and ${table}.source_kind = co.source_kind and ${table}.source_namespace = co.source_namespace and ${table}.source_name = co.source_name`

/**
 * Placed objects of the clusters, and the Flux objects in their inventories, as they are mirrored. An object is as it was
 * placed once its agent said so and the mirror shows that content; what consumes a source is judged at the revision
 * that this source is to have there, since a Placement may change the source and nothing else.
 */
const MEMBERS = `
  root as (
    select d.cluster_id, d.grp, d.kind, d.namespace, d.name, d.state, d.message, d.leaving, jsonb_strip_nulls(m.manifest -> 'spec') as content
    from held h join placed d on d.placement = h.uid and d.cluster_id = h.cluster_id
    left join manifests m on m.digest = d.manifest),
  member as (
    select cluster_id, grp, kind, namespace, name from root where leaving is null
    union
    select m.cluster_id, split_part(e.id, '_', 3), split_part(e.id, '_', 4), split_part(e.id, '_', 1), split_part(e.id, '_', 2)
    from member m
    cross join ${ONE('objects', 'o', MIRROR_OF('m'))}
    cross join lateral jsonb_to_recordset(coalesce(o.status #> '{inventory,entries}', '[]')) as e(id text)
    where split_part(e.id, '_', 3) like '%.toolkit.fluxcd.io'),
  mirrored as (
    select m.*, o.scope is null as absent, coalesce((o.spec ->> 'suspend')::boolean, false) as suspended,
           ro.cluster_id is not null as root, ro.state, ro.message as word,
           ro.cluster_id is null or (ro.state = 'placed' and coalesce(o.spec @> ro.content, ro.content is null)) as in_place,
           coalesce((said ->> 'observedGeneration')::bigint, (o.status ->> 'observedGeneration')::bigint, o.generation) = o.generation as current,
           said, o.kind in ${SAY_NOTHING} and said is null as silent, lacking.lack, so.cluster_id is not null as consumes,
           due.due, had.applied, had.attempted, ${OF_ATTEMPT('m')} as of_attempt, ${RETRIED('m')} as retried, coalesce((o.status ->> 'failures')::int, 0) as failures
    from member m
    left join root ro on ${SAME('ro', 'm')}
    left join ${ONE('objects', 'o', MIRROR_OF('m'))} on true
    left join ${ONE('observed', 'ob', SAME('ob', 'm'))} on true
    left join ${ONE('consumers', 'co', SAME('co', 'm'))} on true
    left join source_objects so on so.cluster_id = co.cluster_id and so.kind = co.source_kind and so.namespace = co.source_namespace and so.name = co.source_name
    left join sources s on s.key = so.source_key
    left join ${ONE('governed', 'gv', SOURCE_OF('gv'))} on true
    left join ${ONE('grants', 'gr', SOURCE_OF('gr'))} on true
    left join ${ONE('releases', 'r', SOURCE_OF('r'))} on true
    left join reached re on ${SOURCE_OF('re')}
    cross join lateral (
      select case when so.suspended then r.revision when gv.cluster_id is null then s.revision else coalesce(gr.revision, r.revision) end as due) due
    ${HAD('m', 'due.due')}
    ${LACKING('m', 'so.cluster_id is not null')}
    cross join lateral (select jsonb_path_query_first(o.status, '$.conditions[*] ? (@.type == "Ready")') as said) ready)`

const LOOK = `
  with recursive
  wanted as (select unnest($1::text[]) as cluster_id),
  telling as (${TELLING}),
  held as (
    select x.*, x.revision = $4 as released, x.revision = $4 and ${PLACED_IS_ACKED('x')} as acked
    from (${PLACEMENT_HOLDERS}) x join wanted w on w.cluster_id = x.cluster_id left join cluster_heads h on h.cluster_id = x.cluster_id
    where x.namespace = $2 and x.name = $3),
  ${MEMBERS},
  judged as (
    select m.cluster_id, m.kind || '/' || m.namespace || '/' || m.name as object, m.absent and (not m.root or m.state = 'placed') as absent,
           case when m.state = 'refused' then 'PlacementRefused' when m.ready and m.lack ->> 'of' = 'Failed' then 'HealthCheckFailed'
             else m.said ->> 'reason' end as reason,
           case when m.state = 'refused' then m.word when m.ready and m.lack ->> 'of' = 'Failed' then m.lack ->> 'word'
             else left(m.said ->> 'message', 500) end as message,
           case when m.ready then m.lack end as lack, m.in_place and not m.absent and (m.suspended or (m.ready and m.lack is null)) as healthy,
           m.root and h.acked and (m.state = 'refused' or (m.in_place and not m.suspended and (
             (m.current and m.said ->> 'status' = 'False' and m.of_attempt and (not m.consumes or m.attempted = m.due)) or (m.ready and m.lack ->> 'of' = 'Failed')))) as failing,
           -- An agent tells of a refusal once it stands; one that waits for a removal passes by itself.
           case when m.state = 'refused' and m.word not like '%is being deleted%' then 2 else greatest(1, m.failures) end as attempts, m.retried,
           not m.in_place or (m.consumes and m.applied is distinct from m.due and m.attempted is distinct from m.due) as behind
    from (
      select x.*, coalesce(x.current and (x.silent or x.said ->> 'status' = 'True') and (not x.consumes or x.applied = x.due), false) as ready
      from mirrored x) m
    join held h on h.cluster_id = m.cluster_id
    union all
    select cluster_id, kind || '/' || namespace || '/' || name, false, 'Leaving', coalesce(nullif(message, ''), 'it is being taken out of the cluster'),
           null, false, false, 0, false, false
    from root where leaving is not null
    union all
    select h.cluster_id, x ->> 'object', false, case when h.blocked then 'PlacementBlocked' else 'PlacementProblem' end, x ->> 'message',
           null, false, h.released and not h.blocked, 2, false, false
    from held h cross join lateral jsonb_array_elements(h.problems) x),
  summed as (
    select j.cluster_id, count(*)::int as members,
           (array_agg(jsonb_build_object('object', coalesce(j.object, 'Placement/' || $2 || '/' || $3), 'absent', j.absent, 'behind', j.behind, 'reason', j.reason, 'message', j.message, 'lack', j.lack)
             order by j.object) filter (where not coalesce(j.healthy, false) and not coalesce(j.failing, false)))[1] as waiting,
           jsonb_agg(jsonb_build_object('object', coalesce(j.object, 'Placement/' || $2 || '/' || $3), 'reason', j.reason, 'message', j.message, 'attempts', j.attempts, 'retried', j.retried)
             order by j.object) filter (where j.failing) as failing
    from judged j group by j.cluster_id)
  select z.cluster_id, z.members, z.waiting, coalesce(z.failing, '[]') as failing from summed z`

/** What the objects of these clusters say at a revision of a Placement, by cluster. */
export async function lookPlaced(
  sql: Sql,
  clusters: readonly string[],
  { revision, source }: { readonly source: SourceObject; readonly revision: string },
): Promise<ReadonlyMap<string, Summed>> {
  if (clusters.length === 0) return new Map()
  const { rows } = await sql.query<Summed & { readonly cluster_id: string }>(LOOK, [clusters, source.namespace, source.name, revision])
  return new Map(rows.map((row) => [row.cluster_id, row]))
}
