import type { Db } from '../../db/db.ts'

/** Forgets deletions older than the retention; watches from before them must list again. @returns how many went */
export async function sweepTombstones(db: Db, { retentionMs }: { readonly retentionMs: number }): Promise<number> {
  const { rowCount } = await db.query(
    `with old as (delete from tombstones where deleted_at < now() - $1::bigint * interval '1 millisecond' returning xid),
     top as (select xid from old order by xid desc limit 1),
     moved as (insert into watch_horizon (xid) select (xid::text::numeric + 1)::text::xid8 from top
       on conflict (only_row) do update set xid = excluded.xid where watch_horizon.xid < excluded.xid)
     select from old`,
    [retentionMs],
  )
  return rowCount
}
