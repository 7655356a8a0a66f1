import { delayMs } from '../../proto/base/backoff.ts'
import type { Clock } from '../../proto/base/clock.ts'
import { FleetError, RETRY } from '../../proto/base/errors.ts'
import type { Random } from '../../proto/base/random.ts'
import { type Manifest, refOf } from '../../proto/model/manifest.ts'
import { type ObjectRef, refKey } from '../../proto/model/object-ref.ts'
import type { Collection, Kube } from './model.ts'

/** What a list followed by a watch tells. A `delete` found by a new list has no object any more, only its ref. */
export type Told =
  | { readonly kind: 'upsert'; readonly object: Manifest }
  | { readonly kind: 'delete'; readonly ref: ObjectRef; readonly object?: Manifest }
  /** All objects of a list have been told; told again after each new list. */
  | { readonly kind: 'synced' }
  /** The stream is down and will be taken up again; what was told may be old until the next `synced` or `resumed`. */
  | { readonly kind: 'lost'; readonly error: FleetError; readonly waitMs: number }
  /** A lost stream has been taken up again where it had ended. */
  | { readonly kind: 'resumed' }

export interface InformOptions {
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly random: Random
}

const BACKOFF = { baseMs: 500, capMs: 30_000 }
const REFUSED_FOR_MS = 10_000
/** So that a refusal that stands is believed soon after its time. */
const REFUSED_BACKOFF = { baseMs: 500, capMs: 2000 }

/**
 * Lists a collection and follows it for good.
 *
 * 1. After `synced`, upserts and deletes told so far are the collection at one version.
 * 2. A version that is too old (410) leads to a new list; objects gone meanwhile are told as deletes.
 * 3. A broken stream is taken up at the last version seen, with backoff.
 * 4. Ends by throwing: the signal's reason, or a refusal that waiting does not heal (forbidden, kind not served). A refusal of what
 *    was listed before counts once it has stood for ten seconds: an API server that just started answers before it knows its roles.
 */
export async function* inform(kube: Kube, of: Collection, options: InformOptions): AsyncGenerator<Told> {
  const known = new Map<string, ObjectRef>()
  let version: string | undefined
  let wasListed = false
  let refusedSince: number | undefined
  for (let failures = 0; ; ) {
    try {
      if (version === undefined) {
        version = yield* relist(kube, of, known, options)
        wasListed = true
        failures = 0
      }
      for await (const event of kube.watch(of, { resourceVersion: version, signal: options.signal })) {
        if (failures > 0) yield { kind: 'resumed' }
        failures = 0
        version = event.kind === 'bookmark' ? event.resourceVersion : (event.object.metadata.resourceVersion ?? version)
        if (event.kind === 'bookmark') continue
        const ref = refOf(event.object)
        if (event.kind === 'upsert') known.set(refKey(ref), ref)
        else known.delete(refKey(ref))
        yield event.kind === 'upsert' ? event : { kind: 'delete', ref, object: event.object }
      }
      refusedSince = undefined
    } catch (error) {
      options.signal.throwIfAborted()
      const failure = FleetError.from(error, `watch ${of.kind}`)
      const isRefused = failure.code !== 'gone' && RETRY[failure.code] === 'never'
      const now = options.clock.now().getTime()
      refusedSince = isRefused ? (refusedSince ?? now) : undefined
      if (refusedSince !== undefined && (!wasListed || now - refusedSince >= REFUSED_FOR_MS)) throw failure
      if (failure.code === 'gone') version = undefined
      failures++
      if (failure.code === 'gone' && failures === 1) continue
      const waitMs = delayMs(failures, { ...(isRefused ? REFUSED_BACKOFF : BACKOFF), jitter: options.random.next() })
      yield { kind: 'lost', error: failure, waitMs }
      await options.clock.sleep(waitMs, options.signal)
    }
  }
}

async function* relist(kube: Kube, of: Collection, known: Map<string, ObjectRef>, options: InformOptions): AsyncGenerator<Told, string> {
  const before = new Map(known)
  known.clear()
  let version = ''
  for await (const page of kube.list(of, { signal: options.signal })) {
    version = page.resourceVersion
    for (const object of page.items) {
      const ref = refOf(object)
      known.set(refKey(ref), ref)
      before.delete(refKey(ref))
      yield { kind: 'upsert', object }
    }
  }
  for (const ref of before.values()) yield { kind: 'delete', ref }
  yield { kind: 'synced' }
  return version
}
