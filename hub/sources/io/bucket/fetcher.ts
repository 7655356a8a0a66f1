import { anyOf } from '../../../../proto/base/signals.ts'
import { regionIn } from '../../bucket/address.ts'
import type { ListedObject } from '../../bucket/answers.ts'
import { keptObjects, keysProblem, revisionOf } from '../../bucket/etag-index.ts'
import { IGNORE_FILE } from '../../ignore-rules.ts'
import type { Blob, Fetcher, FetchOutcome, FetchRequest, NewRevision, RequestOf } from '../../ports.ts'
import { FetchFailure } from '../failure.ts'
import { collect } from '../http/body.ts'
import { openHttpClient } from '../http/client.ts'
import type { OpenCredential } from '../open-credential.ts'
import { outcomeOf } from '../outcome.ts'
import { type CachedObject, type HeldObjects, ObjectCache } from './cache.ts'
import { openStorage, type Storage } from './storage.ts'

export interface BucketFetcherOptions {
  /** Folder of the objects that were fetched; may be deleted when nothing runs. */
  readonly folder: string
  readonly budget?: BucketBudget
}

export interface BucketBudget {
  /** Objects in a list, whatever becomes of them. */
  readonly maxListed: number
  readonly maxFiles: number
  readonly maxFileBytes: number
  readonly maxTreeBytes: number
}

const DEFAULT_BUDGET: BucketBudget = { maxListed: 200_000, maxFiles: 50_000, maxFileBytes: 32 << 20, maxTreeBytes: 512 << 20 }
const DEFAULT_REGION = 'us-east-1'
const MAX_IGNORE_BYTES = 1 << 20
const AT_ONCE = 8
const BATCH_BYTES = 4 << 20

type BucketRequest = RequestOf<'Bucket'>

interface Job {
  readonly request: BucketRequest
  readonly storage: Storage
  readonly held: HeldObjects
  readonly budget: BucketBudget
  readonly signal: AbortSignal
}

/**
 * Fetches buckets. Whether something moved is told by the list of objects alone; of what moved, only objects whose
 * entity tag is new are fetched.
 */
export class BucketFetcher implements Fetcher<'Bucket'> {
  readonly #cache: ObjectCache
  readonly #budget: BucketBudget

  constructor({ budget = DEFAULT_BUDGET, folder }: BucketFetcherOptions) {
    this.#cache = new ObjectCache(folder)
    this.#budget = budget
  }

