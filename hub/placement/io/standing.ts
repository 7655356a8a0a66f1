import { FLEET_GROUP } from '../../../proto/model/names.ts'
import type { ObjectRef } from '../../../proto/model/object-ref.ts'
import type { Db } from '../../db/db.ts'
import { TARGET_STATES, type TargetProblem, type TargetState } from '../model.ts'
import type { Detail, Standing, StandingStore } from '../ports.ts'

/** `StandingStore` over Postgres: counts and first problems of many placements, in one statement each. */
export function createStandingStore(db: Db): StandingStore {
  return {
    async standings(placements) {
      const known = await db.query<KnownRow>(KNOWN, [placements ?? null])
      if (known.rows.length === 0) return []
      const uids = known.rows.map(({ uid }) => uid)
      const [counts, problems] = await Promise.all([db.query<CountRow>(COUNTS, [uids]), db.query<ProblemRow>(FIRST_PROBLEMS, [uids])])
      const countsOf = Map.groupBy(counts.rows, ({ placement }) => placement)
      const problemsOf = Map.groupBy(problems.rows, ({ placement }) => placement)
      return known.rows.map((row) => standing(row, countsOf.get(row.uid) ?? [], problemsOf.get(row.uid) ?? []))
    },
    async details(placement, clusters) {
      const { rows } = await db.query<DetailRow>(DETAILS, [[placement], clusters])
      return rows.map(({ cluster_id, kept_back, problems, rows: objects, state }): Detail => {
        return {
          clusterId: cluster_id,
          state,
          problems,
          keptBack: kept_back ?? undefined,
          rows: (objects ?? []).map(({ leaving, ref, ...rest }) => ({ ...rest, ref, leaving: leaving ?? undefined })),
        }
      })
    },
    async concerned(clusters) {
      const { rows } = await db.query<{ placement: string }>(
        'select placement from placement_targets where cluster_id = any($1::text[]) union select placement from placed where cluster_id = any($1::text[])',
        [clusters],
      )
      return rows.map(({ placement }) => placement)
    },
    async counts() {
      const { rows } = await db.query<{ state: TargetState; count: number }>(ALL_COUNTS)
      return Object.fromEntries(rows.map(({ count, state }) => [state, count]))
    },
    async record({ name, namespace, revision }, news) {
      const events = JSON.stringify(news.map(({ event, message, severity }) => ({ reason: event, message, severity })))
      await db.query(RECORD, [FLEET_GROUP, namespace, name, revision, events])
    },
    async forget(placements) {
      await db.query(
        `with gone as (delete from placements p where uid = any($1::text[]) and not exists (select from placed r where r.placement = p.uid) returning uid),
         targets as (delete from placement_targets t using gone where t.placement = gone.uid)
         delete from placement_revisions v using gone where v.placement = gone.uid`,
        [placements],
      )
    },
  }
}

interface KnownRow extends Pick<Standing, 'uid' | 'namespace' | 'name' | 'revision' | 'tenant'> {
  readonly generation: bigint
}
interface CountRow {
  readonly placement: string
  readonly state: TargetState
  readonly chosen: number
  readonly count: number
}
interface ProblemRow extends TargetProblem {
  readonly placement: string
  readonly cluster: string
  readonly total: number
}
interface DetailRow {
  readonly cluster_id: string
  readonly state: TargetState
  readonly problems: readonly TargetProblem[]
  readonly kept_back: string | null
  readonly rows:
    | readonly { readonly ref: ObjectRef; readonly leaving: 'delete' | 'orphan' | null; readonly state: string; readonly message: string }[]
    | null
}

const KNOWN = 'select uid, namespace, name, generation, revision, tenant from placements where $1::text[] is null or uid = any($1::text[])'

const LIVE = `live as (
    select s.cluster_id from sessions s join replicas r on r.id = s.replica and r.lease_until > now() where s.closed_at is null)`

