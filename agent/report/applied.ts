import type { Clock } from '../../proto/base/clock.ts'
import { WorkQueue } from '../../proto/base/work-queue.ts'
import { type ObjectRef, refKey } from '../../proto/model/object-ref.ts'
import type { AppliedReport } from '../../proto/model/report.ts'
import type { Followed, Together } from '../health/model.ts'
import type { Applied } from './model.ts'

/** What was said of how something is doing. */
export interface Said {
  /** When it began to be followed. */
  readonly sinceMs: number
  readonly last?: Together
  /** When it was first seen late, or was said to be. */
  readonly lateMs?: number
}

export interface Word {
  readonly said: Said
  /** What is to be said now. */
  readonly say?: Together
  /** When to look again though nothing has changed. */
  readonly againMs?: number
}

/** Being late for less than this is not told of; and what keeps changing meanwhile is told so seldom. */
const QUIET_MS = 1_000
/** What nothing was seen of for so long may not be seen at all. */
const UNSEEN_MS = 10_000
const FRESH: Together = { health: 'InProgress', message: 'it has just been applied' }
const UNSEEN: Together = { health: 'InProgress', message: 'nothing can be seen of what it applied: may its ServiceAccount read it?' }

/** What to say of how something is doing, in view of what was said of it. */
export function nextWord(said: Said, seen: Together | undefined, nowMs: number): Word {
  const unseenMs = said.last ? undefined : UNSEEN_MS - (nowMs - said.sinceMs)
  if (!seen && (unseenMs === undefined || unseenMs > 0)) return { said, ...(unseenMs === undefined ? {} : { againMs: unseenMs }) }
  const now = seen ?? UNSEEN
  const { lateMs, ...rest } = said
  const same = now.health === said.last?.health && now.message === said.last.message
  if (now.health !== 'InProgress') return same ? { said: rest } : { said: { ...rest, last: now }, say: now }
  if (same) return { said }
  const leftMs = (lateMs ?? nowMs) + QUIET_MS - nowMs
  if (leftMs > 0) return { said: { ...rest, lateMs: lateMs ?? nowMs }, againMs: leftMs }
  return { said: { ...rest, last: now, lateMs: nowMs }, say: now }
}

export interface AppliedWords extends AsyncDisposable {
  /**
   * Tells how something is doing, now and whenever that is another, until disposed or followed anew. What changed the cluster is
   * told of before this returns: words go in one lane with the revisions that are reached, and so before any of this attempt.
   */
  follow(applied: Applied, changed: boolean, watch: (news: () => void) => Followed): Disposable
  /** Tells that somebody else applies what the object says. */
  leftAlone(object: ObjectRef, uid: string): void
}

interface Entry {
  readonly applied: Applied
  readonly followed: Followed
  said: Said
}

/** News of so long a time become one look. */
const GATHER_MS = 100

export function openAppliedWords({ clock, tell }: { readonly clock: Clock; readonly tell: (word: AppliedReport) => void }): AppliedWords {
  const entries = new Map<string, Entry>()
  const queue = new WorkQueue({
    concurrency: 1,
    clock,
    async work(key) {
      const entry = entries.get(key)
      if (!entry) return
      const { againMs, said, say } = nextWord(entry.said, entry.followed.together(), clock.now().getTime())
      entry.said = said
      if (say) tell({ ...entry.applied, ...say })
      if (againMs !== undefined) queue.add(key, Math.max(againMs, GATHER_MS))
    },
    failed: () => undefined,
  })
  return {
    follow(applied, changed, watch) {
      const key = refKey(applied.object)
      const followed = watch(() => queue.add(key, GATHER_MS))
      const seen = changed ? followed.together() : undefined
      const entry: Entry = { applied, followed, said: { sinceMs: clock.now().getTime(), ...(seen ? { last: seen } : {}) } }
      entries.set(key, entry)
      if (changed) tell({ ...applied, ...(seen ?? FRESH) })
      queue.add(key, GATHER_MS)
      return {
        [Symbol.dispose]() {
          followed[Symbol.dispose]()
          if (entries.get(key) === entry) entries.delete(key)
        },
      }
    },
    leftAlone: (object, uid) => tell({ object, uid, generation: 0, bundle: '', health: 'NotAssessed', message: '', fluxObjects: [] }),
    [Symbol.asyncDispose]: () => queue[Symbol.asyncDispose](),
  }
}
