import { refOf } from '../../proto/model/manifest.ts'
import { type ObjectRef, refKey } from '../../proto/model/object-ref.ts'
import type { Change, MirroredObject } from '../mirror/model.ts'
import { type Consumer, consumedBy, consumerIn, objectsBefore, sourceStanding, standingOf } from './consumers.ts'

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
export function keysAfter({ ref, before, after, changes }: Sighted, all: () => Iterable<Consumer>): readonly string[] {
  const own = changes.some((change) => CALLS.includes(change)) ? [refKey(ref)] : []
  if (ref.kind === 'Kustomization' || ref.kind === 'HelmRelease')
    return standingOf(consumerIn(before)) === standingOf(consumerIn(after)) ? own : [...own, ...dependents(refKey(ref), all())]
  const appeared = changes.includes('added') || changes.includes('removed')
  if (appeared) return [...own, ...consumers(refKey(ref), all())]
  // What a Kustomization waits for is its source's release; a HelmRelease also waits until that is of what the source asks for.
  return sourceStanding(before) === sourceStanding(after) ? own : [...own, ...consumers(refKey(ref), charted(all()))]
}

function charted(all: Iterable<Consumer>): readonly Consumer[] {
  return [...all].filter(({ kind }) => kind === 'HelmRelease')
}

/** Keys of the objects that consume a source object. */
export function consumers(source: string, all: Iterable<Consumer>): readonly string[] {
  return [...all].filter((one) => isFrom(one, source)).map((one) => refKey(refOf(one)))
}

export function isFrom(one: Consumer, source: string): boolean {
  const consumed = consumedBy(one)
  return consumed !== undefined && refKey(consumed) === source
}

function dependents(dependency: string, all: Iterable<Consumer>): readonly string[] {
  const keys: string[] = []
  // Asked after each success of each consumer; most depend on nothing.
  for (const one of all)
    if (one.spec.dependsOn?.length && objectsBefore(one).some((ref) => refKey(ref) === dependency)) keys.push(refKey(refOf(one)))
  return keys
}
