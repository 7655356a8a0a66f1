import { type Condition, findCondition } from '../../proto/model/condition.ts'
import type { PlacedFact } from '../../proto/model/facts.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { PLACEMENT_ANNOTATION } from '../../proto/model/names.ts'
import { formatRef } from '../../proto/model/object-ref.ts'
import type { Adoption, Identity } from '../tenancy/model.ts'
import { isInPlace, placedBy } from './in-place.ts'
import type { PlacedStep } from './model.ts'

export interface PlacedView {
  readonly fact: PlacedFact
  /** The object as it is; undefined where there is none. */
  readonly live: Manifest | undefined
  /** True where its annotation is gone and its fields still show that a Placement made it. */
  readonly ours: boolean
  /** True where this very fact was carried out before. */
  readonly kept: boolean
  /** As whom it is written: the default identity of its namespace. */
  readonly identity: Identity
  readonly adoption: Adoption
  /** True when the local policy admits the kind. */
  readonly admitted: boolean
}

/**
 * What to do about a placed object.
 *
 * 1. What somebody else made is neither changed nor deleted.
 * 2. Nothing is written but as the identity of the object's namespace; without one it is refused.
 * 3. What is to go is gone only when it is not there any more, or was let go.
 * 4. A fact is written at least once: only writing takes away what the one before it said.
 */
export function decidePlaced(view: PlacedView): PlacedStep {
  const { content } = view.fact
  return 'manifest' in content ? toPlace(view, content.manifest) : toLeave(view, content.leaving)
}

function toPlace({ admitted, adoption, fact, identity, kept, live, ours }: PlacedView, manifest: Manifest): PlacedStep {
  const what = formatRef(fact.object)
  if (adoption.kind !== 'acting') return { kind: 'refused', message: `the agent only looks on: ${adoption.why}` }
  if (!admitted) return { kind: 'refused', message: `the cluster's local policy does not admit objects of kind ${fact.object.kind}` }
  if (identity.kind === 'refused') return { kind: 'refused', message: identity.message }
  if (live) {
    const owner = placedBy(live)
    if (owner !== fact.placement && !(owner === '' && ours)) return { kind: 'refused', message: foreign(what, owner, fact.placement) }
    if (live.metadata.deletionTimestamp)
      return { kind: 'refused', message: `${what} is being deleted; it is made anew when it is gone${waitsFor(live)}` }
    if (kept && isInPlace(live, manifest)) return { kind: 'in-place' }
  }
  return { kind: 'apply', account: identity.account, manifest }
}

function toLeave({ adoption, fact, identity, live, ours }: PlacedView, how: 'delete' | 'orphan'): PlacedStep {
  if (!live || how === 'orphan') return { kind: 'gone' }
  const owner = placedBy(live)
  if (owner !== fact.placement && !(owner === '' && ours)) return { kind: 'gone' }
  if (live.metadata.deletionTimestamp) return { kind: 'removing', message: waitsFor(live).replace(/^; /, '') }
  if (adoption.kind !== 'acting') return { kind: 'removing', message: `the agent only looks on: ${adoption.why}` }
  if (identity.kind === 'refused') return { kind: 'removing', message: identity.message }
  return { kind: 'remove', account: identity.account, live }
}

function foreign(what: string, owner: string, placement: string): string {
  return owner === ''
    ? `${what} exists and was not made by this Placement; delete it, or hand it over with the annotation ${PLACEMENT_ANNOTATION}: ${placement}`
    : `${what} exists and was made by Placement ${owner}; delete it, or set its annotation ${PLACEMENT_ANNOTATION} to ${placement}`
}

/** What the deletion of an object waits for, as far as the object says. */
function waitsFor({ metadata, status }: Manifest): string {
  const ready = findCondition((status as { conditions?: readonly Condition[] } | undefined)?.conditions ?? [], 'Ready')
  if (ready?.status === 'False' && ready.message !== '') return `; it waits: ${ready.message}`
  const finalizers = metadata.finalizers ?? []
  return finalizers.length > 0 ? `; it waits for ${finalizers.join(', ')}` : ''
}
