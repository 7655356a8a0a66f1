// Statements of a settlement. Everything is written by as many statements as there are tables, however many clusters it is about.
import { FLEET_GROUP } from '../../../proto/model/names.ts'

const FLEET = (name: string, kind: string) => `${name}.scope = 'fleet' and ${name}.grp = '${FLEET_GROUP}' and ${name}.kind = '${kind}'`

/** Relation of Placements with whose they are. */
const PLACEMENTS = `
  select o.uid, o.namespace, o.name, o.generation, o.created_at, o.metadata ? 'deletionTimestamp' as leaving, o.spec,
         coalesce(t.tenant, '') as tenant, coalesce(n.spec -> 'namespaces' ->> 0, '') as first_namespace
  from objects o
  left join tenant_namespaces t on t.namespace = o.namespace
  left join objects n on ${FLEET('n', 'Tenant')} and n.namespace = '' and n.name = t.tenant
  where ${FLEET('o', 'Placement')}`

/** Placements that are not as they were settled, and those whose object is gone; at most $1. */
export const DUE_PLACEMENTS = `
  select uid from (
    select p.uid from (${PLACEMENTS}) p left join placements s on s.uid = p.uid
    where (s.generation, s.tenant, s.first_namespace) is distinct from (p.generation, p.tenant, p.first_namespace)
    union all
    select s.uid from placements s where s.generation >= 0 and not exists (
      select from objects o where ${FLEET('o', 'Placement')} and o.namespace = s.namespace and o.name = s.name and o.uid = s.uid)) due
  limit $1`

const MOVES = (placement: string) => `${FLEET('r', 'Rollout')} and r.namespace = ${placement}.namespace
  and r.spec #>> '{source,kind}' = 'Placement' and r.spec #>> '{source,name}' = ${placement}.name`

/** Placements of these uids, or all; in the order in which they were made. `due`: they are not as they were settled. */
export const READ_PLACEMENTS = `
  select p.uid, p.namespace, p.name, p.generation, p.leaving, p.spec, p.tenant, p.first_namespace,
         (s.generation, s.tenant, s.first_namespace) is distinct from (p.generation, p.tenant, p.first_namespace) as due,
         exists (select from objects r where ${MOVES('p')}) as moved
  from (${PLACEMENTS}) p left join placements s on s.uid = p.uid
  where $1::text[] is null or p.uid = any($1::text[]) order by p.created_at, p.uid`

/** Relation of clusters with what placements read of them: one look into each index a cluster, whatever the planner believes. */
const CLUSTERS = `
  select *, md5(jsonb_build_array(name, labels, facts, variables, tenants)::text) as digest from (
    select c.id, c.name, coalesce(o.labels, '{}') as labels, coalesce(o.status -> 'facts', '{}') as facts,
           coalesce(o.spec -> 'variables', '{}') as variables, coalesce(a.tenants, '{}') as tenants
    from clusters c
    left join lateral (select * from objects o where ${FLEET('o', 'Cluster')} and o.namespace = '' and o.name = c.name limit 1) o on true
    left join lateral (
      select jsonb_object_agg(tenant, namespaces) as tenants from tenant_access where cluster_id = c.id and not removed limit 1) a on true
    where c.approved_at is not null) known`

/** Clusters that are not as they were settled; at most $1. */
export const DUE_CLUSTERS = `
  select k.id from (${CLUSTERS}) k left join placement_clusters s on s.cluster_id = k.id
  where s.digest is distinct from k.digest limit $1`

/** Clusters of these ids, or all. */
export const READ_CLUSTERS = `select * from (${CLUSTERS}) k where $1::text[] is null or id = any($1::text[]) order by name`

export const READ_TAKEN = 'select namespace, tenant from tenant_namespaces'

