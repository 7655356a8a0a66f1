import { metaTime } from '../../proto/model/condition.ts'
import { formatDuration } from '../../proto/model/duration.ts'
import type { HistoryEntry } from '../../proto/model/flux/kustomize/kustomization.ts'
import type { Attempt } from './model.ts'

/** Flux keeps this many. */
const LIMIT = 5

/** The history with the attempt in front: an entry of equal digest and result is counted up, never doubled. Source: Flux, kustomize-controller. */
export function withAttempt(
  history: readonly HistoryEntry[],
  attempt: Attempt,
  { result, now }: { readonly result: string; readonly now: Date },
): readonly HistoryEntry[] {
  const { digest, durationMs, originRevision, revision } = attempt
  const at = metaTime(now)
  const old = history.find((entry) => entry.digest === digest && entry.lastReconciledStatus === result)
  const entry: HistoryEntry = {
    digest,
    firstReconciled: old?.firstReconciled ?? at,
    lastReconciled: at,
    lastReconciledDuration: formatDuration(durationMs),
    lastReconciledStatus: result,
    metadata: { revision, ...(originRevision === undefined ? {} : { originRevision }) },
    totalReconciliations: (old?.totalReconciliations ?? 0) + 1,
  }
  return [entry, ...history.filter((other) => other !== old)].slice(0, LIMIT)
}
