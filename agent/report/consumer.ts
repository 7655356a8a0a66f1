import { findCondition } from '../../proto/model/condition.ts'
import type { Kustomization } from '../../proto/model/flux/kustomize/kinds.ts'
import { refOf } from '../../proto/model/manifest.ts'
import { refKey } from '../../proto/model/object-ref.ts'
import type { ConsumerState } from './model.ts'

/** Where a Kustomization is, as far as its revision goes. */
export function consumerState(object: Kustomization): ConsumerState {
  const { metadata, status } = object
  const ready = findCondition(status.conditions ?? [], 'Ready')?.status === 'True' && status.observedGeneration === metadata.generation
  return {
    key: refKey(refOf(object)),
    object: refOf(object),
    ready,
    lastAppliedRevision: status.lastAppliedRevision ?? '',
    lastAttemptedRevision: status.lastAttemptedRevision ?? '',
  }
}
