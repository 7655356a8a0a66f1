import { canonicalJson } from '../../proto/base/canonical.ts'
import { sha256 } from '../../proto/base/hash.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { HELM_MANAGER, OWNER_NAME_LABEL, OWNER_NAMESPACE_LABEL, RECONCILE_SWITCH, SSA_SWITCH } from '../../proto/model/names.ts'
import { type FieldSet, project, union } from './fields.ts'
import { ownEntry, takeOver } from './managers.ts'
import type { LiveFact, Owner } from './model.ts'

/** What to keep of a live object (or of the result of a dry-run). */
export function factOf(live: Manifest): LiveFact {
  return {
    uid: live.metadata.uid ?? '',
    resourceVersion: live.metadata.resourceVersion ?? '',
    owned: ownedHash(live),
    excluded: isExcluded(live),
    foreign: takeOver(live).length > 0,
    owner: ownerOf(live),
  }
}

/**
 * Hash over the fields that our manager owns and their values.
 *
 * Whoever changes or removes such a field takes it out of our set, so any change to what we applied changes the hash;
 * status, defaults and fields of other managers (an autoscaler's replicas) do not.
 */
export function ownedHash(live: Manifest): string {
  const fields = ownEntry(live)?.fieldsV1
  return fields ? sha256(canonicalJson([fields, project(live, fields)])) : 'none'
}

/**
 * The fields of an object of a release that are Helm's, whichever way it wrote them; of the result of a dry-run all that the
 * release wants, also where somebody else has made them his own meanwhile.
 */
export function releasedFields({ metadata }: Manifest): FieldSet {
  const entries = (metadata.managedFields ?? []).filter(({ manager, subresource }) => manager === HELM_MANAGER && !subresource)
  return entries.reduce<FieldSet>((all, { fieldsV1 }) => union(all, fieldsV1 ?? {}), {})
}

/** Hash over the values that a live object has at these fields, whosever they are. */
export function hashAt(live: Manifest, fields: FieldSet): string {
  return sha256(canonicalJson(project(live, fields)))
}

/** Hash of a desired object, owner labels included. */
export function desiredHash(desired: Manifest): string {
  return sha256(canonicalJson(desired))
}

/** True where an object, desired or live, says that it must not be applied. Values are matched without regard to case. */
export function isExcluded(object: Manifest): boolean {
  return isSwitched(object, RECONCILE_SWITCH, 'disabled') || isSwitched(object, SSA_SWITCH, 'ignore')
}

/** The Kustomization that the owner labels name. */
function ownerOf(object: Manifest): Owner | undefined {
  const name = object.metadata.labels?.[OWNER_NAME_LABEL]
  const namespace = object.metadata.labels?.[OWNER_NAMESPACE_LABEL]
  return name && namespace ? { name, namespace } : undefined
}

function isSwitched(object: Manifest, key: string, value: string): boolean {
  const { labels, annotations } = object.metadata
  return labels?.[key]?.toLowerCase() === value || annotations?.[key]?.toLowerCase() === value
}
