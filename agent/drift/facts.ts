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

/** The same of an object of a release: over the fields that Helm's manager owns, whichever way it wrote them. */
export function releasedHash(live: Manifest): string {
  const entries = (live.metadata.managedFields ?? []).filter(({ manager, subresource }) => manager === HELM_MANAGER && !subresource)
  const fields = entries.reduce<FieldSet>((all, { fieldsV1 }) => union(all, fieldsV1 ?? {}), {})
  return entries.length > 0 ? sha256(canonicalJson([fields, project(live, fields)])) : 'none'
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
