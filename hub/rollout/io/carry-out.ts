import { FLEET_GROUP } from '../../../proto/model/names.ts'
import type { Sql } from '../../db/db.ts'
import { prepared } from '../../db/prepared.ts'
import { type Content, PLACEMENT_KEY, type Run, type Settle, type SourceObject, type Step } from '../model.ts'
import { ONE } from './keys.ts'

/** A content that a cluster may have; the source of the Rollout there, and what is to be settled, by Rollout. */
const GRANT = prepared(`
  with given as (
    select * from jsonb_to_recordset($1::jsonb) as x(cluster text, kind text, namespace text, name text, rollout text, run text, revision text, artifact text)),
  written as (
    insert into grants as g (cluster_id, source_kind, source_namespace, source_name, rollout, run, revision, artifact)
    select x.cluster, x.kind, x.namespace, x.name, x.rollout, x.run, x.revision, x.artifact
    from given x
    join governed w on w.cluster_id = x.cluster and w.source_kind = x.kind and w.source_namespace = x.namespace and w.source_name = x.name and w.rollout = x.rollout
    order by x.cluster, x.kind, x.namespace, x.name
    on conflict (cluster_id, source_kind, source_namespace, source_name) do update set
      rollout = excluded.rollout, run = excluded.run, revision = excluded.revision, artifact = excluded.artifact, granted_at = now()
      where (g.rollout, g.revision, g.artifact) is distinct from (excluded.rollout, excluded.revision, excluded.artifact)
    returning g.*)
  select w.rollout, so.source_key as key, array_agg(w.cluster_id) as clusters from written w
  cross join ${ONE('source_objects', 'so', 'so.cluster_id = w.cluster_id and so.kind = w.source_kind and so.namespace = w.source_namespace and so.name = w.source_name')}
  where so.source_key is not null
  group by w.rollout, so.source_key
  union all
  select w.rollout, '${PLACEMENT_KEY}' || p.uid, array_agg(w.cluster_id) from written w
  join placements p on w.source_kind = 'Placement' and p.namespace = w.source_namespace and p.name = w.source_name and p.generation >= 0
  group by w.rollout, p.uid`)

/** Clusters that Rollouts govern and nobody has granted anything. */
const NEWCOMERS = prepared(`
  select g.rollout, g.cluster_id from governed g
  left join grants gr on gr.cluster_id = g.cluster_id and gr.source_kind = g.source_kind and gr.source_namespace = g.source_namespace and gr.source_name = g.source_name
  where g.rollout = any($1::text[]) and not g.apart and gr.cluster_id is null`)

const MARK_BAD = `
  insert into rollout_bad (rollout, revision) select x.rollout, x.revision from jsonb_to_recordset($1::jsonb) as x(rollout text, revision text)
  on conflict do nothing`

const UNMARK = `
  delete from rollout_bad b using jsonb_to_recordset($1::jsonb) as x(rollout text, revision text)
  where b.rollout = x.rollout and b.revision = x.revision`

const RECORD = prepared(`
  insert into events (id, cluster_id, grp, kind, namespace, name, severity, reason, message, revision, at)
  select gen_random_uuid()::text, 'fleet', '${FLEET_GROUP}', 'Rollout', x.namespace, x.name, x.severity, x.reason, x.message, x.revision, now()
  from jsonb_to_recordset($1::jsonb) as x(namespace text, name text, severity text, reason text, message text, revision text)`)

/** What a decision about a Rollout came to. */
export interface CarriedOut {
  readonly uid: string
  readonly namespace: string
  readonly name: string
  readonly run: Run
  readonly source: SourceObject
  readonly steps: readonly Step[]
}

/** Does what decisions came to, each kind of step in one statement. @returns sources with something to settle, for each of them */
export async function carryOut(tx: Sql, all: readonly CarriedOut[]): Promise<readonly (readonly Settle[])[]> {
  const grants = all.flatMap(({ run, source, steps, uid }) =>
    steps.flatMap((step) => (step.kind === 'release' || step.kind === 'take-back' ? grantsOf(step, { uid, source, run: run.id }) : [])),
  )
  const marks = (kind: 'mark-bad' | 'unmark') =>
    all.flatMap(({ steps, uid }) => steps.flatMap((step) => (step.kind === kind ? [{ rollout: uid, revision: step.revision }] : [])))
  const bad = marks('mark-bad')
  const good = marks('unmark')
  const events = all.flatMap(({ name, namespace, run, steps }) =>
    steps.flatMap((step) =>
      step.kind === 'record'
        ? [{ namespace, name, severity: step.severity, reason: step.event, message: step.message, revision: run.content.revision }]
        : [],
    ),
  )
  const keys = await grant(tx, grants)
  if (bad.length > 0) await tx.query(MARK_BAD, [JSON.stringify(bad)])
  if (good.length > 0) await tx.query(UNMARK, [JSON.stringify(good)])
  if (events.length > 0) await tx.query(RECORD, [JSON.stringify(events)])
  return all.map(({ uid }) => keys.get(uid) ?? [])
}

/** A content for clusters that join while nothing is on its way. */
export interface Welcomed {
  readonly uid: string
  readonly content: Content
  readonly source: SourceObject
  readonly run: string
}

/** Gives clusters that came while nothing is on its way what the others have. @returns sources with something to settle, for each */
export async function welcome(tx: Sql, all: readonly Welcomed[]): Promise<readonly (readonly Settle[])[]> {
  const { rows } = await tx.query<{ rollout: string; cluster_id: string }>(NEWCOMERS, [all.map(({ uid }) => uid)])
  const fresh = Map.groupBy(rows, ({ rollout }) => rollout)
  const grants = all.flatMap(({ content, ...to }) =>
    grantsOf({ clusters: (fresh.get(to.uid) ?? []).map((row) => row.cluster_id), content }, to),
  )
  const keys = await grant(tx, grants)
  return all.map(({ uid }) => keys.get(uid) ?? [])
}

interface Grant extends Content {
  readonly cluster: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly rollout: string
  readonly run: string
}

function grantsOf(
  { clusters, content }: { readonly clusters: readonly string[]; readonly content: Content },
  { run, source, uid }: { readonly uid: string; readonly source: SourceObject; readonly run: string },
): readonly Grant[] {
  const { artifact, revision } = content
  return clusters.map((cluster) => ({ cluster, ...source, rollout: uid, run, revision, artifact }))
}

/** Lets clusters have what they are granted. @returns sources with something to settle, by Rollout */
async function grant(tx: Sql, grants: readonly Grant[]): Promise<ReadonlyMap<string, readonly Settle[]>> {
  if (grants.length === 0) return new Map()
  const { rows } = await tx.query<Settle & { rollout: string }>(GRANT, [JSON.stringify(grants)])
  return Map.groupBy(rows, ({ rollout }) => rollout)
}
