import { prepared } from '../../db/prepared.ts'

// SQL that several statements share. A "target" is what a source object is to be given: what its source resolved to;
// where a Rollout governs it, what it was granted; while it is suspended or has no grant yet, what it already has.

const OF_OBJECT = (table: string) =>
  `${table}.cluster_id = so.cluster_id and ${table}.source_kind = so.kind and ${table}.source_namespace = so.namespace and ${table}.source_name = so.name`

/** One look into an index for each row, whatever the planner believes: the tables have the objects of all sources. */
const ONE = (table: string, as: string, where: string) =>
  `left join lateral (select * from ${table} ${as} where ${where} limit 1) ${as} on true`
const RELEASED = ONE('releases', 'r', OF_OBJECT('r'))
const STATUS = ONE(
  'source_statuses',
  'o',
  'o.cluster_id = so.cluster_id and o.kind = so.kind and o.namespace = so.namespace and o.name = so.name',
)

/**
 * What object `so` of source `s` with release `r` is to have: `want.revision` and `want.artifact`, null for nothing.
 */
const WANT = `
    ${ONE('governed', 'gv', OF_OBJECT('gv'))}
    ${ONE('grants', 'gr', `gv.cluster_id is not null and ${OF_OBJECT('gr')}`)}
    cross join lateral (select
      case when so.suspended then r.revision when gv.cluster_id is null then s.revision else coalesce(gr.revision, r.revision) end as revision,
      case when so.suspended then r.artifact when gv.cluster_id is null then s.artifact else coalesce(gr.artifact, r.artifact) end as artifact) want`

export const CONSUMES = (consumer: string, source: string) =>
  `${consumer}.cluster_id = ${source}.cluster_id and ${consumer}.source_kind = ${source}.kind
   and ${consumer}.source_namespace = ${source}.namespace and ${consumer}.source_name = ${source}.name`

export const SAME_OBJECT = (a: string, b: string) =>
  `${a}.cluster_id = ${b}.cluster_id and ${a}.grp = ${b}.grp and ${a}.kind = ${b}.kind and ${a}.namespace = ${b}.namespace and ${a}.name = ${b}.name`

/** True for a consumer `c` whose desired row `d` does not answer its present options. */
export const UNANSWERED = `(d.cluster_id is null or d.options_digest <> c.options_digest
  or (d.source_kind, d.source_namespace, d.source_name) <> (c.source_kind, c.source_namespace, c.source_name))`

/** True for a source object that is to be released something else than it is, or for other consumers. */
const UNRELEASED = `
  (want.artifact is not null and (r.cluster_id is null or r.recount
    or (r.revision, r.artifact, r.source_key) is distinct from (want.revision, want.artifact, s.key)))`

/** Not `exists`: the planner would read all consumers for it, and what is desired for them. */
const HAS_UNANSWERED = `
  (want.artifact is not null and coalesce((
    select true from consumers c left join desired d on ${SAME_OBJECT('d', 'c')} where ${CONSUMES('c', 'so')} and ${UNANSWERED} limit 1), false))`

/**
 * Sources ($1, or all) with an object that is to get another revision, a consumer without an answer, or a check to be told of.
 * An object that waits for its first grant is told nothing, unless it is a problem: there is nothing to say yet.
 */
export const DUE = `
  select distinct so.source_key from source_objects so
  left join sources s on s.key = so.source_key
  ${RELEASED}${WANT}
  ${STATUS}
  where ($1::text is null or so.source_key = $1)
    and (want.artifact is not null or s.problem is not null or so.problem is not null or o.problem is not null) and (
    (not so.suspended and (
      ${UNRELEASED}
      or o.cluster_id is null
      or o.problem is distinct from coalesce(so.problem, s.problem)
      or o.generation <> so.generation
      or (o.handled_at <> so.requested_at and (so.problem is not null or s.checked_at >= so.requested_seen_at))))
    or ${HAS_UNANSWERED})`

/** Joins of a source object `so` with everything that its status says. */
const TOLD = `
    ${RELEASED}${WANT}
    ${STATUS}
    ${ONE('revisions', 'v', 'v.source_key = r.source_key and v.revision = r.revision')}`

/** True for a source object that ANSWER may have something to say of. */
const UNTOLD = `
  (o.cluster_id is null or (o.generation, o.revision, o.artifact, o.metadata) is distinct from
      (so.generation, coalesce(r.revision, ''), coalesce(r.artifact, ''), coalesce(v.metadata, '{}'))
    or o.handled_at <> so.requested_at or o.problem is distinct from coalesce(so.problem, s.problem))`

const PLANNED = (objects: string) => `
  select so.source_key, so.cluster_id, so.kind, so.namespace, so.name
  from ${objects} left join sources s on s.key = so.source_key${TOLD}
  where so.source_key = any($1::text[]) and (${UNRELEASED} or ${UNTOLD} or ${HAS_UNANSWERED})`

