import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { together } from '../../../proto/base/together.ts'
import type { Sql } from '../../db/db.ts'
import { prepared } from '../../db/prepared.ts'
import type { Built, RenderProblem } from '../model.ts'
import type { KnownBuild, NewBuild, RenderStore, UsedBuild } from '../ports.ts'
import { decodeReads } from '../reads.ts'

/** Builds looked through per options: branches of one repository take turns, so the newest alone would not do. */
const KNOWN_PER_OPTIONS = 6

// touched_at is moved on at most every ten minutes: a commit must not rewrite a row per kustomization that it leaves alone.
const STALE = `touched_at < now() - interval '10 minutes'`

const KNOWN = prepared(`
  select b.options_digest, b.reads_digest, b.reads, b.bundle, b.problem
    from unnest($1::text[]) wanted (digest)
    cross join lateral (
      select * from builds where options_digest = wanted.digest order by built_at desc limit ${KNOWN_PER_OPTIONS}) b
   where b.bundle is null or exists (select from bundles x where x.digest = b.bundle)`)

const SAVE_BUNDLES = `
  insert into bundles (digest, encoding, size, bytes)
  select distinct on (digest) * from unnest($1::text[], $2::text[], $3::int[], $4::bytea[]) given (digest, encoding, size, bytes)
  on conflict (digest) do update set touched_at = now()`

const SAVE_BUILDS = `
  insert into builds (options_digest, reads_digest, reads, bundle, problem)
  select * from unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::jsonb[])
  on conflict (options_digest, reads_digest) do update
    set bundle = excluded.bundle, problem = excluded.problem, built_at = now(), touched_at = now()`

const TOUCH_BUNDLES = prepared(`update bundles set touched_at = now() where digest = any($1::text[]) and ${STALE}`)

const TOUCH_BUILDS = prepared(`
  update builds b set touched_at = now() from unnest($1::text[], $2::text[]) used (options, reads)
  where b.options_digest = used.options and b.reads_digest = used.reads and b.${STALE}`)

/** Sources that are settled at the same moment are looked up by one statement. */
const TOGETHER = { lanes: 1, most: 100 }

interface Row {
  options_digest: string
  reads_digest: string
  reads: Buffer
  bundle: string | null
  problem: RenderProblem | null
}

export function createRenderStore(db: Sql & { transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T> }): RenderStore {
  const known = together(TOGETHER, async (all: readonly (readonly string[])[]) => {
    const found = await readKnown(db, [...new Set(all.flat())])
    return all.map((digests) => new Map(digests.flatMap((digest) => entryOf(found, digest))))
  })
  const touch = together(TOGETHER, async (all: readonly (readonly UsedBuild[])[]) => {
    await touchAll(db, all.flat())
    return all.map(() => undefined)
  })
  return { known, touch, save: (builds) => db.transaction((tx) => save(tx, builds)) }
}

function entryOf<K, V>(map: ReadonlyMap<K, V>, key: K): readonly (readonly [K, V])[] {
  const value = map.get(key)
  return value === undefined ? [] : [[key, value]]
}

async function readKnown(db: Sql, optionsDigests: readonly string[]): Promise<ReadonlyMap<string, readonly KnownBuild[]>> {
  const { rows } = await db.query<Row>(KNOWN, [optionsDigests])
  const known = new Map<string, KnownBuild[]>()
  for (const row of rows) {
    const build = knownBuild(row)
    if (build) known.set(row.options_digest, [...(known.get(row.options_digest) ?? []), build])
  }
  return known
}

async function touchAll(db: Sql, builds: readonly UsedBuild[]): Promise<void> {
  const bundles = builds.flatMap(({ bundle }) => bundle ?? [])
  await db.query(TOUCH_BUNDLES, [bundles])
  await db.query(TOUCH_BUILDS, [builds.map(({ optionsDigest }) => optionsDigest), builds.map(({ readsDigest }) => readsDigest)])
}

function knownBuild(row: Row): KnownBuild | undefined {
  const reads = decodeReads(zstdDecompressSync(row.reads).toString())
  const optionsDigest = row.options_digest
  const built: Built | undefined =
    row.bundle !== null ? { optionsDigest, bundle: row.bundle } : row.problem !== null ? { optionsDigest, problem: row.problem } : undefined
  return reads && built ? { readsDigest: row.reads_digest, reads, built } : undefined
}

async function save(tx: Sql, builds: readonly NewBuild[]): Promise<void> {
  const bundles = builds
    .flatMap(({ built, bytes }) => ('bundle' in built && bytes ? [{ digest: built.bundle, bytes }] : []))
    // One order of locks, whoever saves.
    .sort((a, b) => (a.digest < b.digest ? -1 : 1))
  const packed = bundles.map(({ digest, bytes }) => ({ digest, size: bytes.length, bytes: zstdCompressSync(bytes) }))
  if (packed.length > 0)
    await tx.query(SAVE_BUNDLES, [
      packed.map(({ digest }) => digest),
      packed.map(() => 'zstd'),
      packed.map(({ size }) => size),
      packed.map(({ bytes }) => bytes),
    ])
  await tx.query(SAVE_BUILDS, [
    builds.map(({ built }) => built.optionsDigest),
    builds.map(({ readsDigest }) => readsDigest),
    builds.map(({ reads }) => zstdCompressSync(reads)),
    builds.map(({ built }) => ('bundle' in built ? built.bundle : null)),
    builds.map(({ built }) => ('problem' in built ? JSON.stringify(built.problem) : null)),
  ])
}
