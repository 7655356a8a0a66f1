import { promisify } from 'node:util'
import { zstdCompress } from 'node:zlib'
import { FleetError } from '../../../proto/base/errors.ts'
import { sha256 } from '../../../proto/base/hash.ts'
import type { Sql } from '../../db/db.ts'
import type { KindAndOptions, SourceKey, SourceKind, SourceOptions, SourceProblem } from '../model.ts'
import type { Blob, ClaimedSource, NewRevision, SourceStore } from '../ports.ts'
import { treeLines } from '../tree-file.ts'

export interface SourceStoreDeps {
  readonly db: Sql & { transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T> }
  /** Who claims. */
  readonly replica: string
}

/** Content shorter than this is stored as it is. */
const COMPRESS_FROM_BYTES = 256
/** How much longer than its time limit a source is held: storing what was fetched takes time too. */
const HOLD_MARGIN_MS = 120_000

const compress = promisify(zstdCompress)

/** Asked for by an object that is not suspended, and not held by anybody. */
const WAITING = `(s.claimed_until is null or s.claimed_until < now())
  and exists (select from source_objects o where o.source_key = s.key and not o.suspended)`
const DUE_AT = `case when s.claimed_until < now() then s.claimed_until else s.next_at end`

// While a source is held its next_at is infinity; whoever wants it looked at again meanwhile sets an earlier time, which stays.
const CLAIM = `
  with due as (
    select key from sources s where ${DUE_AT} <= now() and ${WAITING} order by s.next_at limit $1 for update of s skip locked)
  update sources s
     set claimed_by = $2, next_at = 'infinity', claimed_until = now() + (s.timeout_ms + $3::bigint) * interval '1 millisecond'
    from due where s.key = due.key
  returning s.key, s.kind, s.url, s.options, s.credential_id, s.trusted, s.hosts, s.interval_ms, s.timeout_ms, s.revision, s.failures,
    (select a.digest from artifacts a where a.digest = s.artifact and a.whole) as artifact`

const DONE = `claimed_by = null, claimed_until = null, checked_at = now(), touched_at = now(),
  next_at = least(next_at, now() + $2::bigint * interval '1 millisecond')`

const SAVE_BLOBS = `
  insert into blobs (digest, encoding, size, bytes)
  select * from unnest($1::text[], $2::text[], $3::int[], $4::bytea[]) on conflict (digest) do update set touched_at = now()`

/** The tree is there before its content, so that content which nobody comes back for is found by it. */
const SAVE_ARTIFACT = `
  insert into artifacts (digest, entries, files, bytes, whole) values ($1, $2, $3, $4, false) on conflict (digest) do update set touched_at = now()`

/** Content that was touched so lately is not touched again: a sweep leaves alone what was touched within twice the time. */
const FRESH_MINUTES = 30

/** Of the digests those that are not stored; the others are touched, in their order, so that two fetches never wait for each other. */
const LACKING = `
  with wanted as (select unnest($1::text[]) as digest),
  stale as (
    select b.digest from blobs b where b.digest = any($1::text[]) and b.touched_at < now() - interval '${FRESH_MINUTES} minutes'
    order by b.digest for update),
  touched as (update blobs b set touched_at = now() from stale where b.digest = stale.digest returning b.digest)
  select w.digest from wanted w
  where not exists (select from touched t where t.digest = w.digest) and not exists (
    select from blobs b where b.digest = w.digest and b.touched_at >= now() - interval '${FRESH_MINUTES} minutes')`

const SAVE_REVISION = `
  insert into revisions (source_key, revision, artifact, commit, metadata) values ($1, $2, $3, $4, $5)
  on conflict (source_key, revision) do update set artifact = excluded.artifact, metadata = excluded.metadata`

/** Charts are made of what is at the address of their repository. */
const POKE_CHARTS = `
  update sources c set next_at = least(c.next_at, now()) from sources r
  where r.key = $1 and c.kind = 'HelmChart' and c.url = r.url and c.credential_id is not distinct from r.credential_id`

interface Row {
  key: string
  kind: SourceKind
  url: string
  options: SourceOptions
  credential_id: string | null
  trusted: boolean
  hosts: string[] | null
  interval_ms: bigint
  timeout_ms: bigint
  revision: string | null
  artifact: string | null
  failures: number
}

