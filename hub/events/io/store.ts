import type { Db } from '../../db/db.ts'
import type { ClusterEvent, EventPage, EventQuery } from '../model.ts'
import type { EventStore } from '../ports.ts'

interface EventRow {
  readonly id: string
  readonly cluster_id: string
  readonly grp: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly severity: string
  readonly reason: string
  readonly message: string
  readonly revision: string
  readonly at: Date
  readonly uid: string | null
}

const SELECT = `select e.id, e.cluster_id, e.grp, e.kind, e.namespace, e.name, e.severity, e.reason, e.message, e.revision, e.at, o.uid
  from events e left join objects o on o.scope = e.cluster_id and o.grp = e.grp and o.kind = e.kind
    and o.namespace = e.namespace and o.name = e.name
  where ($1::text[] is null or e.cluster_id = any($1)) and ($2::text[] is null or e.namespace = any($2))
    and ($3::text is null or e.kind = $3) and ($4::text is null or e.name = $4)`

/** `EventStore` over Postgres. */
export function createEventStore(db: Db): EventStore {
  return {
    async newest(query) {
      const position = await frontier(db)
      const { rows } = await db.query<EventRow>(`${SELECT} order by e.at desc, e.seq desc limit $5`, values(query))
      return page(rows.reverse(), position)
    },

    async after(query, position) {
      const until = await frontier(db)
      const { rows } = await db.query<EventRow>(
        `${SELECT} and e.xid >= $6::text::xid8 and e.xid < $7::text::xid8 order by e.xid, e.seq limit $5`,
        [...values(query), String(position), String(until)],
      )
      return page(rows, until)
    },
  }
}

/** Deletes events that are older than the retention, in the order of the log. @returns how many went */
export async function sweepEvents(db: Db, { retentionMs }: { readonly retentionMs: number }): Promise<number> {
  const { rowCount } = await db.query(`delete from events where at < now() - $1::bigint * interval '1 millisecond'`, [retentionMs])
  return rowCount
}

async function frontier(db: Db): Promise<bigint> {
  const { rows } = await db.query<{ xmin: string }>('select pg_snapshot_xmin(pg_current_snapshot())::text as xmin')
  return BigInt(rows[0]?.xmin ?? 0)
}

function values({ clusters, kind, limit, name, namespaces }: EventQuery): readonly unknown[] {
  return [clusters ?? null, namespaces ?? null, kind ?? null, name ?? null, limit]
}

function page(rows: readonly EventRow[], position: bigint): EventPage {
  return { events: rows.map(clusterEvent), position }
}

function clusterEvent(row: EventRow): ClusterEvent {
  return {
    clusterId: row.cluster_id,
    id: row.id,
    object: { group: row.grp, kind: row.kind, namespace: row.namespace, name: row.name },
    objectUid: row.uid ?? undefined,
    severity: row.severity,
    reason: row.reason,
    message: row.message,
    revision: row.revision,
    at: row.at,
  }
}
