import { promisify } from 'node:util'
import { zstdDecompress } from 'node:zlib'
import { FleetError } from '../../../proto/base/errors.ts'
import { createTree, type TreeEntry, type TreeReader } from '../../../proto/kustomize/tree.ts'
import type { Sql } from '../../db/db.ts'
import type { Trees } from '../ports.ts'
import { parseTreeLines, type TreeLine } from '../tree-lines.ts'
import { ByteCache } from './byte-cache.ts'

export interface TreesOptions {
  readonly db: Sql
  /** Memory for content of files, over all trees. */
  readonly contentBytes?: number
  /** Trees whose lists of files stay in memory. */
  readonly trees?: number
}

const LINK_MODE = '120000'
const AHEAD_BYTES = 64 << 10
const AHEAD_FILES = 32
const decompress = promisify(zstdDecompress)

/** Trees of artifacts from the database. What is asked for by several at a time is loaded once. */
export function createTrees({ db, contentBytes = 64 << 20, trees: limit = 16 }: TreesOptions): Trees {
  const contents = new ByteCache(contentBytes)
  const trees = new Map<string, Promise<TreeReader | undefined>>()

  async function load(artifact: string): Promise<TreeReader | undefined> {
    const { rows } = await db.query<{ entries: Buffer }>('select entries from artifacts where digest = $1', [artifact])
    if (!rows[0]) return undefined
    const lines = parseTreeLines((await decompress(rows[0].entries)).toString())
    const links = await readAll(lines.filter(({ mode }) => mode === LINK_MODE).map(({ sha256 }) => sha256))
    const near = neighbours(lines)
    return createTree(
      lines.map((line) => entryOf(line, links)),
      ({ path, sha256 }) => contents.get(sha256, () => readOne(sha256, path, near)),
    )
  }

  async function readOne(digest: string, path: string, near: ReadonlyMap<string, readonly string[]>): Promise<Uint8Array> {
    const ahead = (near.get(directoryOf(path)) ?? []).filter((other) => !contents.has(other))
    const read = await readAll([digest, ...ahead])
    for (const [other, bytes] of read) contents.keep(other, bytes)
    const content = read.get(digest)
    if (!content) throw new FleetError('gone', `read ${path}: its content ${digest} is not stored any more`)
    return content
  }

  async function readAll(digests: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
    if (digests.length === 0) return new Map()
    const text = 'select digest, encoding, bytes from blobs where digest = any($1::text[])'
    const { rows } = await db.query<{ digest: string; encoding: string; bytes: Buffer }>(text, [digests])
    const plain = rows.map(async ({ digest, encoding, bytes }) => [digest, encoding === 'zstd' ? await decompress(bytes) : bytes] as const)
    return new Map(await Promise.all(plain))
  }

  return {
    async open(artifact, signal) {
      signal.throwIfAborted()
      const known = trees.get(artifact)
      const loading = known ?? load(artifact)
      trees.delete(artifact)
      trees.set(artifact, loading)
      const [oldest] = trees.keys()
      if (trees.size > limit && oldest !== undefined) trees.delete(oldest)
      const tree = await loading.catch((error: unknown) => {
        trees.delete(artifact)
        throw error
      })
      if (!tree) trees.delete(artifact)
      return tree
    },
  }
}

/** Digests of small files by directory: who reads one file of a directory reads most of the others next. */
function neighbours(lines: readonly TreeLine[]): ReadonlyMap<string, readonly string[]> {
  const near = new Map<string, string[]>()
  for (const { path, size, sha256 } of lines) {
    const directory = directoryOf(path)
    const digests = near.get(directory) ?? []
    if (digests.length === 0) near.set(directory, digests)
    if (size <= AHEAD_BYTES && digests.length < AHEAD_FILES) digests.push(sha256)
  }
  return near
}

function directoryOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

function entryOf({ mode, path, sha256, size }: TreeLine, links: ReadonlyMap<string, Uint8Array>): TreeEntry {
  const link = mode === LINK_MODE ? links.get(sha256) : undefined
  return { path, sha256, size, ...(link ? { link: Buffer.from(link).toString() } : {}) }
}
