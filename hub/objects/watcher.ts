import { FleetError } from '../../proto/base/errors.ts'
import { type Manifest, refOf } from '../../proto/model/manifest.ts'
import { refKey } from '../../proto/model/object-ref.ts'
import { matches } from '../../proto/model/selector.ts'
import { ALL_CLUSTERS, FLEET_SCOPE, type NewsItem, type StoredObject, type Version, type WatchEvent, type WatchQuery } from './model.ts'
import { compareVersions } from './version.ts'

/** Events that wait for a slow client; one that falls further behind is ended and lists again. */
const MAX_WAITING = 10_000

/**
 * One watch: which news concern it, and what kind of event each is to it.
 *
 * 1. An object that begins to match is ADDED, one that stops matching is DELETED, whatever was done to it. One that the client
 *    has from the watch's own list is not ADDED again.
 * 2. An event is never older than what the client was last told of the object.
 * 3. A full buffer ends the watch with `gone`; nothing is dropped in silence.
 */
export class Watcher {
  readonly query: WatchQuery
  /** Keys that match now; kept only where a label selector makes it matter. */
  readonly #matching: Set<string> | undefined
  /** Versions that the client has from a list that may overlap with what follows. */
  readonly #told = new Map<string, Version>()
  #waiting: WatchEvent[] = []
  #failure: FleetError | undefined
  #ended = false
  #wake: (() => void) | undefined

  constructor(query: WatchQuery) {
    this.query = query
    this.#matching = query.labels.length > 0 ? new Set() : undefined
  }

  /** The client has these objects already. */
  knows(objects: readonly StoredObject[], since: Version): void {
    for (const object of objects) {
      this.#matching?.add(keyOf(object))
      if (compareVersions(object.version, since) > 0) this.#told.set(keyOf(object), object.version)
    }
  }

  /** What the news mean to this watch, in order; `from` is where they begin. */
  translate(news: readonly NewsItem[], from: Version): readonly WatchEvent[] {
    return news.flatMap((item) => this.#event(item, from) ?? [])
  }

  /** The same for what came before the watch: what does not match now may have matched then, so its end is told. */
  catchUp(news: readonly NewsItem[], from: Version): readonly WatchEvent[] {
    for (const { object } of news) if (object.createdXid <= from.xid) this.#matching?.add(keyOf(object))
    return this.translate(news, from)
  }

  offer(events: readonly WatchEvent[]): void {
    if (this.#failure || this.#ended || events.length === 0) return
    if (this.#waiting.length + events.length > MAX_WAITING) {
      this.#failure = new FleetError('gone', `watch of ${this.query.kind}: the client reads too slowly; list again`)
      this.#waiting = []
    } else this.#waiting.push(...events)
    this.#wake?.()
  }

  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  /** Everything that waits, at least one event; undefined once the watch has ended. */
  async next(signal: AbortSignal): Promise<readonly WatchEvent[] | undefined> {
    while (this.#waiting.length === 0) {
      if (this.#failure) throw this.#failure
      if (this.#ended) return undefined
      await this.#changed(signal)
    }
    const events = this.#waiting
    this.#waiting = []
    return events
  }

  #event({ deleted, object }: NewsItem, from: Version): WatchEvent | undefined {
    if (!concerns(this.query, object)) return undefined
    const key = keyOf(object)
    const told = this.#told.get(key)
    if (told && compareVersions(object.version, told) <= 0) return undefined
    this.#told.delete(key)
    const fits = matches(this.query.labels, object.manifest.metadata.labels ?? {})
    const fitted = this.#matching ? this.#matching.has(key) : true
    const isNew = object.createdXid > from.xid || (object.createdXid === from.xid && object.rowVersion.xid === from.xid)
    const fresh = isNew && !told
    if (deleted || !fits) {
      this.#matching?.delete(key)
      return fitted || (deleted && fits) ? { type: 'DELETED', object } : undefined
    }
    this.#matching?.add(key)
    if (this.#matching) return { type: fitted ? 'MODIFIED' : 'ADDED', object }
    return { type: fresh ? 'ADDED' : 'MODIFIED', object }
  }

  async #changed(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    this.#wake = resolve
    try {
      await promise
    } finally {
      this.#wake = undefined
      signal.removeEventListener('abort', stop)
    }
  }
}

function concerns(query: WatchQuery, { scope, manifest }: StoredObject): boolean {
  const ref = refOf(manifest)
  return (
    ref.kind === query.kind &&
    ref.group === query.group &&
    (query.scopes.includes(scope) || (scope !== FLEET_SCOPE && query.scopes.includes(ALL_CLUSTERS))) &&
    (!query.namespaces || query.namespaces.includes(ref.namespace)) &&
    (!query.names || query.names.includes(ref.name))
  )
}

function keyOf({ scope, manifest }: { readonly scope: string; readonly manifest: Manifest }): string {
  return `${scope}/${refKey(refOf(manifest))}`
}
