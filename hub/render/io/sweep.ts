import type { Sql } from '../../db/db.ts'

/**
 * Builds that no desired row stands for, untouched for an hour: the next use builds again. What a Rollout may give back
 * to its clusters is kept for a week, so that going back does not wait for builds.
 */
const BUILDS = `
  delete from builds b where b.touched_at < now() - $1 * interval '1 millisecond'
    and not exists (select from desired d where d.options_digest = b.options_digest and d.bundle is not distinct from b.bundle)
    and (b.touched_at < now() - interval '7 days' or not exists (
      select from consumers c join governed g on g.cluster_id = c.cluster_id and g.source_kind = c.source_kind
        and g.source_namespace = c.source_namespace and g.source_name = c.source_name
      where c.options_digest = b.options_digest))`

/** Content that neither a desired row nor a build refers to. */
const BUNDLES = `
  delete from bundles u where u.touched_at < now() - $1 * interval '1 millisecond'
    and not exists (select from desired d where d.bundle = u.digest) and not exists (select from builds b where b.bundle = u.digest)`

/** Collects builds and bundles that nobody has referred to for a while, one statement each. @returns bundles that went */
export async function sweepRender(sql: Sql, { retentionMs }: { readonly retentionMs: number }): Promise<number> {
  await sql.query(BUILDS, [retentionMs])
  return (await sql.query(BUNDLES, [retentionMs])).rowCount
}
