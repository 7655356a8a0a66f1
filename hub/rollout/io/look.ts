import type { Sql } from '../../db/db.ts'
import { prepared } from '../../db/prepared.ts'
import type { SourceObject } from '../model.ts'
import type { Looked, Summed } from '../turn/health.ts'
import type { Holding, Member } from './governed.ts'
import { HAD, LACKING, OF_ATTEMPT, ONE, RETRIED, SAME, SAY_NOTHING, TELLING } from './keys.ts'
import { lookPlaced } from './look-placed.ts'

const OF_MEMBER = (as: string, cluster = 'cluster_id') =>
  `${as}.${cluster} = m.cluster_id and ${as}.grp = m.grp and ${as}.kind = m.kind and ${as}.namespace = m.namespace and ${as}.name = m.name`
const OF_SOURCE = (as: string, of = 'm') =>
  `${as}.source_kind = ${of}.source_kind and ${as}.source_namespace = ${of}.source_namespace and ${as}.source_name = ${of}.source_name`

/**
 * True where release `m`, mirrored as `o`, consumes another source and has the generation to which the revision moved it:
 * by the word on a bundle that came with the revision.
 */
const CAUSED = `
  (m.kind = 'HelmRelease' and co.cluster_id is null and exists (
    select from consumers pc
    join desired pd on ${SAME('pd', 'pc')} and pd.revision = m.due
    join applied pa on ${SAME('pa', 'pc')} and pa.bundle = pd.bundle
    cross join lateral jsonb_to_recordset(pa.flux_objects) as x("group" text, kind text, namespace text, name text, uid text, generation bigint, moved text)
    where pc.cluster_id = m.cluster_id and ${OF_SOURCE('pc')}
      and x."group" = m.grp and x.kind = m.kind and x.namespace = m.namespace and x.name = m.name
      and x.uid = o.uid and x.generation = o.generation and x.moved = pa.bundle))`

/**
 * How clusters do at revisions of source objects, in one statement: `wanted` has what is asked ($1), a cluster ($2) with the
 * source object and the revision that are `due` there ($3 to $6, by what is asked), each `at` a number of its own: joined by
 * what is asked and cluster, the planner would compare all that is asked of a cluster with one another. What consumes the source is
 * followed down through the inventories of what it applied, as far as those are Flux objects. A plain success is mirrored
 * without its revision, which is then that of `reached`; anything else says itself what it attempted. What it applied is
 * healthy when its agent says so of the attempt at the revision.
 */
