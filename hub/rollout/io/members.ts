import type { ClusterId } from '../../../proto/model/ids.ts'
import { FLEET_GROUP } from '../../../proto/model/names.ts'
import type { Sql } from '../../db/db.ts'
import { PLACEMENT_KEY, type SourceObject } from '../model.ts'
import type { Candidate } from '../ports.ts'
import { KEYS_OF, PLACEMENT_HOLDERS } from './keys.ts'

const OBJECT = (table: string) =>
  `${table}.cluster_id = so.cluster_id and ${table}.source_kind = so.kind and ${table}.source_namespace = so.namespace and ${table}.source_name = so.name`

const CANDIDATES = `
  select c.id as "clusterId", c.name, coalesce(o.labels, '{}') as labels, coalesce(so.source_key, '') as "sourceKey",
         coalesce(s.url || ' ' || s.options::text, '') as origin,
         case when s.artifact is not null then jsonb_build_object('revision', s.revision, 'artifact', s.artifact) end as newest,
         case when r.cluster_id is not null then jsonb_build_object('revision', r.revision, 'artifact', r.artifact) end as has,
         w.uid as "governedBy", w.namespace || '/' || w.name as governor
  from source_objects so
  join clusters c on c.id = so.cluster_id and c.approved_at is not null
  left join sources s on s.key = so.source_key
  left join objects o on o.scope = 'fleet' and o.grp = '${FLEET_GROUP}' and o.kind = 'Cluster' and o.namespace = '' and o.name = c.name
  left join releases r on ${OBJECT('r')}
  left join governed g on ${OBJECT('g')}
  left join rollouts w on w.uid = g.rollout
  where so.kind = $1 and so.namespace = $2 and so.name = $3
    and ($4::text is null or exists (select from tenant_access a where a.cluster_id = c.id and a.tenant = $4 and not a.removed))
  order by c.name`

/** The same of a Placement: the clusters that it chooses. */
const PLACED = `
  select c.id as "clusterId", c.name, coalesce(o.labels, '{}') as labels, '${PLACEMENT_KEY}' || so.uid as "sourceKey", so.uid as origin,
         jsonb_build_object('revision', so.newest, 'artifact', '') as newest,
         case when so.revision is not null then jsonb_build_object('revision', so.revision, 'artifact', '') end as has,
         w.uid as "governedBy", w.namespace || '/' || w.name as governor
  from (${PLACEMENT_HOLDERS}) so
  join clusters c on c.id = so.cluster_id and c.approved_at is not null
  left join objects o on o.scope = 'fleet' and o.grp = '${FLEET_GROUP}' and o.kind = 'Cluster' and o.namespace = '' and o.name = c.name
  left join governed g on ${OBJECT('g')}
  left join rollouts w on w.uid = g.rollout
  where so.kind = $1 and so.namespace = $2 and so.name = $3
    and ($4::text is null or exists (select from tenant_access a where a.cluster_id = c.id and a.tenant = $4 and not a.removed))
  order by c.name`

/** Clusters with the source object that the tenant may use; every one where there is no tenant to limit them. */
export async function candidates(
  sql: Sql,
  { kind, name, namespace }: SourceObject,
  tenant: string | undefined,
): Promise<readonly Candidate[]> {
  return (await sql.query<Candidate>(kind === 'Placement' ? PLACED : CANDIDATES, [kind, namespace, name, tenant ?? null])).rows
}

const GIVEN = `given as (select * from unnest($5::text[], $6::boolean[]) as g (cluster_id, apart))`

/** Rows that the Rollout is to give up: clusters that are not its own any more, and all of a source that it moved before. */
const LET_GO = `
  with ${GIVEN},
  gone as (
    delete from governed g where g.rollout = $1 and ((g.source_kind, g.source_namespace, g.source_name) <> ($2, $3, $4)
      or g.cluster_id = any ($7::text[]) and g.cluster_id not in (select cluster_id from given))
    returning g.cluster_id, g.source_kind, g.source_namespace, g.source_name),
  ungranted as (
    delete from grants using gone where grants.cluster_id = gone.cluster_id and grants.source_kind = gone.source_kind
      and grants.source_namespace = gone.source_namespace and grants.source_name = gone.source_name)
  ${KEYS_OF('gone')}`

const TAKE = `
  with ${GIVEN}
  insert into governed as g (cluster_id, source_kind, source_namespace, source_name, rollout, apart)
  select cluster_id, $2, $3, $4, $1, apart from given order by cluster_id
  on conflict (cluster_id, source_kind, source_namespace, source_name) do update set apart = excluded.apart
    where g.rollout = excluded.rollout and g.apart <> excluded.apart`

/** The clusters that a Rollout governs. */
export async function governedBy(sql: Sql, rollout: string): Promise<readonly ClusterId[]> {
  const { rows } = await sql.query<{ cluster_id: ClusterId }>('select distinct cluster_id from governed where rollout = $1', [rollout])
  return rows.map((row) => row.cluster_id)
}

/** Makes these the Rollout's clusters; what another Rollout governs stays that one's. @returns sources that are free again */
export async function govern(
  tx: Sql,
  rollout: string,
  {
    clusters,
    held,
    source: { kind, name, namespace },
  }: {
    readonly source: SourceObject
    readonly clusters: readonly { readonly clusterId: string; readonly apart: boolean }[]
    /** Clusters that it governed before the candidates were read: one that joined since is not let go. */
    readonly held: readonly string[]
  },
): Promise<readonly string[]> {
  const values = [rollout, kind, namespace, name, clusters.map(({ clusterId }) => clusterId), clusters.map(({ apart }) => apart)]
  const { rows } = await tx.query<{ source_key: string }>(LET_GO, [...values, held])
  await tx.query(TAKE, values)
  return rows.map((row) => row.source_key)
}
