import { createReadStream } from 'node:fs'
import { type Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { extract, type Header } from 'tar-stream'
import { FetchFailure } from '../failure.ts'
import { HeaderGuard } from './header-guard.ts'

export interface ArchiveBudget {
  readonly maxFiles: number
  readonly maxFileBytes: number
  /** Bytes of all that is packed in it. */
  readonly maxTreeBytes: number
}

export interface ArchiveFile {
  /** Position in the archive. */
  readonly at: number
  readonly path: string
  readonly executable: boolean
  readonly size: number
}

export interface ReadOptions {
  readonly budget: ArchiveBudget
  /** What becomes of symbolic links. */
  readonly links: 'skip' | 'refuse'
  readonly signal: AbortSignal
}

type Visit = (file: ArchiveFile, read: () => Promise<Buffer>) => Promise<void>

/** Entries that an archive may have beside files: directories, links, headers. */
const ENTRY_FACTOR = 4
/** What tar adds to a file at most: headers and padding. */
const OVERHEAD_BYTES = 4096
const MAX_PATH_BYTES = 4096

/**
 * Visits the files of a `.tar.gz` one after the other, each within the budget and with a path inside of the archive.
 * Directories are passed over; what is neither file, directory nor link is refused. Content that `visit` does not read is skipped.
 */
export async function readArchive(content: string | Readable, { budget, links, signal }: ReadOptions, visit: Visit): Promise<void> {
  const source = typeof content === 'string' ? createReadStream(content) : content
  const unpacked = extract()
  const packing = pipeline(source, createGunzip(), limited(budget), unpacked, { signal })
  // Whoever reads the entries sees the failure too, and names it.
  packing.catch(() => undefined)
  let entries = 0
  let at = 0
  try {
    for await (const entry of unpacked) {
      entries += 1
      if (entries > budget.maxFiles * ENTRY_FACTOR) throw new FetchFailure('budget', `the archive has more than ${budget.maxFiles} files`)
      const file = fileOf(entry.header, { at, links, budget })
      if (file) {
        at += 1
        if (at > budget.maxFiles) throw new FetchFailure('budget', `the archive has more than ${budget.maxFiles} files`)
        await visit(file, () => contentOf(entry))
      }
      entry.resume()
    }
    await packing
  } catch (error) {
    unpacked.destroy()
    await packing.catch(() => undefined)
    signal.throwIfAborted()
    throw named(error)
  }
}

async function contentOf(entry: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of entry) chunks.push(chunk as Uint8Array)
  return Buffer.concat(chunks)
}

function fileOf(
  { mode = 0, name, pax, size = 0, type }: Header,
  { at, budget, links }: Pick<ReadOptions, 'budget' | 'links'> & { readonly at: number },
): ArchiveFile | undefined {
  const path = name.replace(/^(\.\/)+/, '')
  if (type === 'directory') {
    if (path !== '' && path !== '.') checkPath(path.replace(/\/+$/, ''))
    return undefined
  }
  checkPath(path)
  // The guard goes by the sizes in the headers themselves.
  if ((pax as Readonly<Record<string, string>> | null | undefined)?.size !== undefined)
    throw new FetchFailure('tree', `the archive entry ${JSON.stringify(path)} has two sizes`)
  if (type === 'symlink') {
    if (links === 'skip') return undefined
    throw new FetchFailure('tree', `the archive has the symbolic link ${JSON.stringify(path)}, which is not allowed`)
  }
  if (type !== 'file' && type !== 'contiguous-file')
    throw new FetchFailure('tree', `the archive entry ${JSON.stringify(path)} has the type ${type}, which is not allowed`)
  if (size > budget.maxFileBytes) throw new FetchFailure('budget', `${path} has ${size} bytes, ${budget.maxFileBytes} are allowed`)
  return { at, path, executable: (mode & 0o111) !== 0, size }
}

/** Throws for a path that leads out of the archive or that no file may have. */
function checkPath(path: string): void {
  const parts = path.split('/')
  const bad =
    parts.some((part) => part === '' || part === '.' || part === '..') || /[\\\0\n]/.test(path) || Buffer.byteLength(path) > MAX_PATH_BYTES
  if (bad)
    throw new FetchFailure('tree', `the archive has an entry with the name ${JSON.stringify(path.slice(0, 100))}, which no file may have`)
}

function limited({ maxFiles, maxTreeBytes }: ArchiveBudget): Transform {
  const limit = maxTreeBytes + maxFiles * OVERHEAD_BYTES
  const headers = new HeaderGuard()
  let bytes = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      if (!headers.passes(chunk)) done(new FetchFailure('tree', 'the archive has a header of more than a megabyte'))
      else if (bytes > limit) done(new FetchFailure('budget', `the archive unpacks to more than ${maxTreeBytes} bytes`))
      else done(null, chunk)
    },
  })
}

function named(error: unknown): unknown {
  if (error instanceof FetchFailure) return error
  const { code, message } = error as { code?: unknown; message?: unknown }
  if (typeof code === 'string' && code.startsWith('Z_'))
    return new FetchFailure('tree', 'the archive is not compressed with gzip, or it is damaged')
  if (error instanceof Error && /tar|Unexpected end|checksum/i.test(String(message)))
    return new FetchFailure('tree', `the archive is damaged: ${String(message)}`)
  return error
}
