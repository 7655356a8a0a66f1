import { findCondition } from '../../proto/model/condition.ts'
import type { Kustomization } from '../../proto/model/flux/kustomize/kinds.ts'
import { refOf } from '../../proto/model/manifest.ts'
import { type ObjectRef, refKey } from '../../proto/model/object-ref.ts'
import type { Change, MirroredObject } from '../mirror/model.ts'
import { dependenciesOf, sourceOf } from './dependencies.ts'

/** A change of a Flux object, as the mirror saw it. */
export interface Sighted {
  readonly ref: ObjectRef
  readonly before: MirroredObject | undefined
  readonly after: MirroredObject | undefined
  readonly changes: readonly Change[]
}

/** Changes that call for work on the object itself; its status is our own word. */
const CALLS: readonly Change[] = ['added', 'replaced', 'spec', 'requested', 'metadata', 'deleting', 'removed']

/** Keys of the objects that are to be looked at after a sighting. */
export function keysAfter({ ref, before, after, changes }: Sighted, kustomizations: () => Iterable<Kustomization>): readonly string[] {
  const own = changes.some((change) => CALLS.includes(change)) ? [refKey(ref)] : []
  if (ref.kind === 'Kustomization')
    return standing(before) === standing(after) ? own : [...own, ...dependents(refKey(ref), kustomizations())]
  const appeared = changes.includes('added') || changes.includes('removed')
  return appeared ? [...own, ...consumers(refKey(ref), kustomizations())] : own
}

/** Keys of the Kustomizations that consume a source object. */
export function consumers(source: string, kustomizations: Iterable<Kustomization>): readonly string[] {
  return [...kustomizations].filter((one) => refKey(sourceOf(one)) === source).map((one) => refKey(refOf(one)))
}

/** Kustomization of a mirrored object, where it is one that can be read. */
export function kustomizationIn(mirrored: MirroredObject | undefined): Kustomization | undefined {
  if (!mirrored || 'problems' in mirrored.parsed) return undefined
  const { object } = mirrored.parsed
  return object.kind === 'Kustomization' ? object : undefined
}

function dependents(dependency: string, kustomizations: Iterable<Kustomization>): readonly string[] {
  const keys: string[] = []
  // Asked after each success of each Kustomization; most depend on nothing.
  for (const one of kustomizations)
    if (one.spec.dependsOn?.length && dependenciesOf(one).some((ref) => refKey(ref) === dependency)) keys.push(refKey(refOf(one)))
  return keys
}

/** What of a Kustomization others wait for. */
function standing(mirrored: MirroredObject | undefined): string | undefined {
  const status = kustomizationIn(mirrored)?.status
  if (!status) return undefined
  const ready = findCondition(status.conditions ?? [], 'Ready')?.status ?? ''
  return `${ready} ${status.observedGeneration ?? ''} ${status.lastAppliedRevision ?? ''}`
}
