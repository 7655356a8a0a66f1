import type { PlacedReport } from '../../../proto/model/report.ts'
import type { Sql } from '../../db/db.ts'
import type { ClusterReport } from '../model.ts'

/** What agents said of placed objects, taken in. */
export interface PlacedNews {
  /** Placements that are doing otherwise. */
  readonly placements: readonly string[]
  /** True when an object went that another Placement may be waiting for. */
  readonly freed: boolean
}

/** Takes in what agents say of placed objects; a word on an earlier state of one says nothing. The heads of their clusters are locked. */
export async function foldPlaced(tx: Sql, reports: readonly ClusterReport<PlacedReport>[]): Promise<PlacedNews> {
  if (reports.length === 0) return { placements: [], freed: false }
  const rows = reports.map(({ clusterId, value: { message, object, position, state } }) => ({
    clusterId,
    ...object,
    position: String(position),
    state,
    message,
  }))
  const given = JSON.stringify(rows)
  const told = await tx.query<{ placement: string }>(SET_STATES, [given])
  const gone = await tx.query<{ placement: string }>(FORGET_GONE, [given])
  const freed = gone.rowCount > 0 ? await tx.query(WAKE_BLOCKED, [[...new Set(rows.map(({ clusterId }) => clusterId))]]) : { rowCount: 0 }
  return { placements: [...new Set([...told.rows, ...gone.rows].map(({ placement }) => placement))], freed: freed.rowCount > 0 }
}

const GIVEN = `given as (
    select * from jsonb_to_recordset($1::jsonb) as x("clusterId" text, "group" text, kind text, namespace text, name text, position bigint, state text, message text))`

const SAME = `p.cluster_id = g."clusterId" and p.grp = g."group" and p.kind = g.kind and p.namespace = g.namespace and p.name = g.name and p.position = g.position`

const SET_STATES = `with ${GIVEN}
  update placed p set state = g.state, message = g.message from given g
  where ${SAME} and g.state <> 'gone' and (p.state, p.message) is distinct from (g.state, g.message)
  returning p.placement`

/** What is gone is forgotten here, and the tombstone tells the agent to forget it too. */
const FORGET_GONE = `with ${GIVEN},
  lost as (
    delete from placed p using given g where ${SAME} and g.state = 'gone' and p.leaving is not null
    returning p.cluster_id, p.grp, p.kind, p.namespace, p.name, p.placement),
  numbered as (select l.*, row_number() over (partition by l.cluster_id order by l.grp, l.kind, l.namespace, l.name) as nth from lost l),
  bumped as (
    update cluster_heads h set counter = h.counter + n.count from (select cluster_id, count(*) as count from numbered group by cluster_id) n
    where h.cluster_id = n.cluster_id returning h.cluster_id, h.counter - n.count as base),
  tombs as (
    insert into removals (cluster_id, fact, grp, kind, namespace, name, position)
    select n.cluster_id, 'placed', n.grp, n.kind, n.namespace, n.name, bumped.base + n.nth from numbered n join bumped on bumped.cluster_id = n.cluster_id
    on conflict (cluster_id, fact, grp, kind, namespace, name) do update set position = excluded.position)
  select placement from lost`

/** Clusters where a Placement waits for another's object are due again. */
const WAKE_BLOCKED = `
  update placement_clusters c set digest = '' where c.cluster_id = any($1::text[])
    and exists (select from placement_targets t where t.cluster_id = c.cluster_id and t.blocked)`
