import { access, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import { messageOf } from '../../../proto/base/errors.ts'
import { sha256 } from '../../../proto/base/hash.ts'
import type { Log } from '../../../proto/base/log.ts'
import type {
  ClusterFact,
  Cursor,
  DesiredFact,
  Fact,
  PlacedFact,
  ReleaseFact,
  SourceStatusFact,
  TenantFact,
} from '../../../proto/model/facts.ts'
import { hold } from '../hold.ts'
import { type Holdings, NOTHING_HELD } from '../model.ts'

const FORMAT = 1
const DIGEST = /^sha256:[0-9a-f]{64}$/
const MAX_BUNDLE_BYTES = 256 << 20

/** What of the agent's knowledge outlives its process: the hub's facts in one file, content in a file a digest. */
export interface Disk {
  /** What was held, or nothing where there is no file or it is truncated or altered. */
  load(): Promise<Holdings>
  save(holdings: Holdings): Promise<void>
  /** Uncompressed content, checked against its digest; undefined where it is not there or not what it says. */
  bundle(digest: string): Promise<Uint8Array | undefined>
  /** True where there is a file of this digest; whether it is whole shows when it is read. */
  has(digest: string): Promise<boolean>
  /** Keeps content as it came; `bytes` are checked against the digest before they are named. */
  putBundle(digest: string, content: { readonly encoding: 'identity' | 'zstd'; readonly bytes: Uint8Array }): Promise<void>
  /** Deletes content that nothing refers to any more. */
  sweep(keep: ReadonlySet<string>): Promise<void>
}

/** Opens the agent's folder, making it where it does not exist. */
export async function openDisk(dir: string, log: Log): Promise<Disk> {
  const bundles = join(dir, 'bundles')
  const state = join(dir, 'holdings.json')
  await mkdir(bundles, { recursive: true, mode: 0o700 })
  const fileOf = (digest: string) => join(bundles, digest.replace(':', '-'))
  return {
    async load() {
      try {
        return decode(await readFile(state, 'utf8'))
      } catch (error) {
        if (isMissing(error)) return NOTHING_HELD
        log.warn(
          { event: 'cache.refused', path: state, reason: messageOf(error) },
          'holdings on disk are damaged; asking the hub for all of them',
        )
        return NOTHING_HELD
      }
    },
    save: (holdings) => writeWhole(state, encode(holdings)),
    async bundle(digest) {
      if (!DIGEST.test(digest)) return undefined
      try {
        return checked(digest, unpack(await readFile(fileOf(digest))))
      } catch (error) {
        if (isMissing(error)) return undefined
        log.warn({ event: 'cache.refused', digest, reason: messageOf(error) }, 'bundle on disk is damaged; fetching it again')
        await rm(fileOf(digest), { force: true })
        return undefined
      }
    },
    has: (digest) =>
      access(fileOf(digest)).then(
        () => true,
        () => false,
      ),
    async putBundle(digest, { encoding, bytes }) {
      checked(digest, encoding === 'zstd' ? zstdDecompressSync(bytes, { maxOutputLength: MAX_BUNDLE_BYTES }) : bytes)
      await writeWhole(fileOf(digest), Buffer.concat([Buffer.from([encoding === 'zstd' ? 1 : 0]), bytes]))
    },
    async sweep(keep) {
      const kept = new Set([...keep].map((digest) => digest.replace(':', '-')))
      for (const file of await readdir(bundles)) if (!kept.has(file)) await rm(join(bundles, file), { force: true })
    },
  }
}

function unpack(file: Buffer): Uint8Array {
  const body = file.subarray(1)
  return file[0] === 1 ? zstdDecompressSync(body, { maxOutputLength: MAX_BUNDLE_BYTES }) : body
}

function checked(digest: string, bytes: Uint8Array): Uint8Array {
  if (sha256(bytes) !== digest) throw new Error(`content does not have the digest ${digest}`)
  return bytes
}

interface Body {
  readonly format: number
  readonly cursor: Cursor | undefined
  readonly desired: readonly DesiredFact[]
  readonly releases: readonly ReleaseFact[]
  readonly sourceStatuses: readonly SourceStatusFact[]
  readonly tenants: readonly TenantFact[]
  /** Absent in files of agents that knew no Placements. */
  readonly placed?: readonly StoredPlaced[]
  readonly cluster?: StoredCluster | undefined
}

/** What people wrote is text in the file: its members must not be taken for ours when the file is read. */
type StoredPlaced = Omit<PlacedFact, 'content'> & { readonly content: string }
type StoredCluster = Pick<ClusterFact, 'kind' | 'name' | 'position'> & { readonly maps: string }

function encode(holdings: Holdings): string {
  const body: Body = {
    format: FORMAT,
    cursor: holdings.cursor,
    desired: [...holdings.desired.values()],
    releases: [...holdings.releases.values()],
    sourceStatuses: [...holdings.sourceStatuses.values()],
    tenants: [...holdings.tenants.values()],
    placed: Array.from(holdings.placed.values(), ({ content, ...fact }) => ({ ...fact, content: JSON.stringify(content) })),
    cluster: holdings.cluster && storedCluster(holdings.cluster),
  }
  const text = JSON.stringify(body, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value))
  return `${sha256(text)}\n${text}`
}

function decode(file: string): Holdings {
  const end = file.indexOf('\n')
  const text = file.slice(end + 1)
  if (end < 0 || sha256(text) !== file.slice(0, end)) throw new Error('checksum does not match')
  const body = JSON.parse(text, revive) as Body
  if (body.format !== FORMAT || !body.cursor) return NOTHING_HELD
  const facts: Fact[] = [...body.desired, ...body.releases, ...body.sourceStatuses, ...body.tenants, ...(body.placed ?? []).map(placedOf)]
  if (body.cluster) facts.push(clusterOf(body.cluster))
  return hold(NOTHING_HELD, { facts, cursor: body.cursor, full: true }).holdings
}

function placedOf({ content, ...fact }: StoredPlaced): PlacedFact {
  return { ...fact, content: JSON.parse(content) as PlacedFact['content'] }
}

function storedCluster({ labels, variables, ...fact }: ClusterFact): StoredCluster {
  return { ...fact, maps: JSON.stringify({ labels, variables }) }
}

function clusterOf({ maps, ...fact }: StoredCluster): ClusterFact {
  return { ...fact, ...(JSON.parse(maps) as Pick<ClusterFact, 'labels' | 'variables'>) }
}

function revive(key: string, value: unknown): unknown {
  if (key === 'position' && typeof value === 'string') return BigInt(value.slice(0, -1))
  if (key === 'artifactAt' && typeof value === 'string') return new Date(value)
  return value
}

/** All or nothing, also across a power cut: temporary file, fsync, rename. */
async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.tmp`
  const file = await open(temporary, 'w', 0o600)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
