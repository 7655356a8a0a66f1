import { FLEET_GROUP } from '../../../proto/model/names.ts'
import type { Sql } from '../../db/db.ts'
import { type Content, PLACEMENT_KEY, type Run, type SourceObject, type Step } from '../model.ts'

const GRANT = `
  with written as (
    insert into grants as g (cluster_id, source_kind, source_namespace, source_name, rollout, run, revision, artifact)
    select c.id, $2, $3, $4, $5, $6, $7, $8 from unnest($1::text[]) as c (id)
    join governed w on w.cluster_id = c.id and w.source_kind = $2 and w.source_namespace = $3 and w.source_name = $4 and w.rollout = $5
    order by c.id
    on conflict (cluster_id, source_kind, source_namespace, source_name) do update set
      rollout = excluded.rollout, run = excluded.run, revision = excluded.revision, artifact = excluded.artifact, granted_at = now()
      where (g.rollout, g.revision, g.artifact) is distinct from (excluded.rollout, excluded.revision, excluded.artifact)
    returning g.cluster_id)
  select distinct so.source_key from source_objects so
  where so.cluster_id = any(array(select cluster_id from written)) and so.kind = $2 and so.namespace = $3 and so.name = $4 and so.source_key is not null
  union all
  select '${PLACEMENT_KEY}' || p.uid from placements p
  where $2::text = 'Placement' and p.namespace = $3 and p.name = $4 and p.generation >= 0 and exists (select from written)`

/** Clusters that the Rollout governs and nobody has granted anything. */
const NEWCOMERS = `
  select g.cluster_id from governed g
  left join grants gr on gr.cluster_id = g.cluster_id and gr.source_kind = g.source_kind and gr.source_namespace = g.source_namespace and gr.source_name = g.source_name
  where g.rollout = $1 and not g.apart and gr.cluster_id is null`

const RECORD = `
  insert into events (id, cluster_id, grp, kind, namespace, name, severity, reason, message, revision, at)
  select gen_random_uuid()::text, 'fleet', $1, 'Rollout', $2, $3, x.severity, x.reason, x.message, $4, now()
  from jsonb_to_recordset($5::jsonb) as x(severity text, reason text, message text)`

export interface CarriedOut {
  readonly uid: string
  readonly namespace: string
  readonly name: string
  readonly run: Run
  readonly source: SourceObject
}

/** Does what a decision came to, each kind of step in one statement. @returns sources with something to settle */
export async function carryOut(tx: Sql, steps: readonly Step[], to: CarriedOut): Promise<readonly string[]> {
  const keys = new Set<string>()
  const events: { readonly severity: string; readonly reason: string; readonly message: string }[] = []
  for (const step of steps) {
    switch (step.kind) {
      case 'release':
      case 'take-back':
        for (const key of await grant(tx, step, { ...to, run: to.run.id })) keys.add(key)
        break
      case 'mark-bad':
        await tx.query('insert into rollout_bad (rollout, revision) values ($1, $2) on conflict do nothing', [to.uid, step.revision])
        break
      case 'record':
        events.push({ severity: step.severity, reason: step.event, message: step.message })
        break
      case 'look-again':
        break
      default:
        step satisfies never
    }
  }
  if (events.length > 0) await tx.query(RECORD, [FLEET_GROUP, to.namespace, to.name, to.run.content.revision, JSON.stringify(events)])
  return [...keys]
}

/** Lets clusters have a content. @returns sources with something to settle */
async function grant(
  tx: Sql,
  { clusters, content }: { readonly clusters: readonly string[]; readonly content: Content },
  { run, source, uid }: { readonly uid: string; readonly source: SourceObject; readonly run: string },
): Promise<readonly string[]> {
  const values = [clusters, source.kind, source.namespace, source.name, uid, run, content.revision, content.artifact]
  return (await tx.query<{ source_key: string }>(GRANT, values)).rows.map((row) => row.source_key)
}

/** Gives clusters that came while nothing is on its way what the others have. @returns sources with something to settle */
export async function welcome(
  tx: Sql,
  content: Content,
  to: { readonly uid: string; readonly source: SourceObject; readonly run: string },
): Promise<readonly string[]> {
  const { rows } = await tx.query<{ cluster_id: string }>(NEWCOMERS, [to.uid])
  return rows.length === 0 ? [] : grant(tx, { clusters: rows.map((row) => row.cluster_id), content }, to)
}