export const LOOK = `
  with recursive
  wanted as (
    select p.at, p.cluster_id, ($3::text[])[p.ask] as source_kind, ($4::text[])[p.ask] as source_namespace, ($5::text[])[p.ask] as source_name,
           ($6::text[])[p.ask] as due
    from unnest($1::int[], $2::text[]) with ordinality as p (ask, cluster_id, at)),
  telling as (${TELLING}),
  member as (
    select w.*, c.grp, c.kind, c.namespace, c.name
    from wanted w join consumers c on c.cluster_id = w.cluster_id and ${OF_SOURCE('c', 'w')}
    where not c.suspended
    union
    select m.at, m.cluster_id, m.source_kind, m.source_namespace, m.source_name, m.due,
           split_part(e.id, '_', 3), split_part(e.id, '_', 4), split_part(e.id, '_', 1), split_part(e.id, '_', 2)
    from member m
    cross join ${ONE('objects', 'o', OF_MEMBER('o', 'scope'))}
    cross join lateral jsonb_to_recordset(coalesce(o.status #> '{inventory,entries}', '[]')) as e(id text)
    where split_part(e.id, '_', 3) like '%.toolkit.fluxcd.io'),
  mirrored as (
    select m.*, o.scope is null as absent, coalesce((o.spec ->> 'suspend')::boolean, false) as suspended,
           o.generation, o.status, lacking.lack, co.cluster_id is not null as consumes,
           jsonb_path_query_first(o.status, '$.conditions[*] ? (@.type == "Ready")') as said,
           had.applied, had.attempted, ${CAUSED} as caused, ${OF_ATTEMPT('m')} as of_attempt, ${RETRIED('m')} as retried, coalesce((o.status ->> 'failures')::int, 0) as failures
    from member m
    left join ${ONE('objects', 'o', OF_MEMBER('o', 'scope'))} on true
    left join ${ONE('observed', 'ob', OF_MEMBER('ob'))} on true
    left join ${ONE('consumers', 'co', `${OF_MEMBER('co')} and ${OF_SOURCE('co')}`)} on true
    left join ${ONE('reached', 're', `re.cluster_id = m.cluster_id and ${OF_SOURCE('re')}`)} on true
    ${HAD('m', 'm.due')}
    ${LACKING('m', 'co.cluster_id is not null')}),
  judged as (
    select x.at, x.due, x.cluster_id, x.kind || '/' || x.namespace || '/' || x.name as object, x.grp, x.kind, x.namespace, x.name, x.absent,
           case when x.ready and x.lack ->> 'of' = 'Failed' then 'HealthCheckFailed' else x.said ->> 'reason' end as reason,
           case when x.ready and x.lack ->> 'of' = 'Failed' then x.lack ->> 'word' else left(x.said ->> 'message', 500) end as message,
           case when x.ready then x.lack end as lack, x.ready and x.lack is null as healthy,
           x.retried, x.failures,
           (x.consumes and ((x.current and x.said ->> 'status' = 'False' and x.attempted = x.due and x.of_attempt) or (x.ready and x.lack ->> 'of' = 'Failed')))
             or (x.caused and x.current and x.said ->> 'status' = 'False' and x.of_attempt) as failing,
           x.consumes and x.attempted is distinct from x.due as behind
    from (
      select z.*, coalesce(z.current and (z.said ->> 'status' = 'True' or (z.said is null and z.kind in ${SAY_NOTHING}))
        and (not z.consumes or z.applied = z.due), false) as ready
      from (
        select y.*, coalesce((y.said ->> 'observedGeneration')::bigint, (y.status ->> 'observedGeneration')::bigint, y.generation) = y.generation as current
        from mirrored y where not y.suspended) z) x),
  summed as (
    select j.at, count(*)::int as members,
           (array_agg(jsonb_build_object('object', j.object, 'absent', j.absent, 'behind', j.behind, 'reason', j.reason, 'message', j.message, 'lack', j.lack)
             order by j.object) filter (where not coalesce(j.healthy, false) and not coalesce(j.failing, false)))[1] as waiting,
           (jsonb_agg(jsonb_build_object('object', j.object, 'reason', j.reason, 'message', j.message, 'retried', j.retried, 'attempts', greatest(j.failures, (
               select count(*) from events ev where ev.cluster_id = j.cluster_id and ev.kind = j.kind and ev.namespace = j.namespace
                 and ev.name = j.name and ev.severity = 'error' and ev.revision = j.due))) order by j.object) filter (where j.failing)) as failing
    from judged j group by j.at)
  select s.at, s.members, s.waiting, coalesce(s.failing, '[]') as failing from summed s`

/** Clusters that are to have a revision of the source object, each with what it has of that. */
export interface LookAt {
  readonly source: SourceObject
  readonly clusters: readonly Looking[]
  readonly revision: string
}

interface Looking extends Member {
  readonly holding: Holding
}

const NOBODY: Summed = { members: 0, waiting: null, failing: [] }

/** What the rows say of clusters at revisions of source objects: for each that was asked, by cluster. */
export async function look(sql: Sql, all: readonly LookAt[]): Promise<readonly ReadonlyMap<string, Looked>[]> {
  const summed = await sumUp(
    sql,
    all.map((at) => (at.source.kind === 'Placement' ? { ...at, clusters: [] } : at)),
  )
  for (const [index, at] of all.entries())
    if (at.source.kind === 'Placement') summed[index] = await lookPlaced(sql, at.clusters.map(clusterOf), at)
  return all.map(({ clusters, revision }, index) => {
    const seen = clusters.map(
      (one) => [one.cluster, { ...lookedOf(one, revision), ...(summed[index]?.get(one.cluster) ?? NOBODY) }] as const,
    )
    return new Map(seen)
  })
}

const clusterOf = ({ cluster }: Pick<Member, 'cluster'>): string => cluster

function lookedOf({ holding: { acked, problem, released, suspended }, liveMs }: Looking, revision: string): Omit<Looked, keyof Summed> {
  return { suspended, connected: liveMs !== null, released: released === revision, acked: acked === revision, problem }
}

/** What consumes the source objects, and what that applied. */
async function sumUp(sql: Sql, all: readonly LookAt[]): Promise<ReadonlyMap<string, Summed>[]> {
  const found = all.map(() => new Map<string, Summed>())
  const pairs = all.flatMap(({ clusters }, index) => clusters.map(({ cluster }) => ({ index, cluster })))
  if (pairs.length === 0) return found
  const column = (of: (at: LookAt) => string) => all.map(of)
  const { rows } = await sql.query<Summed & { readonly at: bigint }>(prepared(LOOK), [
    pairs.map(({ index }) => index + 1),
    pairs.map(clusterOf),
    column(({ source }) => source.kind),
    column(({ source }) => source.namespace),
    column(({ source }) => source.name),
    column(({ revision }) => revision),
  ])
  for (const { at, ...row } of rows) {
    const pair = pairs[Number(at) - 1]
    if (pair) found[pair.index]?.set(pair.cluster, row)
  }
  return found
}
