import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { canonicalJson } from '../../../../proto/base/canonical.ts'
import { FleetError } from '../../../../proto/base/errors.ts'
import { sha256 } from '../../../../proto/base/hash.ts'
import { type BucketOptions, normaliseUrl } from '../../model.ts'
import type { FetchRequest } from '../../ports.ts'
import { spool } from '../http/spool.ts'

/** Content of an object that is on disk. */
export interface CachedObject {
  readonly etag: string
  readonly size: number
  readonly sha256: string
}

/** What is on disk of a bucket with the same options, held by one look at a time. */
export interface HeldObjects extends AsyncDisposable {
  /** By key. */
  objects(): Promise<ReadonlyMap<string, CachedObject>>
  add(
    content: AsyncIterable<Uint8Array>,
    options: { readonly what: string; readonly signal: AbortSignal },
  ): Promise<Omit<CachedObject, 'etag'>>
  read(digest: string): Promise<Buffer>
  /** Lets go of everything but these. */
  keep(objects: ReadonlyMap<string, CachedObject>): Promise<void>
}

interface Part extends Pick<FetchRequest, 'url' | 'credentialId'> {
  readonly options: BucketOptions
}

const INDEX = 'index.json'
const indexSchema = z.array(z.tuple([z.string(), z.object({ etag: z.string(), size: z.number(), sha256: z.string() })]))

/**
 * Objects of buckets on disk, so that what has not moved is not fetched again, whoever asks for it: a Bucket, or the
 * charts in it. One folder per bucket and credential: what one credential may read is not shown to another. May be
 * deleted at any time when nothing runs.
 */
export class ObjectCache {
  readonly #folder: string
  readonly #held = new Map<string, Promise<void>>()

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Waits until nobody else holds them. */
  async hold({ options, ...bucket }: Part, signal: AbortSignal): Promise<HeldObjects> {
    const folder = join(this.#folder, nameOf(bucket), hex(canonicalJson(options)))
    const release = await this.#take(folder, signal)
    try {
      await mkdir(folder, { recursive: true })
      return { ...openObjects(folder), [Symbol.asyncDispose]: async () => release() }
    } catch (error) {
      release()
      throw error
    }
  }

  /**
   * Removes what is there of buckets that no source is fetched from any more.
   * @param inUse  asked after the folders were listed, so that one made meanwhile is not missed
   */
  async sweep(inUse: () => Promise<readonly Pick<FetchRequest, 'url' | 'credentialId'>[]>): Promise<void> {
    const names = await readdir(this.#folder).catch(() => [])
    const used = new Set((await inUse()).map(nameOf))
    const held = [...this.#held.keys()]
    for (const folder of names.filter((name) => !used.has(name)).map((name) => join(this.#folder, name)))
      if (!held.some((part) => part.startsWith(folder))) await rm(folder, { recursive: true, force: true })
  }

  async #take(folder: string, signal: AbortSignal): Promise<() => void> {
    for (let other = this.#held.get(folder); other; other = this.#held.get(folder)) await unless(signal, other)
    signal.throwIfAborted()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#held.set(folder, promise)
    return () => {
      this.#held.delete(folder)
      resolve()
    }
  }
}

function openObjects(folder: string): Omit<HeldObjects, typeof Symbol.asyncDispose> {
  const file = (digest: string) => digest.slice('sha256:'.length)
  return {
    async objects() {
      const index = await readIndex(folder)
      const there = new Set(await readdir(folder))
      return new Map(index.filter(([, { sha256: digest }]) => there.has(file(digest))))
    },
    async add(content, { signal, what }) {
      await using spooled = await spool(content, { folder, what, signal })
      await rename(spooled.path, join(folder, file(spooled.sha256)))
      return { size: spooled.size, sha256: spooled.sha256 }
    },
    async read(digest) {
      const bytes = await readFile(join(folder, file(digest)))
      if (sha256(bytes) === digest) return bytes
      await rm(join(folder, file(digest)), { force: true })
      throw new FleetError('unavailable', 'read an object of a bucket that was kept on disk: its content is damaged')
    },
    async keep(objects) {
      await writeFile(join(folder, `${INDEX}.new`), JSON.stringify([...objects]))
      await rename(join(folder, `${INDEX}.new`), join(folder, INDEX))
      const kept = new Set([INDEX, ...Array.from(objects.values(), ({ sha256: digest }) => file(digest))])
      for (const name of await readdir(folder)) if (!kept.has(name)) await rm(join(folder, name), { recursive: true, force: true })
    },
  }
}

/** What was kept last; nothing where that cannot be read, so that everything is fetched again. */
async function readIndex(folder: string): Promise<z.infer<typeof indexSchema>> {
  try {
    return indexSchema.parse(JSON.parse(await readFile(join(folder, INDEX), 'utf8')))
  } catch {
    return []
  }
}

function nameOf({ credentialId, url }: Pick<FetchRequest, 'url' | 'credentialId'>): string {
  return hex(`${normaliseUrl(url)}\n${credentialId ?? ''}`)
}

function hex(text: string): string {
  return sha256(text).slice('sha256:'.length)
}

async function unless(signal: AbortSignal, other: Promise<void>): Promise<void> {
  signal.throwIfAborted()
  const { promise, reject } = Promise.withResolvers<never>()
  const stop = () => reject(signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  await Promise.race([other, promise]).finally(() => signal.removeEventListener('abort', stop))
}
