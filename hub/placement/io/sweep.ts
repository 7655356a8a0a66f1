import type { Db } from '../../db/db.ts'

/** Deletes content that no cluster is given any more. @returns how much went */
export async function sweepManifests(db: Db, { retentionMs }: { readonly retentionMs: number }): Promise<number> {
  const { rowCount } = await db.query(
    `delete from manifests m where m.touched_at < now() - $1::bigint * interval '1 millisecond'
       and not exists (select from placed p where p.manifest = m.digest)`,
    [retentionMs],
  )
  return rowCount
}
