import type { ClusterId } from '../../../proto/model/ids.ts'
import type { Sql } from '../../db/db.ts'
import type { Greeting } from '../model.ts'

/** Opens a session in the rows: the newest wins, by a higher epoch. */
export async function openSession(
  sql: Sql,
  { clusterId, replica, greeting }: { clusterId: ClusterId; replica: string; greeting: Greeting },
): Promise<bigint> {
  const { rows } = await sql.query<{ epoch: bigint }>(
    `insert into sessions as s (cluster_id, replica, epoch, boot, agent_version) values ($1, $2, 1, $3, $4)
     on conflict (cluster_id) do update set replica = excluded.replica, epoch = s.epoch + 1, boot = excluded.boot,
       agent_version = excluded.agent_version, connected_at = now(), closed_at = null
     returning epoch`,
    [clusterId, replica, String(greeting.boot), greeting.agentVersion],
  )
  return rows[0]?.epoch ?? 0n
}

/** Closes a session in the rows and says whether it was still the one that is open there: a late close changes nothing. */
export async function closeSession(sql: Sql, session: { readonly clusterId: ClusterId; readonly epoch: bigint }): Promise<boolean> {
  const { rowCount } = await sql.query('update sessions set closed_at = now() where cluster_id = $1 and epoch = $2 and closed_at is null', [
    session.clusterId,
    String(session.epoch),
  ])
  return rowCount > 0
}

/** Which of the given sessions should not be: superseded by a newer one, or their certificate was revoked. */
export async function unwanted(
  sql: Sql,
  sessions: readonly { readonly clusterId: ClusterId; readonly epoch: bigint; readonly serial: string }[],
): Promise<readonly { readonly clusterId: ClusterId; readonly why: 'superseded' | 'expelled' }[]> {
  if (sessions.length === 0) return []
  const { rows } = await sql.query<{ clusterId: ClusterId; why: 'superseded' | 'expelled' }>(
    `select q.id as "clusterId", case when c.serial is null or c.revoked_at is not null then 'expelled' else 'superseded' end as why
       from unnest($1::text[], $2::bigint[], $3::text[]) as q(id, epoch, serial)
       left join sessions s on s.cluster_id = q.id left join certificates c on c.serial = q.serial
      where s.epoch is distinct from q.epoch or c.serial is null or c.revoked_at is not null`,
    [sessions.map(({ clusterId }) => clusterId), sessions.map(({ epoch }) => String(epoch)), sessions.map(({ serial }) => serial)],
  )
  return rows
}

/** The replica that holds a cluster's session, if one does and is alive. */
export async function holderOf(sql: Sql, clusterId: ClusterId): Promise<string | undefined> {
  const { rows } = await sql.query<{ replica: string }>(
    `select s.replica from sessions s join replicas r on r.id = s.replica and r.lease_until > now()
      where s.cluster_id = $1 and s.closed_at is null`,
    [clusterId],
  )
  return rows[0]?.replica
}