/** Clusters that a Rollout holds at a revision of a Placement, as far as it has granted one; the objects of each revision once. */
export const READ_HOLDS = `
  select p.uid as placement, g.cluster_id as "clusterId", v.revision,
         case when row_number() over (partition by p.uid, v.revision) = 1 then v.objects end as objects
  from (${PLACEMENTS}) p
  join governed g on g.source_kind = 'Placement' and g.source_namespace = p.namespace and g.source_name = p.name
  left join grants r on r.cluster_id = g.cluster_id and r.source_kind = g.source_kind and r.source_namespace = g.source_namespace and r.source_name = g.source_name
  left join placement_revisions v on v.placement = p.uid and v.revision = r.revision
  where $1::text[] is null or p.uid = any($1::text[])`

/** Clusters that a Placement did not choose before are the Rollout's that moves it, until that says otherwise. @returns the pairs */
export const HOLD_NEWCOMERS = `
  with wished as (
    select distinct on (x."clusterId", x.placement) x."clusterId" as cluster_id, p.namespace, p.name, r.uid as rollout, r.name as rollout_name
    from jsonb_to_recordset($1::jsonb) as x(placement text, "clusterId" text)
    join objects p on ${FLEET('p', 'Placement')} and p.uid = x.placement
    join objects r on ${MOVES('p')}
    where not exists (select from placement_targets t where t.placement = x.placement and t.cluster_id = x."clusterId")
    order by x."clusterId", x.placement, r.created_at, r.uid),
  -- one that is deleted before anybody looked at it lets go of them all the same
  known as (
    insert into rollouts (uid, namespace, name) select distinct rollout, namespace, rollout_name from wished on conflict do nothing),
  held as (
    insert into governed (cluster_id, source_kind, source_namespace, source_name, rollout)
    select cluster_id, 'Placement', namespace, name, rollout from wished
    on conflict do nothing
    returning cluster_id, source_namespace, source_name)
  select p.uid as placement, h.cluster_id as "clusterId" from held h
  join objects p on ${FLEET('p', 'Placement')} and p.namespace = h.source_namespace and p.name = h.source_name`

/** Takes the heads of all clusters that this is about ($1 by id, $2 due placements), in order. */
export const LOCK_HEADS = `
  select h.cluster_id from cluster_heads h
  where h.cluster_id = any($1::text[])
     or h.cluster_id in (select cluster_id from placed where placement = any($2::text[]))
  order by h.cluster_id for update`

const REF = '"group" text, kind text, namespace text, name text'

/** What is in clusters by the word of due placements ($1), in due clusters ($2), and where it is wished for ($3). */
export const READ_PRESENT = `
  select p.* from placed p where p.placement = any($1::text[])
  union
  select p.* from placed p where p.cluster_id = any($2::text[])
  union
  select p.* from placed p join jsonb_to_recordset($3::jsonb) as w("clusterId" text, ${REF})
    on w."clusterId" = p.cluster_id and w."group" = p.grp and w.kind = p.kind and w.namespace = p.namespace and w.name = p.name`

export const WRITE_MANIFESTS = `
  insert into manifests (digest, manifest) select x.digest, x.manifest::jsonb from unnest($1::text[], $2::text[]) as x(digest, manifest)
  on conflict (digest) do update set touched_at = now()`

const BUMPED = `bumped as (
    update cluster_heads h set counter = h.counter + n.count from (select cluster_id, count(*) as count from numbered group by cluster_id) n
    where h.cluster_id = n.cluster_id returning h.cluster_id, h.counter - n.count as base)`

/** @returns the clusters that have news */
export const WRITE_PLACED = `
  with numbered as (
    select x."clusterId" as cluster_id, x."group" as grp, x.kind, x.namespace, x.name, x.placement, x.owner, x.manifest, x.leaving,
           row_number() over (partition by x."clusterId" order by x."group", x.kind, x.namespace, x.name) as nth
    from jsonb_to_recordset($1::jsonb) as x("clusterId" text, ${REF}, placement text, owner text, manifest text, leaving text)),
  ${BUMPED}
  insert into placed (cluster_id, grp, kind, namespace, name, placement, owner, manifest, leaving, position)
  select n.cluster_id, n.grp, n.kind, n.namespace, n.name, n.placement, n.owner, n.manifest, n.leaving, bumped.base + n.nth
  from numbered n join bumped on bumped.cluster_id = n.cluster_id
  on conflict (cluster_id, grp, kind, namespace, name) do update set
    placement = excluded.placement, owner = excluded.owner, manifest = excluded.manifest, leaving = excluded.leaving,
    position = excluded.position, state = 'pending', message = ''
  returning cluster_id`

