import { delayMs } from '../../../proto/base/backoff.ts'
import type { Clock } from '../../../proto/base/clock.ts'
import { FleetError, messageOf } from '../../../proto/base/errors.ts'
import type { Log } from '../../../proto/base/log.ts'
import type { Random } from '../../../proto/base/random.ts'
import { FLUX_KINDS } from '../../../proto/model/flux/kinds.ts'
import { parseFluxObject } from '../../../proto/model/flux/parse.ts'
import { type Manifest, refOf } from '../../../proto/model/manifest.ts'
import { apiVersionOf, type ObjectRef, refKey } from '../../../proto/model/object-ref.ts'
import { inform } from '../../kube/inform.ts'
import type { Kube } from '../../kube/model.ts'
import { changesBetween } from '../changes.ts'
import type { Change, MirroredObject } from '../model.ts'

/** What a watch showed of one object: how it was, how it is, and what differs. */
export interface Seen {
  readonly ref: ObjectRef
  readonly before: MirroredObject | undefined
  readonly after: MirroredObject | undefined
  readonly changes: readonly Change[]
}

/** The Flux objects of this cluster, kept up to date by watches under the agent's own identity. */
export interface FluxMirror extends AsyncDisposable {
  get(ref: ObjectRef): MirroredObject | undefined
  byKey(key: string): MirroredObject | undefined
  all(): Iterable<MirroredObject>
  /** Resolves when every kind that the cluster serves has been listed once. */
  synced(signal: AbortSignal): Promise<void>
  /** Tells each change, in the order seen, until disposed. */
  subscribe(listener: (seen: Seen) => void): Disposable
  /** Takes in what the API server answered to a write of ours, ahead of the watch. */
  put(manifest: Manifest): void
}

export interface FluxMirrorOptions {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** So many ends of objects are remembered; an answer is never so late. */
const ENDED_UIDS = 1000

/** How soon a kind that the cluster does not serve is asked for again. */
const UNSERVED_RETRY = { baseMs: 2000, capMs: 15_000 }

export function openFluxMirror(kube: Kube, options: FluxMirrorOptions): FluxMirror {
  const objects = new Map<string, MirroredObject>()
  // The answer to a write of ours may come after the watch told of the object's end: it must not bring it back.
  const ended = new RecentSet(ENDED_UIDS)
  const listeners = new Set<(seen: Seen) => void>()
  const stop = new AbortController()
  const listed = FLUX_KINDS.map(() => Promise.withResolvers<void>())

  function see(ref: ObjectRef, manifest: Manifest | undefined): void {
    const key = refKey(ref)
    const before = objects.get(key)
    if (manifest && (ended.has(manifest.metadata.uid ?? '') || (before && isNoNews(manifest, before.manifest)))) return
    if (!manifest && before) ended.add(before.manifest.metadata.uid ?? '')
    const after = manifest && mirrored(ref, manifest)
    const changes = changesBetween(before?.manifest, after?.manifest)
    if (after) objects.set(key, after)
    else objects.delete(key)
    if (changes.length > 0) for (const tell of listeners) tell({ ref, before, after, changes })
  }

  const following = FLUX_KINDS.map(async (kind, at) => {
    const of = { apiVersion: apiVersionOf(kind.group, kind.version), kind: kind.kind }
    for (let attempt = 1; !stop.signal.aborted; attempt++) {
      try {
        for await (const told of inform(kube, of, { ...options, signal: stop.signal })) {
          if (told.kind === 'upsert') see(refOf(told.object), told.object)
          else if (told.kind === 'delete') see(told.ref, undefined)
          else if (told.kind === 'synced') listed[at]?.resolve()
          attempt = 1
        }
      } catch (error) {
        if (stop.signal.aborted) return
        if (!isUnserved(error))
          options.log.warn({ event: 'mirror.failed', object: kind.kind, reason: messageOf(error) }, 'cannot watch a Flux kind')
        listed[at]?.resolve()
        await options.clock
          .sleep(delayMs(attempt, { ...UNSERVED_RETRY, jitter: options.random.next() }), stop.signal)
          .catch(() => undefined)
      }
    }
  })

  return {
    get: (ref) => objects.get(refKey(ref)),
    byKey: (key) => objects.get(key),
    all: () => objects.values(),
    async synced(signal) {
      const aborted = Promise.withResolvers<never>()
      const end = () => aborted.reject(signal.reason)
      signal.throwIfAborted()
      signal.addEventListener('abort', end, { once: true })
      try {
        await Promise.race([Promise.all(listed.map(({ promise }) => promise)), aborted.promise])
      } finally {
        signal.removeEventListener('abort', end)
      }
    },
    subscribe(listener) {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
    put: (manifest) => see(refOf(manifest), manifest),
    async [Symbol.asyncDispose]() {
      stop.abort(new FleetError('aborted', 'the mirror is closed'))
      await Promise.allSettled(following)
    },
  }
}

function mirrored(ref: ObjectRef, { metadata: { managedFields: _, ...metadata }, ...rest }: Manifest): MirroredObject {
  const manifest: Manifest = { ...rest, apiVersion: rest.apiVersion as string, kind: rest.kind as string, metadata }
  return { ref, manifest, parsed: parseFluxObject(manifest) }
}

/** True for what is known already: our own write comes twice, as its answer and by the watch, and is looked at once. */
function isNoNews(next: Manifest, known: Manifest): boolean {
  if (next.metadata.uid !== known.metadata.uid) return false
  const [a, b] = [next.metadata.resourceVersion, known.metadata.resourceVersion]
  return a !== undefined && b !== undefined && /^\d+$/.test(a) && /^\d+$/.test(b) && BigInt(a) <= BigInt(b)
}

function isUnserved(error: unknown): boolean {
  return error instanceof FleetError && error.code === 'not-found'
}

/** Remembers the last `limit` texts that were added. */
class RecentSet {
  readonly #texts = new Set<string>()
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  has(text: string): boolean {
    return this.#texts.has(text)
  }

  add(text: string): void {
    this.#texts.add(text)
    for (const oldest of this.#texts) {
      if (this.#texts.size <= this.#limit) return
      this.#texts.delete(oldest)
    }
  }
}
