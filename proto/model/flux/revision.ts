import type { Condition } from '../condition.ts'
import type { HistoryEntry } from './kustomize/kustomization.ts'
import type { Artifact } from './source/artifact.ts'

/** What a plain success at a revision adds to a status: the hub knows it once per (cluster, source object). */
export interface Reached {
  readonly revision: string
  readonly originRevision?: string
  /** When the revision was reached, RFC 3339. */
  readonly at: string
  /** The artifact, for a source. */
  readonly artifact?: Artifact
}

/** A status without what follows from the revision, and that revision; without one where the object is no plain success. */
export interface WithoutRevision {
  readonly status: unknown
  readonly revision?: string
}

type Members = Readonly<Record<string, unknown>>

/** What two statuses have in common that differ only by a plain success at another revision, or a further one at the same. */
export function steadyStatus(kind: string, status: unknown): unknown {
  const { revision, status: without } = withoutRevision(kind, status)
  if (revision === undefined || !isMembers(without) || !Array.isArray(without.history)) return without
  const [newest, ...older] = historyOf(without)
  const { lastReconciledDuration: _, totalReconciliations: _total, ...entry } = { ...newest }
  return { ...without, history: [entry, ...older] }
}

const APPLIED = 'Applied revision: '
const STORED = /^stored artifact for revision '(.*)'$/

/**
 * Takes the revision out of the status of a plain success, so that a commit which changes nothing for an object
 * changes nothing of its mirror. Anything else (failed, waiting, suspended before its first success) passes as it is.
 */
export function withoutRevision(kind: string, status: unknown): WithoutRevision {
  if (!isMembers(status)) return { status }
  if (kind === 'Kustomization') return kustomizationWithout(status)
  if (kind === 'GitRepository') return sourceWithout(status)
  return { status }
}

/** Puts a revision back into what `withoutRevision` left. A status that kept its own revision passes as it is. */
export function withRevision(kind: string, status: unknown, reached: Reached): unknown {
  if (!isMembers(status) || !isPlain(kind, status)) return status
  if (kind === 'Kustomization' && status.lastAppliedRevision === undefined) return kustomizationWith(status, reached)
  if (kind === 'GitRepository' && status.artifact === undefined && reached.artifact) return sourceWith(status, reached, reached.artifact)
  return status
}

/** What can be said of a plain success whose revision is not known yet: that it is under way, never that it is there. */
export function beforeRevision(kind: string, status: unknown): unknown {
  if (!isMembers(status) || !isPlain(kind, status)) return status
  if (messageOfReady(status) !== (kind === 'Kustomization' ? APPLIED : '')) return status
  const conditions = conditionsOf(status).map((condition) =>
    condition.type === 'Ready'
      ? ({ ...condition, status: 'Unknown', reason: 'Progressing', message: 'Reconciliation in progress' } as const)
      : condition,
  )
  return { ...status, conditions }
}

function kustomizationWithout(status: Members): WithoutRevision {
  const { lastAppliedOriginRevision, lastAppliedRevision, lastAttemptedRevision, ...rest } = status
  const revision = lastAppliedRevision
  const isOfIt = typeof revision === 'string' && lastAttemptedRevision === revision && messageOfReady(status) === `${APPLIED}${revision}`
  if (!isOfIt || !isPlain('Kustomization', status)) return { status }
  const [newest, ...older] = historyOf(status)
  const history = newest && newest.metadata?.revision === revision ? [timeless(newest), ...older] : historyOf(status)
  return { status: { ...rest, conditions: said(status, { Ready: APPLIED }), ...(status.history ? { history } : {}) }, revision }
}

function kustomizationWith(status: Members, { at, originRevision, revision }: Reached): Members {
  const [newest, ...older] = historyOf(status)
  const metadata = { revision, ...(originRevision === undefined ? {} : { originRevision }) }
  const entry = newest && newest.metadata === undefined ? { ...newest, lastReconciled: at, metadata } : newest
  return {
    ...status,
    conditions: said(status, { Ready: `${APPLIED}${revision}` }),
    ...(entry ? { history: [entry, ...older] } : {}),
    ...(originRevision === undefined ? {} : { lastAppliedOriginRevision: originRevision }),
    lastAppliedRevision: revision,
    lastAttemptedRevision: revision,
  }
}

/** The entry without the revision and without when it was reached; count and duration stay those of the last report. */
function timeless({ metadata: _, ...entry }: HistoryEntry): HistoryEntry {
  return { ...entry, lastReconciled: entry.firstReconciled }
}

function sourceWithout(status: Members): WithoutRevision {
  const { artifact, ...rest } = status
  const revision = STORED.exec(messageOfReady(status) ?? '')?.[1]
  const isOfIt = revision !== undefined && isMembers(artifact) && artifact.revision === revision
  if (!isOfIt || !isPlain('GitRepository', status)) return { status }
  return { status: { ...rest, conditions: said(status, { Ready: '', ArtifactInStorage: '' }) }, revision }
}

function sourceWith(status: Members, { revision }: Reached, artifact: Artifact): Members {
  const message = `stored artifact for revision '${revision}'`
  return { ...status, artifact, conditions: said(status, { Ready: message, ArtifactInStorage: message }) }
}

/** True for a success that nothing is added to: Ready, not reconciling, not stalled. */
function isPlain(kind: string, status: Members): boolean {
  const conditions = conditionsOf(status)
  const reason = kind === 'Kustomization' ? 'ReconciliationSucceeded' : 'Succeeded'
  const known = kind === 'Kustomization' ? ['Ready', 'Healthy'] : ['Ready', 'ArtifactInStorage', 'SourceVerified']
  return (
    conditions.some((condition) => condition.type === 'Ready' && condition.status === 'True' && condition.reason === reason) &&
    conditions.every(({ status: is, type }) => known.includes(type) && is === 'True')
  )
}

function messageOfReady(status: Members): string | undefined {
  return conditionsOf(status).find(({ type }) => type === 'Ready')?.message
}

function said(status: Members, messages: Readonly<Record<string, string>>): readonly Condition[] {
  return conditionsOf(status).map((condition) => {
    const message = messages[condition.type]
    return message === undefined ? condition : { ...condition, message }
  })
}

function conditionsOf({ conditions }: Members): readonly Condition[] {
  return Array.isArray(conditions) ? (conditions as readonly Condition[]) : []
}

function historyOf({ history }: Members): readonly HistoryEntry[] {
  return Array.isArray(history) ? (history as readonly HistoryEntry[]) : []
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