  async fetch<T>(
    request: BucketRequest,
    use: (outcome: FetchOutcome) => Promise<T>,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<T> {
    const { credentialId, options, url } = request
    await using held = await this.#cache.hold({ url, credentialId, options }, signal)
    const outcome = await outcomeOf(request, signal, async (credential, late) => {
      // The first object that cannot be fetched ends the others.
      const failed = new AbortController()
      const within = anyOf(late, failed.signal)
      await using client = openHttpClient({ ...request, ca: credential.ca, client: credential.client, proxy: credential.proxy }, within)
      const storage = openStorage({ client, url, keys: keysOf(request, credential), region: regionOf(request) })
      return await look({ request, storage, held, budget: this.#budget, signal: within }, failed)
    })
    return await use(outcome)
  }

  /** Removes what is kept of buckets that no source is fetched from any more. */
  sweep(inUse: () => Promise<readonly Pick<FetchRequest, 'url' | 'credentialId'>[]>): Promise<void> {
    return this.#cache.sweep(inUse)
  }
}

function keysOf({ options }: BucketRequest, { keys }: OpenCredential) {
  if (options.keyed && !keys) throw new FetchFailure('credential', "invalid secret data: required fields 'accesskey' and 'secretkey'")
  return keys
}

function regionOf({ options, url }: BucketRequest): string {
  return options.region || (regionIn(url) ?? DEFAULT_REGION)
}

async function look(job: Job, failed: AbortController): Promise<FetchOutcome> {
  const { budget, held, request } = job
  const listed = await listedFiles(job)
  if (revisionOf(etagsOf(listed)) === request.known) return { kind: 'unchanged' }
  const problem = keysProblem(listed.map(({ key }) => key))
  if (problem) throw new FetchFailure('tree', problem)
  checkBudget(listed, budget)
  const objects = await objectsOf(listed, job, failed)
  checkBudget(
    Array.from(objects, ([key, { size }]) => ({ key, size })),
    budget,
  )
  const revision = revisionOf(etagsOf(Array.from(objects, ([key, { etag }]) => ({ key, etag }))))
  return revision === request.known ? { kind: 'unchanged' } : { kind: 'fetched', revision: treeOf(revision, objects, held) }
}

/** What of the bucket becomes files, by its list. */
async function listedFiles({ budget, request: { options }, storage }: Job): Promise<readonly ListedObject[]> {
  const { bucket, ignore, prefix = '' } = options
  try {
    const listed: ListedObject[] = []
    for await (const page of storage.pages(prefix)) {
      for (const object of page) listed.push(object)
      if (listed.length > budget.maxListed) throw new FetchFailure('budget', `it has more than ${budget.maxListed} objects`)
    }
    // Outside of the prefix nothing was listed, and the file is at the root of the bucket.
    const isAbsent = IGNORE_FILE.startsWith(prefix) && !listed.some(({ key }) => key === IGNORE_FILE)
    const file = isAbsent ? undefined : await storage.object(IGNORE_FILE, MAX_IGNORE_BYTES)
    const text = file && (await collect(file.body, MAX_IGNORE_BYTES, IGNORE_FILE)).toString()
    return keptObjects(listed, { ignore, file: text })
  } catch (error) {
    throw told(error, `indexation of objects from bucket '${bucket}' failed`)
  }
}

/** The objects of the list, from disk or from the server. What was fetched before a failure is kept for the next look. */
async function objectsOf(listed: readonly ListedObject[], job: Job, failed: AbortController): Promise<ReadonlyMap<string, CachedObject>> {
  const { held, request } = job
  const kept = await held.objects()
  const found = new Map<string, CachedObject>()
  for (const { etag, key } of listed) {
    const known = kept.get(key)
    if (known?.etag === etag) found.set(key, known)
  }
  const missing = listed.filter(({ key }) => !found.has(key))
  if (missing.length === 0 && found.size === kept.size) return found
  try {
    await forEach(missing, failed, async (listing) => {
      const object = await fetched(job, listing)
      if (object) found.set(listing.key, object)
    })
  } catch (error) {
    throw told(error, `fetch from bucket '${request.options.bucket}' failed`)
  } finally {
    await held.keep(found)
  }
  return found
}

/** An object as it is now, which may be newer than the list; undefined where it has gone since. */
async function fetched(
  { budget, held, signal, storage }: Job,
  { etag, key }: Pick<ListedObject, 'key' | 'etag'>,
): Promise<CachedObject | undefined> {
  try {
    const found = await storage.object(key, budget.maxFileBytes)
    return found && { etag: found.etag ?? etag, ...(await held.add(found.body, { what: key, signal })) }
  } catch (error) {
    throw told(error, `failed to get '${key}' object`)
  }
}

function checkBudget(objects: readonly Pick<ListedObject, 'key' | 'size'>[], budget: BucketBudget): void {
  const large = objects.find(({ size }) => size > budget.maxFileBytes)
  if (large) throw new FetchFailure('budget', `${large.key} has ${large.size} bytes, ${budget.maxFileBytes} are allowed`)
  if (objects.length > budget.maxFiles) throw new FetchFailure('budget', `the bucket has more than ${budget.maxFiles} files`)
  if (objects.reduce((sum, { size }) => sum + size, 0) > budget.maxTreeBytes)
    throw new FetchFailure('budget', `the bucket has more than ${budget.maxTreeBytes} bytes`)
}

function treeOf(revision: string, objects: ReadonlyMap<string, CachedObject>, held: HeldObjects): NewRevision {
  const files = [...objects].map(([path, { sha256, size }]) => ({ path, mode: '100644' as const, size, sha256 }))
  const commit = { oid: revision, author: '', subject: '', at: 0 }
  return { revision, commit, files, blobs: (digests) => blobsOf(digests, held) }
}

async function* blobsOf(digests: readonly string[], held: HeldObjects): AsyncIterable<readonly Blob[]> {
  let batch: Blob[] = []
  let bytes = 0
  for (const digest of digests) {
    const content = await held.read(digest)
    batch.push({ digest, bytes: content })
    bytes += content.length
    if (bytes < BATCH_BYTES) continue
    yield batch
    batch = []
    bytes = 0
  }
  if (batch.length > 0) yield batch
}

/** Does the work for all, a few at once; the first failure ends what is under way, and is what it fails with. */
async function forEach<Item>(items: readonly Item[], failed: AbortController, work: (item: Item) => Promise<void>): Promise<void> {
  const rest = items.values()
  let first: { readonly error: unknown } | undefined
  const worker = async () => {
    for (const item of rest) {
      if (first) return
      await work(item).catch((error: unknown) => {
        first ??= { error }
        failed.abort()
      })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  if (first) throw first.error
}

function etagsOf(objects: readonly Pick<ListedObject, 'key' | 'etag'>[]): ReadonlyMap<string, string> {
  return new Map(objects.map(({ etag, key }) => [key, etag]))
}

/** The failure with what was attempted before it. */
function told(error: unknown, attempt: string): unknown {
  if (!(error instanceof FetchFailure)) return error
  return new FetchFailure(error.failure, `${attempt}: ${error.message}`, { cause: error, retryAfterMs: error.retryAfterMs })
}
