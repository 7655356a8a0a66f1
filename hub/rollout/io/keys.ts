import { FLEET_GROUP, KUSTOMIZE_GROUP } from '../../../proto/model/names.ts'
import { PLACEMENT_KEY } from '../model.ts'

/** Query for what is to be settled anew for the source objects of a relation: keys of sources, and of Placements. */
export const KEYS_OF = (rows: string) => `
  select so.source_key from ${rows} k
  join source_objects so on so.cluster_id = k.cluster_id and so.kind = k.source_kind and so.namespace = k.source_namespace and so.name = k.source_name
  where so.source_key is not null
  union
  select '${PLACEMENT_KEY}' || p.uid from ${rows} k
  join placements p on k.source_kind = 'Placement' and p.namespace = k.source_namespace and p.name = k.source_name and p.generation >= 0`

/** Relation of the clusters that a Placement chooses, with the names of its columns. */
export const PLACEMENT_HOLDERS = `
  select t.cluster_id, 'Placement' as kind, p.namespace, p.name, p.uid, p.revision as newest, t.revision, t.problems, t.blocked
  from placements p join placement_targets t on t.placement = p.uid
  where p.generation >= 0`

/** True where the agent of a head `h` has taken all that Placement `p` has for its cluster. */
export const PLACED_IS_ACKED = (p: string) =>
  `not exists (select from placed d where d.placement = ${p}.uid and d.cluster_id = ${p}.cluster_id and d.position > h.acked)`

/** Flux kinds that have no status: being there is all that can be known of them. */
export const SAY_NOTHING = `('Alert', 'Provider')`

/** One row of a table by its key, one look into its index for each: a hundred clusters do not have the tables of the whole fleet read. */
export const ONE = (table: string, as: string, where: string) => `lateral (select * from ${table} ${as} where ${where} limit 1) ${as}`

/** Relation of those among the `wanted` clusters whose agents tell how what they apply is doing. Of others Ready is all that is known. */
export const TELLING = `
  select c.id as cluster_id from (select distinct cluster_id from wanted) w join clusters c on c.id = w.cluster_id
  join objects f on f.scope = 'fleet' and f.grp = '${FLEET_GROUP}' and f.kind = 'Cluster' and f.namespace = '' and f.name = c.name
  where f.status #> '{facts,capabilities}' @> '["health"]'`

/** True where two rows are of one object of a cluster. */
export const SAME = (a: string, b: string) =>
  `${a}.cluster_id = ${b}.cluster_id and ${a}.grp = ${b}.grp and ${a}.kind = ${b}.kind and ${a}.namespace = ${b}.namespace and ${a}.name = ${b}.name`

/**
 * Joins for object `m`, mirrored as `o`, in a `telling` cluster: `lacking.lack`, which is a `Lack` or null. The agent's word
 * counts for the uid and generation that are mirrored, and where the object `consumes` what is looked at, for the bundle
 * that it is to have; where it says that somebody else applies, Ready is all that is known. What the word names is to be mirrored as new as that, whichever of them was reported first.
 */
export const LACKING = (m: string, consumes: string) => `
    left join telling te on te.cluster_id = ${m}.cluster_id
    left join ${ONE('applied', 'ap', SAME('ap', m))} on true
    left join ${ONE('desired', 'd', SAME('d', m))} on true
    left join lateral (
      select concat_ws('/', x.kind, nullif(x.namespace, ''), x.name) as object
      from jsonb_to_recordset(ap.flux_objects) as x("group" text, kind text, namespace text, name text, uid text, generation bigint)
      left join objects f on f.scope = ${m}.cluster_id and f.grp = x."group" and f.kind = x.kind and f.namespace = x.namespace and f.name = x.name
      where f.scope is null or f.uid <> x.uid or f.generation < x.generation
      order by 1 limit 1) missed on true
    cross join lateral (
      select case when te.cluster_id is null or ${m}.grp <> '${KUSTOMIZE_GROUP}' or ${m}.kind <> 'Kustomization' or ap.health = 'NotAssessed' then null
        when (ap.uid, ap.generation) is distinct from (o.uid, o.generation) or (${consumes} and ap.bundle is distinct from d.bundle)
          then jsonb_build_object('of', 'word', 'word', null)
        when missed.object is not null then jsonb_build_object('of', 'mirror', 'word', missed.object)
        when ap.health <> 'Current' then jsonb_build_object('of', ap.health, 'word', left(ap.message, 500)) end as lack) lacking`

/**
 * Joins for object `m`, mirrored as `o`, with what the hub was told in `ob` and `re`: `had.attempted` and `had.applied`, revisions
 * of the source of which it is to have `due`. A release tells the version of its chart, and of an OCI artifact the digest: the
 * end of the revision; one that was taken back has another chart than the one it attempted.
 */
export const HAD = (m: string, due: string) => `
    cross join lateral (
      select coalesce(o.status ->> 'lastAttemptedRevisionDigest', o.status ->> 'lastAttemptedRevision') = regexp_replace(${due}, '^.*@', '') as tried,
             (select x from jsonb_array_elements(coalesce(o.status -> 'history', '[]')) x order by (x ->> 'version')::int desc limit 1) as newest
      where ${m}.kind = 'HelmRelease' union all select null, null where ${m}.kind <> 'HelmRelease') chart
    cross join lateral (
      select case when ${m}.kind <> 'HelmRelease' then coalesce(o.status ->> 'lastAttemptedRevision', case when ob.in_line then re.revision else ob.last_attempted_revision end)
               when chart.tried then ${due} else o.status ->> 'lastAttemptedRevision' end as attempted,
             case when ${m}.kind <> 'HelmRelease' then coalesce(o.status ->> 'lastAppliedRevision', case when ob.in_line then re.revision else ob.last_applied_revision end)
               when chart.tried and chart.newest ->> 'status' = 'deployed' and chart.newest ->> 'chartVersion' = o.status ->> 'lastAttemptedRevision' then ${due}
               else chart.newest ->> 'chartVersion' end as applied) had`

/** True where what the Ready of object `m`, mirrored as `o`, says is of its last attempt: that of a release begins without failures. */
export const OF_ATTEMPT = (m: string) => `(${m}.kind <> 'HelmRelease' or coalesce((o.status ->> 'failures')::int, 0) > 0)`

/** True where release `m`, mirrored as `o`, is going to be tried again by its own strategy. */
export const RETRIED = (m: string) => `
  coalesce(${m}.kind = 'HelmRelease' and not jsonb_path_exists(o.status, '$.conditions[*] ? (@.type == "Stalled" && @.status == "True")')
    and (o.spec #>> array[o.status ->> 'lastAttemptedReleaseAction', 'strategy', 'name'] = 'RetryOnFailure'
      or (o.spec #>> array[o.status ->> 'lastAttemptedReleaseAction', 'remediation', 'retries'])::int <> 0), false)`
