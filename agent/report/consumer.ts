import { findCondition } from '../../proto/model/condition.ts'
import type { HelmRelease } from '../../proto/model/flux/helm/kinds.ts'
import type { Kustomization } from '../../proto/model/flux/kustomize/kinds.ts'
import { refOf } from '../../proto/model/manifest.ts'
import { refKey } from '../../proto/model/object-ref.ts'
import type { ConsumerState } from './model.ts'

/** Where a consumer of a source is, as far as its revision goes. @param revision  what the source is given here */
export function consumerState(object: Kustomization | HelmRelease, revision: string): ConsumerState {
  const { metadata, status } = object
  const ready = findCondition(status.conditions ?? [], 'Ready')?.status === 'True' && status.observedGeneration === metadata.generation
  return { key: refKey(refOf(object)), object: refOf(object), ready, ...revisionsOf(object, revision) }
}

type Revisions = Pick<ConsumerState, 'lastAppliedRevision' | 'lastAttemptedRevision'>

function revisionsOf(object: Kustomization | HelmRelease, revision: string): Revisions {
  if (object.kind === 'HelmRelease') return releaseRevisions(object, revision)
  const { lastAppliedRevision = '', lastAttemptedRevision = '' } = object.status
  return { lastAppliedRevision, lastAttemptedRevision }
}

/** A release tells the version of its chart, and for an OCI artifact its digest: the end of the source's revision. */
function releaseRevisions({ status }: HelmRelease, revision: string): Revisions {
  const { history = [], lastAttemptedRevision = '', lastAttemptedRevisionDigest } = status
  const digest = revision.slice(revision.lastIndexOf('@') + 1)
  const attempted = lastAttemptedRevisionDigest === digest || lastAttemptedRevision === revision ? revision : lastAttemptedRevision
  const applied = history.find(({ status: is }) => is === 'deployed' || is === 'superseded')?.chartVersion ?? ''
  return { lastAppliedRevision: applied === lastAttemptedRevision ? attempted : applied, lastAttemptedRevision: attempted }
}
