import { type Condition, findCondition } from '../../proto/model/condition.ts'
import type { FluxObject } from '../../proto/model/flux/kinds.ts'
import type { ObjectRef } from '../../proto/model/object-ref.ts'
import type { MirroredObject } from '../mirror/model.ts'
import { dependenciesOf, sourceOf } from './dependencies.ts'
import { chartSource, releasesBefore } from './helm/dependencies.ts'

/** An object that takes what it brings to the cluster from a source object. */
export type Consumer = Extract<FluxObject, { kind: 'Kustomization' | 'HelmRelease' }>

/** The source object that it consumes; undefined where it names none that is served. */
export function consumedBy(one: Consumer): ObjectRef | undefined {
  return one.kind === 'Kustomization' ? sourceOf(one) : chartSource(one)
}

/** The objects of its own kind that must be ready before it. */
export function objectsBefore(one: Consumer): readonly ObjectRef[] {
  return one.kind === 'Kustomization' ? dependenciesOf(one) : releasesBefore(one)
}

/** What of it others wait for, as text. */
export function standingOf(one: Consumer | undefined): string | undefined {
  if (!one) return undefined
  const { conditions, observedGeneration } = one.status
  const revision = one.kind === 'Kustomization' ? one.status.lastAppliedRevision : one.status.lastAttemptedRevision
  return `${findCondition(conditions ?? [], 'Ready')?.status ?? ''} ${observedGeneration ?? ''} ${revision ?? ''}`
}

/** Whether what was fetched for a source object is of its latest generation, and what it says where it is not, as text. */
export function sourceStanding(mirrored: MirroredObject | undefined): string | undefined {
  if (!mirrored) return undefined
  const { metadata, status = {} } = mirrored.manifest
  const { conditions = [], observedGeneration } = status as {
    readonly conditions?: readonly Condition[]
    readonly observedGeneration?: number
  }
  return observedGeneration === metadata.generation ? 'latest' : findCondition(conditions, 'Ready')?.message
}

/** The consumer that a mirrored object is, where it is one that can be read. */
export function consumerIn(mirrored: MirroredObject | undefined): Consumer | undefined {
  if (!mirrored || 'problems' in mirrored.parsed) return undefined
  const { object } = mirrored.parsed
  return object.kind === 'Kustomization' || object.kind === 'HelmRelease' ? object : undefined
}
