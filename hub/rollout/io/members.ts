import type { ClusterId } from '../../../proto/model/ids.ts'
import { FLEET_GROUP } from '../../../proto/model/names.ts'
import type { Db, Sql } from '../../db/db.ts'
import { prepared } from '../../db/prepared.ts'
import { PLACEMENT_KEY, type SourceObject } from '../model.ts'
import type { Candidate, Chosen, LetGo, RolloutName } from '../ports.ts'
import { heirOf, type Left, type Rival } from '../turn/members.ts'
import { KEYS_OF, ONE, PLACEMENT_HOLDERS } from './keys.ts'

const OBJECT = (table: string) =>
  `${table}.cluster_id = so.cluster_id and ${table}.source_kind = so.kind and ${table}.source_namespace = so.namespace and ${table}.source_name = so.name`

/** The fleet object of cluster `c`. */
const CLUSTER_OBJECT = ONE(
  'objects',
  'o',
  `o.scope = 'fleet' and o.grp = '${FLEET_GROUP}' and o.kind = 'Cluster' and o.namespace = '' and o.name = c.name`,
)

const CANDIDATES = prepared(`
  select c.id as "clusterId", c.name, coalesce(o.labels, '{}') as labels, coalesce(so.source_key, '') as "sourceKey",
         coalesce(s.url || ' ' || s.options::text, '') as origin,
         case when s.artifact is not null then jsonb_build_object('revision', s.revision, 'artifact', s.artifact) end as newest,
         v.seen_at as "newestAt", coalesce(so.problem, s.problem) ->> 'message' as problem, so.suspended,
         case when r.cluster_id is not null then jsonb_build_object('revision', r.revision, 'artifact', r.artifact) end as has,
         w.uid as "governedBy", w.namespace || '/' || w.name as governor
  from source_objects so
  join clusters c on c.id = so.cluster_id and c.approved_at is not null
  left join sources s on s.key = so.source_key
  left join revisions v on v.source_key = s.key and v.revision = s.revision
  left join ${CLUSTER_OBJECT} on true
  left join releases r on ${OBJECT('r')}
  left join governed g on ${OBJECT('g')}
  left join rollouts w on w.uid = g.rollout
  where so.kind = $1 and so.namespace = $2 and so.name = $3
    and ($4::text is null or exists (select from tenant_access a where a.cluster_id = c.id and a.tenant = $4 and not a.removed))
  order by c.name`)

/** The same of a Placement: the clusters that it chooses. */
const PLACED = prepared(`
  select c.id as "clusterId", c.name, coalesce(o.labels, '{}') as labels, '${PLACEMENT_KEY}' || so.uid as "sourceKey", so.uid as origin,
         jsonb_build_object('revision', so.newest, 'artifact', '') as newest, null as "newestAt", null as problem, false as suspended,
         case when so.revision is not null then jsonb_build_object('revision', so.revision, 'artifact', '') end as has,
         w.uid as "governedBy", w.namespace || '/' || w.name as governor
  from (${PLACEMENT_HOLDERS}) so
  join clusters c on c.id = so.cluster_id and c.approved_at is not null
  left join ${CLUSTER_OBJECT} on true
  left join governed g on ${OBJECT('g')}
  left join rollouts w on w.uid = g.rollout
  where so.kind = $1 and so.namespace = $2 and so.name = $3
    and ($4::text is null or exists (select from tenant_access a where a.cluster_id = c.id and a.tenant = $4 and not a.removed))
  order by c.name`)

/** Clusters with the source object that the tenant may use; every one where there is no tenant to limit them. */
export async function candidates(
  sql: Sql,
  { kind, name, namespace }: SourceObject,
  tenant: string | undefined,
): Promise<readonly Candidate[]> {
  return (await sql.query<Candidate>(kind === 'Placement' ? PLACED : CANDIDATES, [kind, namespace, name, tenant ?? null])).rows
}

const GIVEN = `given as (select * from unnest($5::text[], $6::boolean[]) as g (cluster_id, apart))`

const LEFT = `
  select g.cluster_id, c.name, coalesce(o.labels, '{}') as labels, g.source_kind, g.source_namespace, g.source_name
  from governed g
  join clusters c on c.id = g.cluster_id
  left join ${CLUSTER_OBJECT} on true`

/** Clusters that the Rollout is to give up: those that are not its own any more, and all of a source that it moved before. */
const NOT_CHOSEN = prepared(`
  ${LEFT} where g.rollout = $1 and ((g.source_kind, g.source_namespace, g.source_name) <> ($2, $3, $4)
    or g.cluster_id = any ($6::text[]) and g.cluster_id <> all ($5::text[]))
  order by g.cluster_id for update of g`)

const OF_DISSOLVED = `${LEFT} where g.rollout = any($1::text[]) order by g.cluster_id for update of g`

/** Other Rollouts of the namespace, in the order in which they were made. */
const RIVALS = `
  select uid, namespace, name, spec from objects
  where scope = 'fleet' and grp = '${FLEET_GROUP}' and kind = 'Rollout' and namespace = $2 and uid <> all($1::text[])
    and not metadata ? 'deletionTimestamp'
  order by created_at, uid`