/** Tells clusters ($1) what the fleet knows of them, where that is news. @returns the clusters that have news */
export const WRITE_INFOS = `
  with given as (select * from jsonb_to_recordset($1::jsonb) as x(id text, labels jsonb, variables jsonb)),
  numbered as (
    select g.id as cluster_id, g.labels, g.variables, 1 as nth from given g left join cluster_infos i on i.cluster_id = g.id
    where (i.labels, i.variables) is distinct from (g.labels, g.variables)),
  ${BUMPED}
  insert into cluster_infos (cluster_id, labels, variables, position)
  select n.cluster_id, n.labels, n.variables, bumped.base + n.nth from numbered n join bumped on bumped.cluster_id = n.cluster_id
  on conflict (cluster_id) do update set labels = excluded.labels, variables = excluded.variables, position = excluded.position
  returning cluster_id`

const TARGET = 'placement text, "clusterId" text, revision text, problems jsonb, blocked boolean'

/** The pairs of due placements ($1) and of due clusters ($2). */
export const READ_TARGETS = `
  select placement, cluster_id as "clusterId" from placement_targets where placement = any($1::text[])
  union
  select placement, cluster_id from placement_targets where cluster_id = any($2::text[])`

/** Forgets pairs. @returns whose they were */
export const DELETE_TARGETS = `
  delete from placement_targets t using jsonb_to_recordset($1::jsonb) as x(placement text, "clusterId" text)
  where t.placement = x.placement and t.cluster_id = x."clusterId" returning t.placement`

/** A target that is held without a grant stays at the revision that it has. @returns whose targets are not as they were */
export const WRITE_TARGETS = `
  insert into placement_targets as t (placement, cluster_id, revision, problems, blocked)
  select x.placement, x."clusterId", x.revision, x.problems, x.blocked from jsonb_to_recordset($1::jsonb) as x(${TARGET})
  on conflict (placement, cluster_id) do update set
    revision = coalesce(excluded.revision, t.revision), problems = excluded.problems, blocked = excluded.blocked
  where (t.revision, t.problems, t.blocked) is distinct from (coalesce(excluded.revision, t.revision), excluded.problems, excluded.blocked)
  returning placement`

export const WRITE_PLACEMENTS = `
  insert into placements (uid, namespace, name, generation, tenant, first_namespace, revision, on_unmatch)
  select uid, namespace, name, generation, tenant, "firstNamespace", revision, "onUnmatch"
  from jsonb_to_recordset($1::jsonb) as x(uid text, namespace text, name text, generation bigint, tenant text, "firstNamespace" text, revision text, "onUnmatch" text)
  on conflict (uid) do update set generation = excluded.generation, tenant = excluded.tenant, first_namespace = excluded.first_namespace,
    revision = excluded.revision, on_unmatch = excluded.on_unmatch`

export const WRITE_REVISIONS = `
  insert into placement_revisions (placement, revision, objects)
  select uid, revision, objects from jsonb_to_recordset($1::jsonb) as x(uid text, revision text, objects jsonb) on conflict do nothing`

/** Placements whose object is gone are settled once; -1 says that they were. */
export const MARK_GONE = 'update placements set generation = -1 where uid = any($1::text[])'

export const READ_ON_UNMATCH = 'select uid, on_unmatch as "onUnmatch" from placements where uid = any($1::text[])'

export const WRITE_CLUSTERS = `
  insert into placement_clusters (cluster_id, digest) select * from unnest($1::text[], $2::text[])
  on conflict (cluster_id) do update set digest = excluded.digest`
