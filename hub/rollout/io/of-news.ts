import { HELM_GROUP, KUSTOMIZE_GROUP, SOURCE_GROUP } from '../../../proto/model/names.ts'
import type { Sql } from '../../db/db.ts'
import { prepared } from '../../db/prepared.ts'
import type { News } from '../news.ts'
import { ONE } from './keys.ts'

const IS = (as: string) => `${as}.grp = u.grp and ${as}.kind = u.kind and ${as}.namespace = u.namespace and ${as}.name = u.name`
const OWNER = (group: string, kind: string) => `('${group}', '${kind}', o.labels ->> '${group}/namespace', o.labels ->> '${group}/name')`

/**
 * Rollouts with a run in progress that news ($1) may matter to: those that move what an object consumes, or what applied it
 * consumes, and so on up by the owner labels; those of whose releases an agent took one; of a cluster as a whole all, and
 * those of Placements always.
 */
export const OF_NEWS = prepared(`
  with recursive
  news as (
    select * from jsonb_to_recordset($1::jsonb) as n(cluster_id text, "group" text, kind text, namespace text, name text, after bigint, up_to bigint)),
  up as (
    select cluster_id, "group" as grp, kind, namespace, name from news where name is not null
    union
    select u.cluster_id, w.grp, w.kind, w.namespace, w.name
    from up u
    cross join ${ONE('objects', 'o', `o.scope = u.cluster_id and ${IS('o')}`)}
    cross join lateral (values ${OWNER(KUSTOMIZE_GROUP, 'Kustomization')}, ${OWNER(HELM_GROUP, 'HelmRelease')}) as w (grp, kind, namespace, name)
    where w.name is not null and w.namespace is not null),
  moved as (
    select u.cluster_id, c.source_kind, c.source_namespace, c.source_name
    from up u cross join ${ONE('consumers', 'c', `c.cluster_id = u.cluster_id and ${IS('c')}`)}
    union
    select cluster_id, kind, namespace, name from up where grp = '${SOURCE_GROUP}'
    union
    select r.cluster_id, r.source_kind, r.source_namespace, r.source_name
    from news n join releases r on r.cluster_id = n.cluster_id and r.position > n.after and r.position <= n.up_to),
  governing as (
    select g.rollout, g.cluster_id from moved m
    cross join ${ONE('governed', 'g', 'g.cluster_id = m.cluster_id and g.source_kind = m.source_kind and g.source_namespace = m.source_namespace and g.source_name = m.source_name')}
    union
    select g.rollout, g.cluster_id from (select cluster_id, bool_or(name is null and after is null) as whole from news group by cluster_id) n
    join governed g on g.cluster_id = n.cluster_id and (n.whole or g.source_kind = 'Placement'))
  select r.namespace || '/' || r.name as key, g.cluster_id as cluster
  from governing g join rollouts r on r.uid = g.rollout join rollout_runs n on n.id = r.run and n.ended_at is null`)

/** `namespace/name` of the Rollouts in progress that the news may matter to, once for each cluster that it is of. */
export async function ofNews(sql: Sql, news: readonly News[]): Promise<readonly { readonly key: string; readonly cluster: string }[]> {
  const rows = news.map(({ cluster, object, taken }) => ({
    cluster_id: cluster,
    ...object,
    ...(taken ? { after: String(taken.after), up_to: String(taken.upTo) } : {}),
  }))
  return (await sql.query<{ key: string; cluster: string }>(OF_NEWS, [JSON.stringify(rows)])).rows
}
