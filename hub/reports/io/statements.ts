// Statements of the fold. Rows arrive as one JSON array each; column names are those of the row types in model.ts.

const REF = '"clusterId" text, "group" text, kind text, namespace text, name text'

export const OPEN_POSITIONS = `
  insert into report_positions (cluster_id, lane, boot, sequence)
  select g.cluster_id, g.lane, 0, 0 from unnest($1::text[], $2::text[]) as g (cluster_id, lane) join clusters c on c.id = g.cluster_id
  on conflict do nothing`

export const LOCK_POSITIONS = `
  select p.cluster_id, p.lane, p.boot, p.sequence from report_positions p
  join unnest($1::text[], $2::text[]) as g (cluster_id, lane) on g.cluster_id = p.cluster_id and g.lane = p.lane
  order by p.cluster_id, p.lane for update of p`

export const MOVE_POSITIONS = `
  update report_positions p set boot = g.boot, sequence = g.sequence, folded_at = now()
  from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) as g (cluster_id, lane, boot, sequence)
  where p.cluster_id = g.cluster_id and p.lane = g.lane`

export const LOCK_HEADS = 'select cluster_id from cluster_heads where cluster_id = any($1::text[]) order by cluster_id for update'

/** Mirrors of a cluster that its complete list ($2, refs) does not name. */
export const NOT_LISTED = `
  select o.grp as "group", o.kind, o.namespace, o.name, o.uid from objects o
  where o.scope = $1 and not exists (
    select 1 from jsonb_to_recordset($2::jsonb) as x("group" text, kind text, namespace text, name text, uid text)
    where x."group" = o.grp and x.kind = o.kind and x.namespace = o.namespace and x.name = o.name and x.uid = o.uid)`

export const UPSERT_SOURCES = `
  insert into sources (key, kind, url, options, credential_id, trusted, hosts, interval_ms, timeout_ms)
  select distinct on (key) key, kind, url, options, "credentialId", trusted, hosts, "intervalMs", "timeoutMs"
  from jsonb_to_recordset($1::jsonb) as x(key text, kind text, url text, options jsonb, "credentialId" text, trusted boolean, hosts text[],
    "intervalMs" bigint, "timeoutMs" bigint)
  order by key
  on conflict (key) do nothing
  returning key`

/**
 * What objects ($1) have of the source that theirs was before their repository was suspended is what it has now: there is
 * nothing to be fetched for that. Before the objects are given the new source.
 */
export const KEEP_CONTENT = `
  with given as (
    select * from jsonb_to_recordset($1::jsonb) as x("clusterId" text, kind text, namespace text, name text, key text, thawed text)),
  kept as (
    select distinct on (g.key) g.key, g.thawed, r.revision, r.artifact from given g
    join source_objects so on so.cluster_id = g."clusterId" and so.kind = g.kind and so.namespace = g.namespace and so.name = g.name and so.source_key = g.thawed
    join releases r on r.cluster_id = g."clusterId" and r.source_kind = g.kind and r.source_namespace = g.namespace and r.source_name = g.name
      and r.source_key = g.thawed
    order by g.key, r.released_at desc),
  told as (
    insert into revisions (source_key, revision, artifact, commit, metadata, seen_at)
    select k.key, v.revision, v.artifact, v.commit, v.metadata, v.seen_at from kept k
    join revisions v on v.source_key = k.thawed and v.revision = k.revision
    on conflict do nothing)
  update sources s set revision = k.revision, artifact = k.artifact from kept k where s.key = k.key and s.artifact is null`

/**
 * An object that a Rollout may be meant to move is held from its first moment on: the Rollout lets go of those it does not choose.
 * @returns key; whether the object asks for a `look` now: another source, another request, resumed, or changed; and whether it
 *   `moved`: whoever chooses clusters by it may choose otherwise
 */
