import type { Clock } from '../../../proto/base/clock.ts'
import { messageOf } from '../../../proto/base/errors.ts'
import type { Log } from '../../../proto/base/log.ts'
import { PARTITIONS } from '../../../proto/model/subjects.ts'
import type { Db } from '../../db/db.ts'

const RENEW_MS = 2000

/**
 * Renews what this replica folds and takes what nobody does, up to its share among the living replicas; what is over
 * the share is given up. One statement, Postgres' clock.
 */
const HOLD = `
  with share as (
    select ceil($2::numeric / greatest(1, (select count(*) from replicas where lease_until > now()))) as partitions),
  mine as (
    select p.partition from partition_leases p where p.replica = $1 order by p.partition limit (select partitions from share)),
  free as (
    select g.partition from generate_series(0, $2::int - 1) as g (partition)
    left join partition_leases p on p.partition = g.partition
    where p.partition is null or (p.lease_until < now() and p.replica <> $1)
    order by g.partition limit greatest(0, (select partitions from share) - (select count(*) from mine)))
  insert into partition_leases as l (partition, replica, lease_until)
  select partition, $1, now() + interval '8 seconds' from (select * from mine union select * from free) wanted
  on conflict (partition) do update set replica = $1, lease_until = excluded.lease_until where l.replica = $1 or l.lease_until < now()
  returning partition`

const GIVE_UP = `update partition_leases set lease_until = now() where replica = $1 and partition <> all ($2::int[])`

/** Partitions of reports that this replica folds, kept up by renewal. */
export interface Partitions extends AsyncDisposable {
  /** Told with the whole set whenever it changes. */
  readonly held: () => ReadonlySet<number>
}

export function holdPartitions(deps: {
  readonly db: Db
  readonly replica: string
  readonly clock: Clock
  readonly log: Log
  readonly changed: (held: ReadonlySet<number>) => void
}): Partitions {
  const { db, replica, clock, log } = deps
  const stop = new AbortController()
  let held: ReadonlySet<number> = new Set()

  async function renew(): Promise<void> {
    const { rows } = await db.query<{ partition: number }>(HOLD, [replica, PARTITIONS])
    const next = new Set(rows.map(({ partition }) => partition))
    if (next.size === held.size && [...next].every((partition) => held.has(partition))) return
    await db.query(GIVE_UP, [replica, [...next]])
    held = next
    deps.changed(held)
  }

  async function keep(): Promise<void> {
    while (!stop.signal.aborted) {
      try {
        await renew()
      } catch (error) {
        log.warn({ event: 'reports.lease.failed', reason: messageOf(error) }, 'cannot renew the leases of partitions')
      }
      await clock.sleep(RENEW_MS, stop.signal).catch(() => undefined)
    }
  }

  const kept = keep()
  return {
    held: () => held,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await kept
      await db.query(GIVE_UP, [replica, []]).catch(() => undefined)
    },
  }
}
