import { delayMs } from '../../proto/base/backoff.ts'
import type { Clock } from '../../proto/base/clock.ts'
import type { Log } from '../../proto/base/log.ts'
import type { Random } from '../../proto/base/random.ts'
import { type Rest, WorkQueue } from '../../proto/base/work-queue.ts'
import { parseRefKey } from '../../proto/model/object-ref.ts'

/** Does what is due for one object. @returns when to look again, in milliseconds; undefined: when something changes */
export type Reconcile = (key: string, signal: AbortSignal, rest: Rest) => Promise<number | undefined>

export interface WorkDeps {
  readonly concurrency: number
  /** By kind; what is not named is looked at by `other`. */
  readonly kinds: Readonly<Record<string, Reconcile>>
  readonly other: Reconcile
  /** False while the agent only looks on. */
  readonly mayAct: () => boolean
  /** Told of what is not looked at while the agent only looks on. */
  readonly leftAlone: (key: string) => void
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

const BACKOFF = { baseMs: 500, capMs: 30_000 }

/** The queue of objects to look at. What fails comes again, later each time. */
export function createWork(deps: WorkDeps): WorkQueue {
  const failures = new Map<string, number>()
  const queue: WorkQueue = new WorkQueue({
    concurrency: deps.concurrency,
    clock: deps.clock,
    async work(key, signal, rest) {
      if (!deps.mayAct()) return deps.leftAlone(key)
      const reconcile = deps.kinds[parseRefKey(key)?.kind ?? ''] ?? deps.other
      const afterMs = await reconcile(key, signal, rest)
      failures.delete(key)
      if (afterMs !== undefined) queue.add(key, afterMs)
    },
    failed(key, error) {
      const count = (failures.get(key) ?? 0) + 1
      failures.set(key, count)
      const waitMs = delayMs(count, { ...BACKOFF, jitter: deps.random.next() })
      deps.log.warn({ event: 'reconcile.failed', object: key, err: error, waitMs }, 'could not look after an object, trying again')
      queue.add(key, waitMs)
    },
  })
  return queue
}
