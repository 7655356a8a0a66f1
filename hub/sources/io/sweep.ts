import { promisify } from 'node:util'
import { zstdDecompress } from 'node:zlib'
import type { Db, Sql } from '../../db/db.ts'
import { SOURCES_LOCK } from '../../db/locks.ts'
import { digestsIn } from '../tree-file.ts'

// What of sources nobody uses any more. Content goes with the last tree that names it:
//
// 1. A tree is doomed when nothing stands on it (HELD), no revision remembers it, and nobody touched it for the retention.
// 2. Content goes when only doomed trees name it and it was not touched for the retention before the sweep began.
// 3. A fetch first writes its tree, then touches or stores all content of it, and touches again what took long
//    (`saveBlobs`): content of a tree that this sweep did not see was touched after rule 2's limit.
// 4. Content goes first and its trees last: a sweep that is killed leaves doomed trees, which the next one finds.

export interface SweepOptions {
  /** How long nobody has touched what goes; at least twice `FRESH_MINUTES` of the store. */
  readonly retentionMs: number
  /** Revisions of a source that stay, the newest first; those in use come on top. */
  readonly revisions?: number
  /** Bytes of trees that stay of a source beyond those in use. */
  readonly bytes?: number
}

/**
 * Trees that a source or a cluster stands on, or that a Rollout brought or may give back: whoever gives revisions to
 * clusters adds theirs here.
 */
const HELD = `lately as (
    select n.id, n.artifact from rollout_runs n join rollouts o on o.uid = n.rollout where n.ended_at is null or n.number > o.last_number - 10),
  held as (
    select artifact from sources where artifact is not null
    union select artifact from releases
    union select artifact from source_statuses where artifact <> ''
    union select artifact from grants
    union select o.content ->> 'artifact' from rollouts r cross join lateral (values (r.newest), (r.standing), (r.asked -> 'content')) as o (content)
      where o.content is not null
    union select artifact from lately
    union select t.before_artifact from rollout_targets t join lately n on n.id = t.run where t.before_artifact is not null)`

/** A tree that is forgotten is touched: whoever is about to give it to a cluster has an hour to say so. */
const FORGET_REVISIONS = `
  with ${HELD},
  ranked as (
    select r.source_key, r.revision, s.key is null as lost, h.artifact is not null as held,
      row_number() over newest as place,
      sum(case when h.artifact is null then coalesce(a.bytes, 0) else 0 end) over newest as bytes
    from revisions r left join sources s on s.key = r.source_key
    left join artifacts a on a.digest = r.artifact left join held h on h.artifact = r.artifact
    window newest as (partition by r.source_key order by r.seen_at desc, r.revision)),
  forgotten as (
    delete from revisions r using ranked k
    where r.source_key = k.source_key and r.revision = k.revision and not k.held and (k.lost or k.place > $2 or k.bytes > $3)
      and r.seen_at < $1
    returning r.artifact)
  update artifacts a set touched_at = now() from (select distinct artifact from forgotten) f where a.digest = f.artifact`

const UNHELD = `not exists (select from revisions r where r.artifact = a.digest) and not exists (select from held h where h.artifact = a.digest)`

/** The oldest doomed trees that together have so many files, or one. */
const DOOMED = `
  with ${HELD},
  doomed as (
    select a.digest, a.files, sum(a.files) over (order by a.touched_at, a.digest) as total from artifacts a where a.touched_at < $1 and ${UNHELD})
  select a.digest, a.entries from artifacts a join doomed d on d.digest = a.digest where d.total <= $2 or d.total = d.files`

const KEPT = 'select digest, entries from artifacts where digest > $1 and digest <> all($2::text[]) order by digest limit $3'

/** In the order in which fetches touch them. */
const DELETE_BLOBS = `
  delete from blobs where digest in (select digest from blobs where digest = any($2::text[]) and touched_at < $1 order by digest for update)`

const DELETE_ARTIFACTS = `with ${HELD} delete from artifacts a where a.digest = any($2::text[]) and a.touched_at < $1 and ${UNHELD}`

const DELETE_SOURCES = `
  delete from sources s where s.touched_at < $1 and (s.claimed_until is null or s.claimed_until < now())
    and not exists (select from source_objects o where o.source_key = s.key)`

/** A credential that comes with a report is touched before the report is folded. */
const DELETE_CREDENTIALS = `
  delete from credentials c where c.touched_at < $1 and not exists (select from sources s where s.credential_id = c.id)
    and not exists (select from source_objects o where o.credential_id = c.id)`

const FILES_AT_ONCE = 100_000
const TREES_AT_ONCE = 8
const BLOBS_AT_ONCE = 1_000
const REVISIONS = 10
const BYTES = 256 << 20

const decompress = promisify(zstdDecompress)

interface TreeRow {
  readonly digest: string
  readonly entries: Buffer
}

/** Collects sources, credentials, revisions, trees and content that nobody uses. @returns trees that went */
export async function sweepSources(db: Db, { bytes = BYTES, retentionMs, revisions = REVISIONS }: SweepOptions): Promise<number> {
  const text = `select now() - $1 * interval '1 millisecond' as at`
  const before = (await db.query<{ at: Date }>(text, [retentionMs])).rows[0]?.at
  await db.transaction(async (tx) => {
    await tx.query('select pg_advisory_xact_lock($1)', [SOURCES_LOCK])
    await tx.query(DELETE_SOURCES, [before])
  })
  await db.query(DELETE_CREDENTIALS, [before])
  await db.query(FORGET_REVISIONS, [before, revisions, bytes])
  const doomed = (await db.query<TreeRow>(DOOMED, [before, FILES_AT_ONCE])).rows
  if (doomed.length === 0) return 0
  const digests = doomed.map(({ digest }) => digest)
  const content = await onlyIn(db, doomed)
  for (let at = 0; at < content.length; at += BLOBS_AT_ONCE) await db.query(DELETE_BLOBS, [before, content.slice(at, at + BLOBS_AT_ONCE)])
  return (await db.query(DELETE_ARTIFACTS, [before, digests])).rowCount
}

/** Content that these trees name and no other does; reads other trees only until nothing is left. */
async function onlyIn(sql: Sql, trees: readonly TreeRow[]): Promise<readonly string[]> {
  const content = new Set<string>()
  for (const tree of trees) for (const digest of await contentOf(tree)) content.add(digest)
  const digests = trees.map(({ digest }) => digest)
  for (let last = ''; content.size > 0; ) {
    const { rows } = await sql.query<TreeRow>(KEPT, [last, digests, TREES_AT_ONCE])
    for (const tree of rows) for (const digest of await contentOf(tree)) content.delete(digest)
    const [newest] = rows.slice(-1)
    if (!newest) break
    last = newest.digest
  }
  return [...content]
}

async function contentOf({ entries }: TreeRow): Promise<readonly string[]> {
  return digestsIn((await decompress(entries)).toString())
}

/** What is fetched now: caches of anything else are of no use. */
export async function fetchedFrom(sql: Sql): Promise<readonly { readonly url: string; readonly credentialId: string | undefined }[]> {
  const { rows } = await sql.query<{ url: string; credential_id: string | null }>('select distinct url, credential_id from sources')
  return rows.map(({ credential_id, url }) => ({ url, credentialId: credential_id ?? undefined }))
}