export const UPSERT_SOURCE_OBJECTS = `
  with given as (
    select x.* from jsonb_to_recordset($1::jsonb) as x("clusterId" text, kind text, namespace text, name text, "sourceKey" text, generation bigint,
      suspended boolean, "intervalMs" bigint, "requestedAt" text, problem jsonb, "credentialId" text, "credentialProblem" jsonb)
    join clusters c on c.id = x."clusterId"),
  before as (
    select o.* from source_objects o join given g on o.cluster_id = g."clusterId" and o.kind = g.kind and o.namespace = g.namespace and o.name = g.name),
  written as (
    insert into source_objects as o (cluster_id, kind, namespace, name, source_key, generation, suspended, interval_ms, requested_at, problem,
      credential_id, credential_problem)
    select "clusterId", kind, namespace, name, "sourceKey", generation, suspended, "intervalMs", "requestedAt", problem, "credentialId",
      "credentialProblem"
    from given
    on conflict (cluster_id, kind, namespace, name) do update set
      source_key = excluded.source_key, generation = excluded.generation, suspended = excluded.suspended, interval_ms = excluded.interval_ms,
      requested_seen_at = case when o.requested_at = excluded.requested_at then o.requested_seen_at else now() end,
      requested_at = excluded.requested_at, problem = excluded.problem,
      credential_id = excluded.credential_id, credential_problem = excluded.credential_problem
    where (o.source_key, o.generation, o.suspended, o.interval_ms, o.requested_at, o.problem, o.credential_id, o.credential_problem)
      is distinct from (excluded.source_key, excluded.generation, excluded.suspended, excluded.interval_ms, excluded.requested_at,
        excluded.problem, excluded.credential_id, excluded.credential_problem)
    returning o.*),
  held as (
    insert into governed (cluster_id, source_kind, source_namespace, source_name, rollout)
    select distinct on (w.cluster_id, w.kind, w.namespace, w.name) w.cluster_id, w.kind, w.namespace, w.name, r.uid
    from written w
    left join before b on b.cluster_id = w.cluster_id and b.kind = w.kind and b.namespace = w.namespace and b.name = w.name
    join objects r on r.scope = 'fleet' and r.grp = 'fleet.flotilla.dev' and r.kind = 'Rollout' and r.namespace = w.namespace
      and r.spec #>> '{source,kind}' = w.kind and r.spec #>> '{source,name}' = w.name
    where b.cluster_id is null
    order by w.cluster_id, w.kind, w.namespace, w.name, r.created_at, r.uid
    on conflict do nothing)
  select w.source_key,
         b.source_key is distinct from w.source_key or b.requested_at <> w.requested_at or (b.suspended and not w.suspended) as look,
         b.cluster_id is null or (b.source_key, b.suspended, b.problem) is distinct from (w.source_key, w.suspended, w.problem) as moved,
         b.source_key as left_key
  from written w left join before b on b.cluster_id = w.cluster_id and b.kind = w.kind and b.namespace = w.namespace and b.name = w.name`

/** A source is looked at as often as the most eager of its objects asks. */
export const SET_INTERVALS = `
  update sources s set interval_ms = m.interval_ms
  from (select source_key, min(interval_ms) as interval_ms from source_objects where source_key = any($1::text[]) and not suspended group by source_key) m
  where s.key = m.source_key and s.interval_ms <> m.interval_ms`

export const LOOK_NOW = 'update sources set next_at = now() where key = any($1::text[])'

/** @returns the sources of the consumers that are new or changed */
export const UPSERT_CONSUMERS = `
  with given as (
    select x.* from jsonb_to_recordset($1::jsonb) as x(${REF}, "sourceKind" text, "sourceNamespace" text, "sourceName" text, "optionsDigest" text,
      options jsonb, suspended boolean)
    join clusters c on c.id = x."clusterId"),
  written as (
    insert into consumers as o (cluster_id, grp, kind, namespace, name, source_kind, source_namespace, source_name, options_digest, options, suspended)
    select "clusterId", "group", kind, namespace, name, "sourceKind", "sourceNamespace", "sourceName", "optionsDigest", options, suspended from given
    on conflict (cluster_id, grp, kind, namespace, name) do update set
      source_kind = excluded.source_kind, source_namespace = excluded.source_namespace, source_name = excluded.source_name,
      options_digest = excluded.options_digest, options = excluded.options, suspended = excluded.suspended
    where (o.source_kind, o.source_namespace, o.source_name, o.options_digest, o.suspended)
      is distinct from (excluded.source_kind, excluded.source_namespace, excluded.source_name, excluded.options_digest, excluded.suspended)
    returning o.*)
  select distinct so.source_key from written w
  join source_objects so on so.cluster_id = w.cluster_id and so.kind = w.source_kind and so.namespace = w.source_namespace and so.name = w.source_name
  where so.source_key is not null`

const GONE = `gone as (select x.* from jsonb_to_recordset($1::jsonb) as x(${REF}))`
const IS_GONE = (table: string, group = 'grp') =>
  `${table}.cluster_id = gone."clusterId" and gone."group" = ${group === 'grp' ? `${table}.grp` : `'${group}'`} and ${table}.kind = gone.kind
   and ${table}.namespace = gone.namespace and ${table}.name = gone.name`

