import type { Clock } from '../../../proto/base/clock.ts'
import type { Log } from '../../../proto/base/log.ts'
import type { Sql } from '../../db/db.ts'

/** This process among the hub's replicas: alive as long as its lease is renewed. */
export interface Replica extends AsyncDisposable {
  readonly id: string
}

export interface ReplicaOptions {
  readonly sql: Sql
  readonly id: string
  readonly address: string
  readonly version: string
  readonly clock: Clock
  readonly log: Log
  readonly leaseMs?: number
  readonly renewMs?: number
}

/** Takes a lease in Postgres, by its clock, and renews it until disposed, which gives it back at once. */
export async function openReplica(options: ReplicaOptions): Promise<Replica> {
  const { sql, id, log } = options
  const renewMs = options.renewMs ?? 1000
  const stop = new AbortController()
  await renew(options)
  const loop = async () => {
    for (;;) {
      await options.clock.sleep(renewMs, stop.signal)
      await renew(options).catch((error: unknown) =>
        log.warn({ event: 'replica.lease', replica: id, err: error }, 'could not renew the lease'),
      )
    }
  }
  const running = loop().catch(() => undefined)
  return {
    id,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await running
      await sql.query('delete from replicas where id = $1', [id]).catch(() => undefined)
    },
  }
}

async function renew({ sql, id, address, version, leaseMs = 5000 }: ReplicaOptions): Promise<void> {
  await sql.query(
    `with buried as (delete from replicas where lease_until < now() - interval '10 minutes' and id <> $1)
     insert into replicas (id, address, version, lease_until) values ($1, $2, $3, now() + $4 * interval '1 millisecond')
     on conflict (id) do update set address = excluded.address, version = excluded.version, lease_until = excluded.lease_until`,
    [id, address, version, leaseMs],
  )
}
