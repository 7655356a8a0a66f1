import { FleetError } from '../../../proto/base/errors.ts'
import { HELM_RELEASE } from '../../../proto/model/flux/helm/kinds.ts'
import { KUSTOMIZATION } from '../../../proto/model/flux/kustomize/kinds.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { isRelease, releaseRevision } from '../show/release.ts'
import { readyOf } from '../show/rows.ts'

interface Status {
  readonly observedGeneration?: number
  readonly lastHandledReconcileAt?: string
  readonly lastAppliedRevision?: string
  readonly lastAttemptedRevision?: string
  readonly lastAttemptedRevisionDigest?: string
  readonly artifact?: { readonly revision: string }
}

/** True once the object's present generation was worked on and came to an end, good or bad. */
export function isSettled(object: Manifest): boolean {
  const ready = readyOf(object)
  const seen = ready?.observedGeneration ?? (object.status as Status | undefined)?.observedGeneration
  if (ready === undefined || ready.status === 'Unknown' || seen !== object.metadata.generation) return false
  // Which revision a success is of comes to the hub by a way of its own, perhaps a moment later.
  return ready.status === 'False' || object.kind !== KUSTOMIZATION.kind || attemptedRevision(object) !== undefined
}

/** What objects say while they wait for others. */
const WAITING: Readonly<Record<string, readonly string[]>> = {
  [KUSTOMIZATION.kind]: ['ArtifactFailed', 'DependencyNotReady'],
  [HELM_RELEASE.kind]: ['SourceNotReady', 'DependencyNotReady'],
}

/** True once it is settled and not merely waiting for its source or for what it depends on. */
export function isDecided(object: Manifest): boolean {
  const ready = readyOf(object)
  return isSettled(object) && !(ready?.status === 'False' && WAITING[object.kind]?.includes(ready.reason))
}

/** The revision that was worked on last. */
export function attemptedRevision(object: Manifest): string | undefined {
  const { artifact, lastAppliedRevision, lastAttemptedRevision } = (object.status ?? {}) as Status
  return lastAttemptedRevision ?? lastAppliedRevision ?? artifact?.revision
}

/** What a HelmRelease says of a release that was tried, whichever chart it was. */
const TRIED = /^(Install|Upgrade|Test|Rollback|Uninstall|RetriesExceeded$|MissingRollbackTarget$)/

/**
 * True once the object has worked on a revision that its source was given, or on a later one.
 * @param before  the revision that it worked on last before that
 */
export function hasWorkedOn(object: Manifest, { before, revision }: { readonly before: string | undefined; readonly revision: string }) {
  const attempted = attemptedRevision(object)
  if (attempted === revision || attempted !== before) return true
  if (!isRelease(object)) return false
  const digest = (object.status as Status | undefined)?.lastAttemptedRevisionDigest
  const ready = readyOf(object)
  // What fails before the chart is looked at fails with every chart.
  return (digest !== undefined && revision.endsWith(digest)) || (ready?.status === 'False' && !TRIED.test(ready.reason))
}

/** True once the object has honoured the request, and come to an end. */
export function hasHandled(object: Manifest, requestedAt: string): boolean {
  return (object.status as Status | undefined)?.lastHandledReconcileAt === requestedAt && isSettled(object)
}

/** flux's last line for a success. @throws when the object is not ready, with what it says */
export function outcomeOf(object: Manifest): string {
  const ready = readyOf(object)
  const { artifact, lastAppliedRevision } = (object.status ?? {}) as Status
  if (ready?.status !== 'True')
    throw new FleetError(
      'conflict',
      `${object.kind} ${object.metadata.name} is not ready: ${ready?.reason ?? 'Unknown'}: ${ready?.message ?? 'nothing was reported'}`,
    )
  if (isRelease(object)) return `✔ applied revision ${releaseRevision(object)}`
  if (lastAppliedRevision) return `✔ applied revision ${lastAppliedRevision}`
  return artifact ? `✔ fetched revision ${artifact.revision}` : `✔ ${ready.message}`
}