/** Relation `pairs`: every cluster that some placements choose, or still have something in, with its state. */
const pairsOf = (some: string) => `
  ${LIVE},
  there as (
    select placement, cluster_id, bool_or(state = 'refused' and leaving is null) as refused, bool_and(state = 'placed' and leaving is null) as done
    from placed where placement ${some} group by placement, cluster_id),
  joined as (
    select coalesce(t.placement, p.placement) as placement, coalesce(t.cluster_id, p.cluster_id) as cluster_id, t.placement is not null as chosen,
           coalesce(t.problems, '[]') as problems, coalesce(p.refused, false) as refused, coalesce(p.done, false) as done
    from (select * from placement_targets where placement ${some}) t
    full join there p on p.placement = t.placement and p.cluster_id = t.cluster_id),
  pairs as (
    select b.*, l.cluster_id is not null as connected,
           case when not chosen then 'removing' when problems <> '[]' or refused then 'failed' when done then 'placed'
                when l.cluster_id is not null then 'pending' else 'offline' end as state
    from joined b left join live l on l.cluster_id = b.cluster_id)`

const PAIRS = pairsOf('= any($1::text[])')

const COUNTS = `with ${PAIRS}
  select placement, state, count(*)::int as count, count(*) filter (where chosen)::int as chosen from pairs group by placement, state`

const ALL_COUNTS = `with ${pairsOf('is not null')} select state, count(*)::int as count from pairs group by state`

const RECORD = `
  insert into events (id, cluster_id, grp, kind, namespace, name, severity, reason, message, revision, at)
  select gen_random_uuid()::text, 'fleet', $1, 'Placement', $2, $3, x.severity, x.reason, x.message, $4, now()
  from jsonb_to_recordset($5::jsonb) as x(severity text, reason text, message text)`

const OBJECT = `p.kind || '/' || p.namespace || '/' || p.name`

const PROBLEMS = `
  problems as (
    select b.placement, b.cluster_id, x ->> 'object' as object, x ->> 'message' as message from pairs b, jsonb_array_elements(b.problems) x
    union all
    select p.placement, p.cluster_id, ${OBJECT}, p.message from placed p
      where p.placement = any($1::text[]) and p.message <> '' and p.state in ('refused', 'removing')
    union all
    select b.placement, b.cluster_id, null, 'it is not connected; its objects are taken out when it is back' from pairs b
      where b.state = 'removing' and not b.connected)`

const FIRST_PROBLEMS = `with ${PAIRS}, ${PROBLEMS}
  select placement, cluster, object, message, total::int from (
    select q.placement, c.name as cluster, q.object, q.message, count(*) over (partition by q.placement) as total,
           row_number() over (partition by q.placement order by c.name, q.object) as nth
    from problems q join clusters c on c.id = q.cluster_id) numbered
  where nth <= 10 order by placement, nth`

const DETAILS = `with ${PAIRS}
  select b.cluster_id, b.state, b.problems, kept.rollout as kept_back,
         (select jsonb_agg(jsonb_build_object('ref', jsonb_build_object('group', p.grp, 'kind', p.kind, 'namespace', p.namespace, 'name', p.name),
            'leaving', p.leaving, 'state', p.state, 'message', p.message) order by p.kind, p.namespace, p.name)
          from placed p where p.placement = b.placement and p.cluster_id = b.cluster_id) as rows
  from pairs b
  left join lateral (
    select w.namespace || '/' || w.name as rollout
    from placement_targets t join placements s on s.uid = t.placement and s.revision is distinct from t.revision
    join governed g on g.cluster_id = t.cluster_id and g.source_kind = 'Placement' and g.source_namespace = s.namespace and g.source_name = s.name
    join rollouts w on w.uid = g.rollout
    where t.placement = b.placement and t.cluster_id = b.cluster_id) kept on true
  where b.cluster_id = any($2::text[])`

function standing({ generation, ...row }: KnownRow, counts: readonly CountRow[], problems: readonly ProblemRow[]): Standing {
  const of = (state: TargetState) => counts.find((one) => one.state === state)?.count ?? 0
  return {
    ...row,
    generation: Number(generation),
    counts: Object.fromEntries(TARGET_STATES.map((state) => [state, of(state)])) as Standing['counts'],
    matched: counts.reduce((sum, { chosen }) => sum + chosen, 0),
    problems: problems.map(({ cluster, message, object }) => ({ cluster, message, ...(object ? { object } : {}) })),
    problemCount: problems[0]?.total ?? 0,
  }
}