/** @returns the sources that lost a consumer */
export const DELETE_CONSUMERS = `with ${GONE},
  lost as (delete from consumers using gone where ${IS_GONE('consumers')} returning consumers.*)
  select distinct so.source_key from lost
  join source_objects so on so.cluster_id = lost.cluster_id and so.kind = lost.source_kind and so.namespace = lost.source_namespace and so.name = lost.source_name
  where so.source_key is not null`

const tombstones = (fact: string, rows: string) => `
  numbered as (select r.*, row_number() over (partition by r.cluster_id order by r.kind, r.namespace, r.name) as nth from (${rows}) r),
  bumped as (
    update cluster_heads h set counter = h.counter + n.count from (select cluster_id, count(*) as count from numbered group by cluster_id) n
    where h.cluster_id = n.cluster_id returning h.cluster_id, h.counter - n.count as base)
  insert into removals (cluster_id, fact, grp, kind, namespace, name, position)
  select n.cluster_id, '${fact}', n.grp, n.kind, n.namespace, n.name, bumped.base + n.nth from numbered n join bumped on bumped.cluster_id = n.cluster_id
  on conflict (cluster_id, fact, grp, kind, namespace, name) do update set position = excluded.position
  returning cluster_id`

/** What its source was released covers it no more. */
export const DELETE_DESIRED = `with ${GONE},
  lost as (delete from desired using gone where ${IS_GONE('desired')} returning desired.*),
  recounted as (
    update releases r set recount = true from lost l
    where r.cluster_id = l.cluster_id and r.source_kind = l.source_kind and r.source_namespace = l.source_namespace and r.source_name = l.source_name),
  ${tombstones('desired', 'select cluster_id, grp, kind, namespace, name from lost')}`

const sourceRows = `select cluster_id, 'source.toolkit.fluxcd.io' as grp, kind, namespace, name from lost`

export const DELETE_RELEASES = `with ${GONE},
  lost as (delete from releases using gone where releases.cluster_id = gone."clusterId" and gone."group" = 'source.toolkit.fluxcd.io'
    and releases.source_kind = gone.kind and releases.source_namespace = gone.namespace and releases.source_name = gone.name
    returning releases.cluster_id, releases.source_kind as kind, releases.source_namespace as namespace, releases.source_name as name),
  ${tombstones('release', sourceRows)}`

export const DELETE_SOURCE_STATUSES = `with ${GONE},
  lost as (delete from source_statuses using gone where ${IS_GONE('source_statuses', 'source.toolkit.fluxcd.io')}
    returning source_statuses.cluster_id, source_statuses.kind, source_statuses.namespace, source_statuses.name),
  ${tombstones('source-status', sourceRows)}`

export const DELETE_SOURCE_OBJECTS = `with ${GONE}
  delete from source_objects using gone where ${IS_GONE('source_objects', 'source.toolkit.fluxcd.io')} returning source_objects.source_key`

export const DELETE_OBSERVED = `with ${GONE} delete from observed using gone where ${IS_GONE('observed')}`
export const DELETE_APPLIED = `with ${GONE} delete from applied using gone where ${IS_GONE('applied')}`
export const DELETE_REACHED = `with ${GONE} delete from reached using gone where reached.cluster_id = gone."clusterId"
  and gone."group" = 'source.toolkit.fluxcd.io' and reached.source_kind = gone.kind and reached.source_namespace = gone.namespace and reached.source_name = gone.name`

export const UPSERT_OBSERVED = `
  insert into observed as o (cluster_id, grp, kind, namespace, name, generation, ready, reason, message, suspended)
  select x."clusterId", x."group", x.kind, x.namespace, x.name, x.generation, x.ready, x.reason, x.message, x.suspended
  from jsonb_to_recordset($1::jsonb) as x(${REF}, generation bigint, ready text, reason text, message text, suspended boolean)
  join clusters c on c.id = x."clusterId"
  on conflict (cluster_id, grp, kind, namespace, name) do update set
    since = case when o.ready = excluded.ready then o.since else now() end,
    generation = excluded.generation, ready = excluded.ready, reason = excluded.reason, message = excluded.message, suspended = excluded.suspended
  where (o.generation, o.ready, o.reason, o.message, o.suspended)
    is distinct from (excluded.generation, excluded.ready, excluded.reason, excluded.message, excluded.suspended)`

/** Flux objects of a word, each with the bundle that `moved` it to its generation; who stands in the word before (`o`) as it is now keeps that. */
const MOVED = `
  select coalesce(jsonb_agg(x.one || jsonb_strip_nulls(jsonb_build_object('moved', case when old.one is null then excluded.bundle else old.one ->> 'moved' end)) order by x.at), '[]')
  from jsonb_array_elements(excluded.flux_objects) with ordinality as x (one, at)
  left join lateral (
    select y.one from jsonb_array_elements(o.flux_objects) as y (one) where y.one - 'moved' = x.one - 'moved' limit 1) old on true`