const LEFT_ROWS = `x as (
    select * from jsonb_to_recordset($1::jsonb) as x(cluster_id text, source_kind text, source_namespace text, source_name text, heir text))`
const IS_LEFT = (table: string) =>
  `${table}.cluster_id = x.cluster_id and ${table}.source_kind = x.source_kind and ${table}.source_namespace = x.source_namespace and ${table}.source_name = x.source_name`

/** What was granted goes with who granted it; a cluster keeps what it has until the heir says otherwise. */
const LET_GO = `
  with ${LEFT_ROWS},
  known as (
    insert into rollouts (uid, namespace, name)
    select distinct o.uid, o.namespace, o.name from x join objects o on o.uid = x.heir and o.scope = 'fleet' and o.kind = 'Rollout'
    on conflict do nothing),
  inherited as (update governed g set rollout = x.heir, apart = false from x where ${IS_LEFT('g')} and x.heir is not null),
  gone as (
    delete from governed g using x where ${IS_LEFT('g')} and x.heir is null
    returning g.cluster_id, g.source_kind, g.source_namespace, g.source_name),
  ungranted as (delete from grants g using x where ${IS_LEFT('g')})
  ${KEYS_OF('gone')}`

/** What one was granted that is apart is for the others' URL: it keeps what it has, and joins them anew once it is like them. */
const TAKE = prepared(`
  with ${GIVEN},
  ungranted as (
    delete from grants g using given x
    where x.apart and g.cluster_id = x.cluster_id and g.source_kind = $2 and g.source_namespace = $3 and g.source_name = $4)
  insert into governed as g (cluster_id, source_kind, source_namespace, source_name, rollout, apart)
  select cluster_id, $2, $3, $4, $1, apart from given order by cluster_id
  on conflict (cluster_id, source_kind, source_namespace, source_name) do update set apart = excluded.apart
    where g.rollout = excluded.rollout and g.apart <> excluded.apart`)

/** The clusters that a Rollout governs. */
export async function governedBy(sql: Sql, rollout: string): Promise<readonly ClusterId[]> {
  const { rows } = await sql.query<{ cluster_id: ClusterId }>('select distinct cluster_id from governed where rollout = $1', [rollout])
  return rows.map((row) => row.cluster_id)
}

/** Makes these the Rollout's clusters; what another Rollout governs stays that one's. */
export async function govern(
  tx: Sql,
  rollout: string,
  { candidates: there, clusters, held, source }: Chosen & { readonly source: SourceObject },
) {
  const { kind, name, namespace } = source
  const ids = clusters.map(({ clusterId }) => clusterId)
  const { rows: left } = await tx.query<Left>(NOT_CHOSEN, [rollout, kind, namespace, name, ids, held])
  // Who is no candidate any more would be none of an heir's either.
  const present = new Set<string>(there)
  const gone = await letGo(tx, left, {
    of: [rollout],
    mayInherit: ({ cluster_id, source_kind, source_name }) => present.has(cluster_id) || source_kind !== kind || source_name !== name,
  })
  await tx.query(TAKE, [rollout, kind, namespace, name, ids, clusters.map(({ apart }) => apart)])
  return gone
}

/** Forgets the Rollouts of that name but one, and lets go of what they governed. */
export async function forget(db: Db, { name, namespace }: Omit<RolloutName, 'uid'>, but: string | undefined): Promise<LetGo> {
  const of = 'from rollouts where namespace = $1 and name = $2 and uid is distinct from $3'
  const values = [namespace, name, but ?? null]
  if ((await db.query(`select ${of}`, values)).rows.length === 0) return { settle: [], heirs: [] }
  return db.transaction(async (tx) => {
    const { rows } = await tx.query<{ uid: string }>(`delete ${of} returning uid`, values)
    const uids = rows.map(({ uid }) => uid)
    const { rows: left } = await tx.query<Left>(OF_DISSOLVED, [uids])
    return letGo(tx, left, { of: uids, mayInherit: () => true })
  })
}

/** Gives what Rollouts left to those that choose it, and the rest to nobody. */
async function letGo(
  tx: Sql,
  left: readonly Left[],
  { mayInherit, of }: { readonly of: readonly string[]; readonly mayInherit: (one: Left) => boolean },
): Promise<LetGo> {
  const [first] = left
  if (!first) return { settle: [], heirs: [] }
  const { rows: rivals } = await tx.query<Rival>(RIVALS, [of, first.source_namespace])
  const given = left.map((one) => ({ one, heir: mayInherit(one) ? heirOf(one, rivals) : undefined }))
  const { rows } = await tx.query<{ source_key: string }>(LET_GO, [
    JSON.stringify(given.map(({ heir, one }) => ({ ...one, heir: heir?.uid ?? null }))),
  ])
  const names = given.flatMap(({ heir }) => (heir ? [`${heir.namespace}/${heir.name}`] : []))
  return { settle: rows.map((row) => row.source_key), heirs: [...new Set(names)] }
}
