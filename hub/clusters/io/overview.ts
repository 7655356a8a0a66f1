import type { Sql } from '../../db/db.ts'
import { prepared } from '../../db/prepared.ts'
import type { Overview } from '../fleet-object.ts'

interface Row {
  readonly id: string
  readonly name: string
  readonly connected: boolean
  readonly replica: string | null
  readonly since: Date | null
  readonly serial: string | null
  readonly not_after: Date | null
  readonly total: number
  readonly ready: number
  readonly failing: number
  readonly suspended: number
}

const OVERVIEW = prepared(`
  select c.id, c.name, coalesce(s.closed_at is null and r.id is not null, false) as connected, s.replica,
         coalesce(s.closed_at, s.connected_at) as since, k.serial, k.not_after,
         coalesce(o.total, 0) as total, coalesce(o.ready, 0) as ready, coalesce(o.failing, 0) as failing, coalesce(o.suspended, 0) as suspended
  from clusters c
  left join sessions s on s.cluster_id = c.id
  left join replicas r on r.id = s.replica and r.lease_until > now()
  left join lateral (select serial, not_after from certificates where cluster_id = c.id and revoked_at is null order by not_after desc limit 1) k on true
  left join lateral (
    select count(*)::int as total, count(*) filter (where ready = 'True' and not suspended)::int as ready,
           count(*) filter (where ready = 'False' and not suspended)::int as failing, count(*) filter (where suspended)::int as suspended
    from observed where cluster_id = c.id) o on true
  where c.id = any ($1::text[])`)

/** What rows say of these clusters, in one statement. */
export async function readOverviews(sql: Sql, ids: readonly string[]): Promise<readonly Overview[]> {
  const { rows } = await sql.query<Row>(OVERVIEW, [ids])
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    connected: row.connected,
    replica: row.replica ?? undefined,
    since: row.since ?? undefined,
    certificate: row.serial && row.not_after ? { serial: row.serial, notAfter: row.not_after } : undefined,
    objects: { total: row.total, ready: row.ready, failing: row.failing, suspended: row.suspended },
  }))
}

/** Clusters whose fleet object may say something else than the rows: sessions that opened, closed, or lost their replica lately. */
export async function recentlyMoved(sql: Sql, withinMs: number): Promise<readonly string[]> {
  const { rows } = await sql.query<{ cluster_id: string }>(
    `select s.cluster_id from sessions s left join replicas r on r.id = s.replica
     where s.connected_at > now() - $1 * interval '1 millisecond' or s.closed_at > now() - $1 * interval '1 millisecond'
       or (s.closed_at is null and (r.id is null or r.lease_until < now()))`,
    [withinMs],
  )
  return rows.map((row) => row.cluster_id)
}
