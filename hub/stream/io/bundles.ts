import { FleetError } from '../../../proto/base/errors.ts'
import { together } from '../../../proto/base/together.ts'
import { type FetchBundlesResponse, FetchBundlesResponse_Encoding } from '../../../proto/gen/fleet/v1/agent.ts'
import type { ClusterId } from '../../../proto/model/ids.ts'
import type { Sql } from '../../db/db.ts'
import { prepared } from '../../db/prepared.ts'
import { cachedBundles, type StoredBundle } from './bundle-cache.ts'

const CHUNK_BYTES = 512 * 1024
const MAX_DIGESTS = 1000
/** So many may be answered at once; each holds one bundle in memory. */
const MAX_CONCURRENT = 64
const NOTHING = Buffer.alloc(0)
/** What a commit brings to many clusters is read once for all of them. */
const CACHE_BYTES = 64 * 1024 * 1024
/** Clusters that ask at the same moment are answered by one statement. */
const TOGETHER = { lanes: 4, most: 100 }

/** Gives bundles to clusters that should have them, within a bound on how many are sent at once. */
export function openBundles(
  sql: Sql,
  sent: (bytes: number) => void = () => undefined,
): { fetch(clusterId: ClusterId, digests: readonly string[]): AsyncGenerator<FetchBundlesResponse> } {
  let sending = 0
  const bundle = cachedBundles((digest) => readBundle(sql, digest), CACHE_BYTES)
  const permitted = together(TOGETHER, (all: readonly Asked[]) => readPermitted(sql, all))
  return {
    async *fetch(clusterId, digests) {
      if (digests.length > MAX_DIGESTS)
        throw new FleetError('too-large', `fetch bundles: ${digests.length} digests in one call; ask for ${MAX_DIGESTS} at most`)
      if (sending >= MAX_CONCURRENT) throw new FleetError('exhausted', 'fetch bundles: too many fetch at once; try again soon')
      sending++
      try {
        const allowed = await permitted({ clusterId, digests })
        for (const digest of digests) {
          const found = allowed.has(digest) ? await bundle(digest) : undefined
          if (found) sent(found.bytes.length)
          yield* found ? chunks(digest, found) : refusal(digest)
        }
      } finally {
        sending--
      }
    },
  }
}

interface Asked {
  readonly clusterId: ClusterId
  readonly digests: readonly string[]
}

const PERMITTED = prepared(`
  select distinct a.ask, d.bundle from unnest($1::int[], $2::text[], $3::text[]) as a (ask, cluster_id, digest)
  join desired d on d.cluster_id = a.cluster_id and d.bundle = a.digest`)

/** A cluster may have what it should hold, and nothing else; what does not exist answers the same. */
async function readPermitted(sql: Sql, all: readonly Asked[]): Promise<readonly ReadonlySet<string>[]> {
  const pairs = all.flatMap(({ clusterId, digests }, ask) => digests.map((digest) => ({ ask, clusterId, digest })))
  const { rows } = await sql.query<{ ask: number; bundle: string }>(PERMITTED, [
    pairs.map(({ ask }) => ask),
    pairs.map(({ clusterId }) => clusterId),
    pairs.map(({ digest }) => digest),
  ])
  const byAsk = Map.groupBy(rows, ({ ask }) => ask)
  return all.map((_, ask) => new Set((byAsk.get(ask) ?? []).map(({ bundle }) => bundle)))
}

async function readBundle(sql: Sql, digest: string): Promise<StoredBundle | undefined> {
  return (await sql.query<StoredBundle>('select encoding, bytes from bundles where digest = $1', [digest])).rows[0]
}

function* chunks(digest: string, bundle: StoredBundle): Generator<FetchBundlesResponse> {
  const encoding = bundle.encoding === 'zstd' ? FetchBundlesResponse_Encoding.ZSTD : FetchBundlesResponse_Encoding.IDENTITY
  const head = { digest, encoding, totalBytes: BigInt(bundle.bytes.length), refused: '' }
  for (let offset = 0; offset === 0 || offset < bundle.bytes.length; offset += CHUNK_BYTES) {
    yield { ...head, offset: BigInt(offset), chunk: bundle.bytes.subarray(offset, offset + CHUNK_BYTES) }
  }
}

function* refusal(digest: string): Generator<FetchBundlesResponse> {
  const refused = 'this cluster has no object that should be this bundle'
  yield { digest, encoding: FetchBundlesResponse_Encoding.IDENTITY, totalBytes: 0n, offset: 0n, chunk: NOTHING, refused }
}