/** Source objects of sources ($1) with something to do; the others of a thousand clusters are not looked at further. */
export const PLAN = prepared(PLANNED('source_objects so'))

/** The same in some clusters alone: pairs of a source ($1) and a cluster ($2). */
export const PLAN_IN = prepared(
  PLANNED(
    'unnest($1::text[], $2::text[]) as p (source_key, cluster_id) join source_objects so on so.source_key = p.source_key and so.cluster_id = p.cluster_id',
  ),
)

/**
 * Relation `target(cluster_id, kind, namespace, name, source_key, revision, artifact, moved)` of source objects, in columns ($1 to
 * $4): those that `PLAN` found. What they are to have is read anew each time: it may have changed since then.
 */
const TARGETS = `
  target as (
    select so.cluster_id, so.kind, so.namespace, so.name, so.source_key, want.revision, want.artifact,
           not so.suspended and (r.cluster_id is null or r.artifact <> want.artifact) as moved
    from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as p (cluster_id, kind, namespace, name)
    join source_objects so on so.cluster_id = p.cluster_id and so.kind = p.kind and so.namespace = p.namespace and so.name = p.name
    join sources s on s.key = so.source_key
    ${RELEASED}${WANT}
    where want.artifact is not null
  )`

/** The distinct targets of each source of objects ($1 to $4), each with its wanted options: all of a cluster whose tree changes, otherwise those without an answer. */
export const WANTED = prepared(`with ${TARGETS}
  select t.source_key, t.revision, t.artifact, w.options_digest, (array_agg(w.options))[1] as options
  from target t left join lateral (
    select c.options_digest, c.options from consumers c left join desired d on ${SAME_OBJECT('d', 'c')}
    where ${CONSUMES('c', 't')} and (t.moved or ${UNANSWERED})) w on true
  group by t.source_key, t.revision, t.artifact, w.options_digest`)

/**
 * Takes the heads of clusters, in order, so that two transactions never wait for each other. What is
 * written afterwards in the transaction reads its numbers from them: joined with what an update returned, which the
 * planner takes for one row, five thousand clusters would be compared with five thousand.
 */
export const LOCK_HEADS = prepared(
  'select h.cluster_id from cluster_heads h where h.cluster_id = any($1::text[]) order by h.cluster_id for update',
)

/** Relation `answered`: the targets that were answered, in columns ($5 to $7). */
const ANSWERED = `
  answered as (select * from unnest($5::text[], $6::text[], $7::text[]) as a (source_key, revision, artifact))`
const OF_TARGET = (table: string) =>
  `${table}.source_key = t.source_key and ${table}.revision = t.revision and ${table}.artifact = t.artifact`

/** What was built ($5), by what `BUILT` says: a relation would be compared with the consumers one by one, a thousand with a thousand. */
const BUILT = (built: string) => `${built}::jsonb -> concat_ws(' ', t.source_key, t.revision, t.artifact, c.options_digest)`

/** What was built for targets ($5). A source that loses a consumer to another is released anew. */
export const UPSERT_DESIRED = prepared(`with ${TARGETS},
  changed as (
    select c.*, b.bundle, b.problem, t.revision, d.source_kind as left_kind, d.source_namespace as left_namespace, d.source_name as left_name,
           h.counter + row_number() over (partition by c.cluster_id order by c.grp, c.kind, c.namespace, c.name) as position
    from target t join consumers c on ${CONSUMES('c', 't')}
    cross join lateral (select ${BUILT('$5')} as one) o
    cross join lateral (select o.one ->> 'bundle' as bundle, nullif(o.one -> 'problem', 'null') as problem where o.one is not null) b
    join cluster_heads h on h.cluster_id = c.cluster_id
    left join desired d on ${SAME_OBJECT('d', 'c')}
    where (t.moved or ${UNANSWERED})
      and (${UNANSWERED} or d.bundle is distinct from b.bundle or d.problem is distinct from b.problem)),
  recounted as (
    update releases r set recount = true from changed x
    where r.cluster_id = x.cluster_id and r.source_kind = x.left_kind and r.source_namespace = x.left_namespace and r.source_name = x.left_name
      and (x.left_kind, x.left_namespace, x.left_name) <> (x.source_kind, x.source_namespace, x.source_name)),
  bumped as (
    update cluster_heads h set counter = h.counter + n.count from (select cluster_id, count(*) as count from changed group by cluster_id) n
    where h.cluster_id = n.cluster_id)
  insert into desired as d (cluster_id, grp, kind, namespace, name, source_kind, source_namespace, source_name, options_digest, bundle, problem, position, revision)
  select x.cluster_id, x.grp, x.kind, x.namespace, x.name, x.source_kind, x.source_namespace, x.source_name, x.options_digest, x.bundle, x.problem, x.position, x.revision
  from changed x
  on conflict (cluster_id, grp, kind, namespace, name) do update set
    source_kind = excluded.source_kind, source_namespace = excluded.source_namespace, source_name = excluded.source_name,
    options_digest = excluded.options_digest, bundle = excluded.bundle, problem = excluded.problem, position = excluded.position,
    revision = case when d.bundle is distinct from excluded.bundle then excluded.revision else d.revision end
  returning cluster_id`)

