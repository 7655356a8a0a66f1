import { FleetError } from '../../../proto/base/errors.ts'
import { KUSTOMIZATION } from '../../../proto/model/flux/kustomize/kinds.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { readyOf } from '../show/rows.ts'

interface Status {
  readonly observedGeneration?: number
  readonly lastHandledReconcileAt?: string
  readonly lastAppliedRevision?: string
  readonly lastAttemptedRevision?: string
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

/** What a Kustomization says while it waits for others. */
const WAITING = ['ArtifactFailed', 'DependencyNotReady']

/** True once it is settled and not merely waiting for its source or for what it depends on. */
export function isDecided(object: Manifest): boolean {
  return isSettled(object) && !(readyOf(object)?.status === 'False' && WAITING.includes(readyOf(object)?.reason ?? ''))
}

/** The revision that was worked on last. */
export function attemptedRevision(object: Manifest): string | undefined {
  const { artifact, lastAppliedRevision, lastAttemptedRevision } = (object.status ?? {}) as Status
  return lastAttemptedRevision ?? lastAppliedRevision ?? artifact?.revision
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
  if (lastAppliedRevision) return `✔ applied revision ${lastAppliedRevision}`
  return artifact ? `✔ fetched revision ${artifact.revision}` : `✔ ${ready.message}`
}
