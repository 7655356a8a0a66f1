import { promisify } from 'node:util'
import { zstdDecompress } from 'node:zlib'
import type { Sql } from '../../db/db.ts'
import type { Blob, OpenStored } from '../ports.ts'
import { parseTree } from '../tree-file.ts'

const decompress = promisify(zstdDecompress)
/** Files read at a time. */
const BATCH = 100

/** Trees that were fetched before, as fetchers give them. */
export function openStored(db: Sql): OpenStored {
  return async (artifact) => {
    const { rows } = await db.query<{ entries: Buffer }>('select entries from artifacts where digest = $1 and whole', [artifact])
    const [found] = rows
    return found && { files: parseTree((await decompress(found.entries)).toString()), blobs: (digests) => blobsOf(db, digests) }
  }
}

async function* blobsOf(db: Sql, digests: readonly string[]): AsyncIterable<readonly Blob[]> {
  for (let at = 0; at < digests.length; at += BATCH) {
    const text = 'select digest, encoding, bytes from blobs where digest = any($1::text[])'
    const { rows } = await db.query<{ digest: string; encoding: string; bytes: Buffer }>(text, [digests.slice(at, at + BATCH)])
    yield await Promise.all(
      rows.map(async ({ bytes, digest, encoding }) => ({ digest, bytes: encoding === 'zstd' ? await decompress(bytes) : bytes })),
    )
  }
}