/** Words on what was applied; the same word again writes nothing. */
export const UPSERT_APPLIED = `
  insert into applied as o (cluster_id, grp, kind, namespace, name, uid, generation, bundle, health, message, flux_objects)
  select x."clusterId", x."group", x.kind, x.namespace, x.name, x.uid, x.generation, x.bundle, x.health, x.message, x."fluxObjects"
  from jsonb_to_recordset($1::jsonb) as x(${REF}, uid text, generation bigint, bundle text, health text, message text, "fluxObjects" jsonb)
  join clusters c on c.id = x."clusterId"
  on conflict (cluster_id, grp, kind, namespace, name) do update set
    since = case when o.health = excluded.health then o.since else now() end,
    uid = excluded.uid, generation = excluded.generation, bundle = excluded.bundle, health = excluded.health, message = excluded.message,
    flux_objects = (${MOVED})
  where (o.uid, o.generation, o.bundle, o.health, o.message, o.flux_objects)
    is distinct from (excluded.uid, excluded.generation, excluded.bundle, excluded.health, excluded.message, (${MOVED}))`

export const UPSERT_REACHED = `
  insert into reached as o (cluster_id, source_kind, source_namespace, source_name, revision, ready, not_ready, set_digest)
  select x."clusterId", x.kind, x.namespace, x.name, x.revision, x.ready, x."notReady", x."setDigest"
  from jsonb_to_recordset($1::jsonb) as x(${REF}, revision text, ready int, "notReady" int, "setDigest" text)
  join clusters c on c.id = x."clusterId"
  on conflict (cluster_id, source_kind, source_namespace, source_name) do update set
    revision = excluded.revision, ready = excluded.ready, not_ready = excluded.not_ready, set_digest = excluded.set_digest,
    at = now(), xid = pg_current_xact_id(), seq = nextval('object_seq')
  where (o.revision, o.ready, o.not_ready, o.set_digest) is distinct from (excluded.revision, excluded.ready, excluded.not_ready, excluded.set_digest)`

/** Stragglers carry revisions of their own; the object's row moves too, so that watchers hear of it. */
export const SET_STRAGGLERS = `
  with given as (
    select * from jsonb_to_recordset($1::jsonb) as x(${REF}, "lastAppliedRevision" text, "lastAttemptedRevision" text, "inLine" boolean)),
  moved as (
    update observed o set in_line = g."inLine",
      last_applied_revision = case when g."inLine" then null else g."lastAppliedRevision" end,
      last_attempted_revision = case when g."inLine" then null else g."lastAttemptedRevision" end
    from given g
    where o.cluster_id = g."clusterId" and o.grp = g."group" and o.kind = g.kind and o.namespace = g.namespace and o.name = g.name
    returning o.cluster_id, o.grp, o.kind, o.namespace, o.name)
  update objects o set xid = pg_current_xact_id(), seq = nextval('object_seq')
  from moved m where o.scope = m.cluster_id and o.grp = m.grp and o.kind = m.kind and o.namespace = m.namespace and o.name = m.name`

export const INSERT_EVENTS = `
  insert into events (id, cluster_id, grp, kind, namespace, name, severity, reason, message, revision, at)
  select x.id, x."clusterId", x."group", x.kind, x.namespace, x.name, x.severity, x.reason, x.message, x.revision, x.at
  from jsonb_to_recordset($1::jsonb) as x(${REF}, id text, severity text, reason text, message text, revision text, at timestamptz)
  on conflict do nothing`

/** Answers to the access that a cluster has now; one to an earlier state of it says nothing. @returns the tenants of which another word was known */
export const SET_TENANT_SETUPS = `
  with given as (select * from jsonb_to_recordset($1::jsonb) as x("clusterId" text, tenant text, position bigint, problem text)),
  moved as (
    update tenant_access a set setup = case when g.problem is null then 'ready' else 'failed' end, setup_problem = g.problem
    from given g
    where a.cluster_id = g."clusterId" and a.tenant = g.tenant and a.position = g.position and not a.removed
      and (a.setup is null or a.setup_problem is distinct from g.problem)
    returning a.tenant)
  select distinct tenant from moved`

export const REJECT = 'insert into rejected_reports (cluster_id, lane, reason, bytes) values ($1, $2, $3, $4)'
