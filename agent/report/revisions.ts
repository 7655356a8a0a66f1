import type { Clock } from '../../proto/base/clock.ts'
import { WorkQueue } from '../../proto/base/work-queue.ts'
import type { ReleaseFact } from '../../proto/model/facts.ts'
import type { ReachedReport, StragglerReport } from '../../proto/model/report.ts'
import type { ConsumerState, ToldRevision } from './model.ts'
import { summarize } from './summarize.ts'

export interface RevisionDeps {
  /** The release of a source object that is held, by the object's key. */
  readonly release: (source: string) => ReleaseFact | undefined
  readonly consumers: (source: string) => readonly ConsumerState[]
  readonly tell: (reached: ReachedReport, stragglers: readonly StragglerReport[]) => void
  readonly clock: Clock
}

/** Sums up where the consumers of each source are, shortly after something about them has changed. */
export interface Revisions extends AsyncDisposable {
  /** A consumer of the source, or its release, is not as it was. */
  changed(source: string): void
  /** Forgets what was told, so that it is told again. */
  forgetTold(): void
}

const GATHER_MS = 150
/** So long consumers may follow a new revision before those that have not are named. */
const OVERDUE_MS = 1_500

export function openRevisions(deps: RevisionDeps): Revisions {
  const { clock } = deps
  const told = new Map<string, ToldRevision>()
  const since = new Map<string, { readonly revision: string; readonly atMs: number }>()

  const look = (source: string): number | undefined => {
    const release = deps.release(source)
    if (!release) {
      told.delete(source)
      since.delete(source)
      return undefined
    }
    const nowMs = clock.now().getTime()
    if (since.get(source)?.revision !== release.revision) since.set(source, { revision: release.revision, atMs: nowMs })
    const waitedMs = nowMs - (since.get(source)?.atMs ?? nowMs)
    const overdue = waitedMs >= OVERDUE_MS
    const before = told.get(source)
    const summary = summarize({ release, consumers: deps.consumers(source), told: before, now: clock.now(), overdue })
    if (summary.told) told.set(source, summary.told)
    if (summary.reached) deps.tell(summary.reached, summary.stragglers)
    return !overdue && summary.told?.reached.revision !== release.revision ? OVERDUE_MS - waitedMs : undefined
  }
  const queue = new WorkQueue({
    concurrency: 1,
    clock,
    async work(source) {
      const again = look(source)
      if (again !== undefined) queue.add(source, Math.max(again, GATHER_MS))
    },
    failed: () => undefined,
  })
  return {
    changed: (source) => queue.add(source, GATHER_MS),
    forgetTold: () => told.clear(),
    [Symbol.asyncDispose]: () => queue[Symbol.asyncDispose](),
  }
}
