import type { ReleaseFact } from '../../proto/model/facts.ts'
import type { ReachedReport, StragglerReport } from '../../proto/model/report.ts'
import type { ConsumerState, ToldRevision } from './model.ts'

export interface Summary {
  /** Absent while nothing about the revision is news. */
  readonly reached: ReachedReport | undefined
  readonly stragglers: readonly StragglerReport[]
  readonly told: ToldRevision | undefined
}

export interface SummaryInput {
  readonly release: ReleaseFact
  readonly consumers: readonly ConsumerState[]
  readonly told: ToldRevision | undefined
  readonly now: Date
  /** True once consumers had their time to follow: those that did not are named one by one. */
  readonly overdue: boolean
}

/**
 * One word for all consumers of a source that are where its release says; the others, if they are late, by name.
 * While they are still following, nothing is said: a commit costs one word, not one an object.
 */
export function summarize({ release, consumers, told, now, overdue }: SummaryInput): Summary {
  const { revision, setDigest } = release
  const late = consumers.filter((one) => one.lastAppliedRevision !== revision || one.lastAttemptedRevision !== revision)
  const moves = told?.reached.revision !== revision
  if (moves && late.length > 0 && !overdue) return { reached: undefined, stragglers: [], told }
  const stragglers = new Map(late.map((one) => [one.key, straggler(one)]))
  const ready = consumers.filter((one) => one.ready).length
  const reached: ReachedReport = { source: release.source, revision, setDigest, ready, notReady: consumers.length - ready, at: now }
  const news = [...changed(stragglers, told), ...backInLine(consumers, stragglers, told)]
  const same = !moves && told.reached.ready === ready && told.reached.notReady === reached.notReady && told.reached.setDigest === setDigest
  if (same && news.length === 0) return { reached: undefined, stragglers: [], told }
  return { reached, stragglers: news, told: { reached, stragglers } }
}

function straggler({ object, lastAppliedRevision, lastAttemptedRevision }: ConsumerState): StragglerReport {
  return { object, lastAppliedRevision, lastAttemptedRevision, inLine: false }
}

function changed(stragglers: ReadonlyMap<string, StragglerReport>, told: ToldRevision | undefined): readonly StragglerReport[] {
  return [...stragglers].flatMap(([key, one]) => {
    const before = told?.stragglers.get(key)
    const same = before?.lastAppliedRevision === one.lastAppliedRevision && before.lastAttemptedRevision === one.lastAttemptedRevision
    return same ? [] : [one]
  })
}

function backInLine(
  consumers: readonly ConsumerState[],
  stragglers: ReadonlyMap<string, StragglerReport>,
  told: ToldRevision | undefined,
): readonly StragglerReport[] {
  return consumers
    .filter(({ key }) => told?.stragglers.has(key) && !stragglers.has(key))
    .map(({ object }) => ({ object, lastAppliedRevision: '', lastAttemptedRevision: '', inLine: true }))
}
