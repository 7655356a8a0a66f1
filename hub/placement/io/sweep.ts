import type { Db } from '../../db/db.ts'
import { PLACEMENTS_LOCK } from '../../db/locks.ts'

/** Deletes content that no cluster is given any more. @returns how much went */
export async function sweepManifests(db: Db, { retentionMs }: { readonly retentionMs: number }): Promise<number> {
  const { rowCount } = await db.query(
    `delete from manifests m where m.touched_at < now() - $1::bigint * interval '1 millisecond'
       and not exists (select from placed p where p.manifest = m.digest)`,
    [retentionMs],
  )
  return rowCount
}

/** Revisions that Placements and clusters stand on, that a Rollout holds or is to move, and those of its runs and what was before them. */
const HELD = `
  held as (
    select revision from placements
    union select revision from placement_targets where revision is not null
    union select revision from grants
    union select o.content ->> 'revision' from rollouts r cross join lateral (values (r.newest), (r.standing), (r.asked -> 'content')) as o (content)
      where o.content is not null
    union select revision from rollout_runs
    union select before_revision from rollout_targets where before_revision is not null)`

/** The newest ones of each Placement stay, so that people can go back to them, and those that something names. */
const FORGET = `
  with ${HELD},
  ranked as (
    select placement, revision, seen_at, row_number() over (partition by placement order by seen_at desc, revision) as place from placement_revisions)
  delete from placement_revisions v using ranked k
  where k.placement = v.placement and k.revision = v.revision and k.place > $2
    and k.seen_at < now() - $1::bigint * interval '1 millisecond' and not exists (select from held h where h.revision = v.revision)`

const REVISIONS = 10

/** Deletes objects of revisions that no cluster and no run has to do with any more. @returns how many revisions went */
export async function sweepPlacementRevisions(
  db: Db,
  { retentionMs, revisions = REVISIONS }: { readonly retentionMs: number; readonly revisions?: number },
): Promise<number> {
  return db.transaction(async (tx) => {
    // A Placement may be about to say again what it said before.
    await tx.query('select pg_advisory_xact_lock($1)', [PLACEMENTS_LOCK])
    return (await tx.query(FORGET, [retentionMs, revisions])).rowCount
  })
}
