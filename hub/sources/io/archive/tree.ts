import { sha256 } from '../../../../proto/base/hash.ts'
import { IGNORE_FILE, ignoreRules } from '../../ignore-rules.ts'
import type { Blob } from '../../ports.ts'
import type { TreeFile } from '../../tree-file.ts'
import { FetchFailure } from '../failure.ts'
import { type ArchiveBudget, readArchive } from './read.ts'

export interface ArchiveTreeOptions {
  /** `spec.ignore`. */
  readonly ignore: string | undefined
  readonly budget: ArchiveBudget
  readonly signal: AbortSignal
}

/** The files of an archive that its ignore rules leave, and their content: read again from the file, so that nothing is held. */
export interface ArchiveTree {
  readonly files: readonly TreeFile[]
  blobs(digests: readonly string[]): AsyncIterable<readonly Blob[]>
}

interface Listed extends TreeFile {
  readonly at: number
}

const BATCH_BYTES = 4 << 20

export async function openArchiveTree(path: string, { budget, ignore, signal }: ArchiveTreeOptions): Promise<ArchiveTree> {
  const listed = new Map<string, Listed>()
  const ignoreFiles = new Map<string, string>()
  const read = { budget, links: 'skip', signal } as const
  await readArchive(path, read, async (file, content) => {
    const bytes = await content()
    // Of two entries with one path the later one holds, as when they are unpacked.
    listed.set(file.path, {
      at: file.at,
      path: file.path,
      mode: file.executable ? '100755' : '100644',
      size: bytes.length,
      sha256: sha256(bytes),
    })
    if (file.path === IGNORE_FILE || file.path.endsWith(`/${IGNORE_FILE}`))
      ignoreFiles.set(file.path.slice(0, -IGNORE_FILE.length - 1), bytes.toString())
  })
  const directories = [...ignoreFiles].sort(([a], [b]) => a.length - b.length)
  const ignored = ignoreRules({ ignore, files: directories.map(([directory, text]) => ({ directory, text })) })
  const kept = [...listed.values()].filter((file) => !ignored(file.path))
  const bytes = kept.reduce((sum, { size }) => sum + size, 0)
  if (bytes > budget.maxTreeBytes) throw new FetchFailure('budget', `the archive unpacks to more than ${budget.maxTreeBytes} bytes`)
  return { files: kept.map(({ at: _, ...file }) => file), blobs: (digests) => blobsOf(path, wantedOf(kept, digests), read) }
}

/** Which entries to read for the digests: one for each. */
function wantedOf(kept: readonly Listed[], digests: readonly string[]): ReadonlyMap<number, string> {
  const wanted = new Set(digests)
  const entries = new Map<number, string>()
  for (const { at, sha256: digest } of kept) if (wanted.delete(digest)) entries.set(at, digest)
  return entries
}

async function* blobsOf(
  path: string,
  wanted: ReadonlyMap<number, string>,
  options: Parameters<typeof readArchive>[1],
): AsyncIterable<readonly Blob[]> {
  const queue = new Batches()
  const reading = readArchive(path, options, async ({ at }, content) => {
    const digest = wanted.get(at)
    if (digest !== undefined) await queue.add({ digest, bytes: await content() })
  }).then(
    () => queue.end(),
    (error: unknown) => queue.end(error),
  )
  try {
    yield* queue
  } finally {
    queue.close()
    await reading
  }
}

/** Hands blobs from a reader to whoever stores them, one batch ahead at most. */
class Batches {
  #batch: Blob[] = []
  #bytes = 0
  #ready: PromiseWithResolvers<void> = Promise.withResolvers()
  #taken: PromiseWithResolvers<void> = Promise.withResolvers()
  #end: { readonly error?: unknown } | undefined
  #closed = false

  async add(blob: Blob): Promise<void> {
    this.#batch.push(blob)
    this.#bytes += blob.bytes.length
    if (this.#bytes < BATCH_BYTES || this.#closed) return
    this.#ready.resolve()
    await this.#taken.promise
  }

  end(error?: unknown): void {
    this.#end = error === undefined ? {} : { error }
    this.#ready.resolve()
  }

  close(): void {
    this.#closed = true
    this.#taken.resolve()
  }

  async *[Symbol.asyncIterator](): AsyncIterator<readonly Blob[]> {
    for (;;) {
      await this.#ready.promise
      const batch = this.#batch
      this.#batch = []
      this.#bytes = 0
      if (this.#end && 'error' in this.#end) throw this.#end.error
      if (batch.length > 0) yield batch
      if (this.#end) return
      this.#ready = Promise.withResolvers()
      this.#taken.resolve()
      this.#taken = Promise.withResolvers()
    }
  }
}
