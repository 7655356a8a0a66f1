import type { Clock } from '../../proto/base/clock.ts'
import { FleetError } from '../../proto/base/errors.ts'
import type { Log } from '../../proto/base/log.ts'
import type { ObjectPage, StoredObject, Version, WatchEvent, WatchQuery } from './model.ts'
import type { Frontier, NewsReader, ObjectStore } from './ports.ts'
import { compareVersions, decodeVersion, encodeVersion, frontier } from './version.ts'
import { Watcher } from './watcher.ts'

const BOOKMARK_MS = 30_000
const HELD_BACK_MS = 50
const AFTER_FAILURE_MS = 500

export interface FeedOptions {
  readonly store: ObjectStore
  readonly news: NewsReader
  readonly clock: Clock
  readonly log: Log
}

/**
 * Reads the store's news once and hands them to every watch of this replica.
 *
 * 1. Everything in transactions below `#at` has been handed out; nothing at or above it.
 * 2. `#at` never passes a transaction that has not ended, so no watch skips a write.
 * 3. A watch joins between two reads, and reads what is older by itself: it subscribes first and reads after.
 */
export class ObjectFeed {
  readonly #options: FeedOptions
  readonly #watchers = new Set<Watcher>()
  readonly #stop = new AbortController()
  #at = 0n
  #turn: Promise<unknown> = Promise.resolve()
  #bookmarkedAt = 0
  readonly #running: Promise<void>

  constructor(options: FeedOptions) {
    this.#options = options
    this.#running = this.#run()
  }

  /**
   * The events of a watch, until the signal ends it or the feed is closed.
   * @throws `gone` when its version is too old, of another database, or ahead of this one, or the client falls behind
   */
  async *watch(query: WatchQuery, { signal }: { readonly signal: AbortSignal }): AsyncGenerator<readonly WatchEvent[]> {
    const watcher = new Watcher(query)
    const bounds = await this.#inTurn(async () => {
      const now = await this.#read()
      this.#watchers.add(watcher)
      return now
    })
    try {
      yield await this.#past(watcher, bounds)
      for (;;) {
        const events = await watcher.next(signal)
        if (!events) return
        yield events
      }
    } finally {
      this.#watchers.delete(watcher)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    for (const watcher of this.#watchers) watcher.end()
    await this.#running
  }

  /** What lies between the version that the client has and the place where the feed takes over. */
  async #past(watcher: Watcher, bounds: Frontier): Promise<readonly WatchEvent[]> {
    const { query } = watcher
    if (query.from === undefined || query.from === '0' || query.from === '') return this.#present(watcher, bounds)
    const from = startOf(query.from, bounds)
    if (query.labels.length > 0) {
      const page = await this.#list(query)
      watcher.knows(
        page.objects.filter(({ version }) => compareVersions(version, from) <= 0),
        from,
      )
    }
    if (compareVersions(from, frontier(bounds.xmin)) >= 0) return []
    const { group, kind, scopes } = query
    return watcher.catchUp(await this.#options.news.read({ from, below: bounds.xmin, kinds: [{ group, kind }], scopes }), from)
  }

  async #present(watcher: Watcher, bounds: Frontier): Promise<readonly WatchEvent[]> {
    const { query } = watcher
    const page = await this.#list(query)
    watcher.knows(page.objects, frontier(bounds.xmin))
    const added = page.objects.map((object: StoredObject): WatchEvent => ({ type: 'ADDED', object }))
    if (!query.initialEvents) return added
    return [...added, { type: 'BOOKMARK', resourceVersion: encodeVersion(frontier(bounds.xmin), bounds.lineage), initialEnd: true }]
  }

  #list({ from: _from, bookmarks: _marks, initialEvents: _initial, ...query }: WatchQuery): Promise<ObjectPage> {
    return this.#options.store.list(query)
  }

  async #run(): Promise<void> {
    const { clock, log, news } = this.#options
    const { signal } = this.#stop
    while (!signal.aborted) {
      try {
        const { xmin, xmax } = await this.#inTurn(() => this.#read())
        // A transaction that is still open holds the frontier back: it may have ended without a hint that we hear.
        if (xmin < xmax && this.#watchers.size > 0) await clock.sleep(HELD_BACK_MS, signal)
        else await news.nextHint(signal)
      } catch (error) {
        if (signal.aborted) return
        log.warn({ event: 'objects.feed.failed', err: error }, 'could not read what was written; trying again')
        await clock.sleep(AFTER_FAILURE_MS, signal).catch(() => undefined)
      }
    }
  }

  async #read(): Promise<Frontier> {
    const { news } = this.#options
    const now = await news.frontier()
    const from = frontier(this.#at)
    const moved = now.xmin > this.#at
    if (moved && this.#watchers.size > 0) {
      const range = { from, below: now.xmin, kinds: this.#kinds(), scopes: this.#scopes() }
      const items = await news.read(range)
      for (const watcher of this.#watchers) watcher.offer(watcher.translate(items, from))
    }
    if (moved) this.#at = now.xmin
    this.#bookmark(now)
    return { ...now, xmin: this.#at }
  }

  #bookmark({ lineage }: Frontier): void {
    const now = this.#options.clock.now().getTime()
    if (now - this.#bookmarkedAt < BOOKMARK_MS) return
    this.#bookmarkedAt = now
    const mark: WatchEvent = { type: 'BOOKMARK', resourceVersion: encodeVersion(frontier(this.#at), lineage), initialEnd: false }
    for (const watcher of this.#watchers) if (watcher.query.bookmarks) watcher.offer([mark])
  }

  #kinds() {
    const all = [...this.#watchers].map(({ query: { group, kind } }) => ({ group, kind }))
    return [...new Map(all.map((one) => [`${one.group}/${one.kind}`, one])).values()]
  }

  #scopes(): readonly string[] {
    return [...new Set([...this.#watchers].flatMap(({ query }) => query.scopes))]
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work, work)
    this.#turn = mine.catch(() => undefined)
    return mine
  }
}

/** Where a watch from this resourceVersion begins; never beyond what every reader may see. */
function startOf(text: string, { horizon, lineage, xmax, xmin }: Frontier): Version {
  const given = decodeVersion(text)
  if (!given) throw new FleetError('invalid', `watch: resourceVersion ${JSON.stringify(text)} is none of this hub's`)
  const { version } = given
  if (given.lineage !== lineage) throw new FleetError('gone', 'watch: the version is of another history of the database; list again')
  if (version.xid >= xmax) throw new FleetError('gone', 'watch: the version is ahead of the database; list again')
  if (version.xid < horizon) throw new FleetError('gone', 'watch: the version is older than what is kept; list again')
  const settled = frontier(xmin)
  return compareVersions(version, settled) > 0 ? settled : version
}