export function createSourceStore({ db, replica }: SourceStoreDeps): SourceStore {
  return {
    async claim(limit) {
      const { rows } = await db.query<Row>(CLAIM, [limit, replica, HOLD_MARGIN_MS])
      return rows.map(claimed)
    },
    async poke(keys) {
      await db.query('update sources set next_at = least(next_at, now()) where key = any($1::text[])', [keys])
    },
    async pokeCharts(key) {
      await db.query(POKE_CHARTS, [key])
    },
    async nextDueMs() {
      const text = `select min(greatest(0, extract(epoch from ${DUE_AT} - now()) * 1000))::float8 as ms
                      from sources s where ${WAITING} and ${DUE_AT} < 'infinity'`
      const { rows } = await db.query<{ ms: number | null }>(text)
      return rows[0]?.ms ?? undefined
    },
    async saveRevision(key, next, lookAgainMs) {
      const lines = treeLines(next.files)
      const digest = sha256(lines)
      const entries = await compress(lines)
      const bytes = next.files.reduce((sum, { size }) => sum + size, 0)
      await db.query(SAVE_ARTIFACT, [digest, entries, next.files.length, bytes])
      await saveBlobs(db, next)
      await db.transaction(async (tx) => {
        const { rowCount } = await tx.query('update artifacts set whole = true, touched_at = now() where digest = $1', [digest])
        if (rowCount === 0)
          throw new FleetError('unavailable', `store revision ${next.revision}: it took so long that its tree was collected`)
        await tx.query(SAVE_REVISION, [key, next.revision, digest, JSON.stringify(next.commit), JSON.stringify(next.metadata ?? {})])
        const text = `update sources set revision = $3, artifact = $4, problem = null, failures = 0, fetched_at = now(), ${DONE} where key = $1`
        await tx.query(text, [key, lookAgainMs, next.revision, digest])
      })
      return digest
    },
    async saveUnchanged(key, lookAgainMs) {
      await db.query(`update sources set problem = null, failures = 0, ${DONE} where key = $1`, [key, lookAgainMs])
    },
    async saveProblem(key, problem: SourceProblem, lookAgainMs) {
      const text = `update sources set problem = $3, failures = failures + 1, ${DONE} where key = $1`
      await db.query(text, [key, lookAgainMs, JSON.stringify(problem)])
    },
    async release(key, lookAgainMs) {
      const text = `update sources set claimed_by = null, claimed_until = null,
        next_at = least(next_at, now() + $2::bigint * interval '1 millisecond') where key = $1 and claimed_by = $3`
      await db.query(text, [key, lookAgainMs, replica])
    },
  }
}

function claimed(row: Row): ClaimedSource {
  return {
    key: row.key as SourceKey,
    ...({ kind: row.kind, options: row.options } as KindAndOptions),
    url: row.url,
    credentialId: row.credential_id ?? undefined,
    trusted: row.trusted,
    hosts: row.hosts ?? undefined,
    intervalMs: Number(row.interval_ms),
    timeoutMs: Number(row.timeout_ms),
    revision: row.revision ?? undefined,
    artifact: row.artifact ?? undefined,
    failures: row.failures,
  }
}

/** A sweep may take content between two looks, and no content twice. */
const ROUNDS = 3

/**
 * Stores what is not stored yet, batch by batch outside any transaction: content is addressed by its digest, a surplus
 * does no harm. Ends with a look that finds everything there and touched, however long the storing took.
 */
async function saveBlobs(db: Sql, next: NewRevision): Promise<void> {
  const digests = [...new Set(next.files.map(({ sha256: digest }) => digest))]
  for (let round = 0; ; round++) {
    const { rows } = await db.query<{ digest: string }>(LACKING, [digests])
    if (rows.length === 0) return
    if (round === ROUNDS)
      throw new FleetError('unavailable', `store revision ${next.revision}: ${rows.length} files are not there after all`)
    for await (const batch of next.blobs(rows.map(({ digest }) => digest))) await saveBatch(db, batch)
  }
}

async function saveBatch(db: Sql, batch: readonly Blob[]): Promise<void> {
  const packed = (await Promise.all(batch.map(pack))).sort((a, b) => (a.digest < b.digest ? -1 : 1))
  await db.query(SAVE_BLOBS, [
    packed.map(({ digest }) => digest),
    packed.map(({ encoding }) => encoding),
    packed.map(({ size }) => size),
    packed.map(({ bytes }) => bytes),
  ])
}

async function pack({ digest, bytes }: Blob) {
  if (bytes.length >= COMPRESS_FROM_BYTES) {
    const packed = await compress(bytes)
    if (packed.length < bytes.length) return { digest, encoding: 'zstd', size: bytes.length, bytes: packed }
  }
  return { digest, encoding: 'identity', size: bytes.length, bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length) }
}