/** Releases of objects whose consumers all have an answer that is right for the target's tree; what was built for targets ($8). */
export const UPSERT_RELEASES = prepared(`with ${TARGETS},${ANSWERED},
  complete as (
    select t.*, set_digest_of(t.cluster_id, t.kind, t.namespace, t.name) as set_digest
    from target t join answered a on ${OF_TARGET('a')}
    where not exists (
      select 1 from consumers c left join desired d on ${SAME_OBJECT('d', 'c')}
      where ${CONSUMES('c', 't')} and (${UNANSWERED} or (t.moved and ${BUILT('$8')} is null)))),
  changed as (
    select x.*, h.counter + row_number() over (partition by x.cluster_id order by x.kind, x.namespace, x.name) as position
    from complete x join cluster_heads h on h.cluster_id = x.cluster_id left join releases r on r.cluster_id = x.cluster_id and r.source_kind = x.kind and r.source_namespace = x.namespace and r.source_name = x.name
    where r.cluster_id is null or r.recount or r.revision <> x.revision or r.artifact <> x.artifact or r.set_digest <> x.set_digest or r.source_key <> x.source_key),
  bumped as (
    update cluster_heads h set counter = h.counter + n.count from (select cluster_id, count(*) as count from changed group by cluster_id) n
    where h.cluster_id = n.cluster_id)
  insert into releases (cluster_id, source_kind, source_namespace, source_name, source_key, revision, artifact, set_digest, position)
  select x.cluster_id, x.kind, x.namespace, x.name, x.source_key, x.revision, x.artifact, x.set_digest, x.position
  from changed x
  on conflict (cluster_id, source_kind, source_namespace, source_name) do update set
    source_key = excluded.source_key, revision = excluded.revision, artifact = excluded.artifact, set_digest = excluded.set_digest,
    position = excluded.position, released_at = now(), recount = false
  returning cluster_id`)

/** What the status of source objects, in columns ($1 to $4), should say: what they are released, and the problem of the last check. */
export const ANSWER = prepared(`with said as (
    select so.cluster_id, so.kind, so.namespace, so.name, so.generation,
           case when so.problem is not null or s.checked_at >= so.requested_seen_at then so.requested_at else coalesce(o.handled_at, '') end as handled_at,
           coalesce(r.revision, '') as revision, coalesce(r.artifact, '') as artifact, coalesce(a.bytes, 0) as bytes,
           v.seen_at as artifact_at, coalesce(v.metadata, '{}') as metadata, coalesce(so.problem, s.problem) as problem
    from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as p (cluster_id, kind, namespace, name)
    join source_objects so on so.cluster_id = p.cluster_id and so.kind = p.kind and so.namespace = p.namespace and so.name = p.name
    left join sources s on s.key = so.source_key${TOLD}
    left join artifacts a on a.digest = r.artifact
    where so.source_key is not null and not so.suspended and (so.problem is not null or s.problem is not null or (
      r.source_key = so.source_key and r.revision = want.revision) or (want.artifact is null and o.problem is not null))),
  changed as (
    select x.*, h.counter + row_number() over (partition by x.cluster_id order by x.kind, x.namespace, x.name) as position
    from said x join cluster_heads h on h.cluster_id = x.cluster_id left join source_statuses o on o.cluster_id = x.cluster_id and o.kind = x.kind and o.namespace = x.namespace and o.name = x.name
    where o.cluster_id is null or (o.generation, o.revision, o.artifact, o.handled_at, o.metadata) <> (x.generation, x.revision, x.artifact, x.handled_at, x.metadata)
      or o.problem is distinct from x.problem),
  bumped as (
    update cluster_heads h set counter = h.counter + n.count from (select cluster_id, count(*) as count from changed group by cluster_id) n
    where h.cluster_id = n.cluster_id)
  insert into source_statuses (cluster_id, kind, namespace, name, generation, revision, artifact, bytes, artifact_at, metadata, problem, handled_at, position)
  select x.cluster_id, x.kind, x.namespace, x.name, x.generation, x.revision, x.artifact, x.bytes, x.artifact_at, x.metadata, x.problem, x.handled_at, x.position
  from changed x
  on conflict (cluster_id, kind, namespace, name) do update set
    generation = excluded.generation, revision = excluded.revision, artifact = excluded.artifact, bytes = excluded.bytes,
    artifact_at = excluded.artifact_at, metadata = excluded.metadata, problem = excluded.problem, handled_at = excluded.handled_at, position = excluded.position,
    xid = pg_current_xact_id(), seq = nextval('object_seq')
  returning cluster_id`)
