import type { FleetError } from '../../proto/base/errors.ts'
import { labelOrAnnotation, type Manifest } from '../../proto/model/manifest.ts'
import { OWNER_NAME_LABEL, OWNER_NAMESPACE_LABEL, PRUNE_SWITCH, RECONCILE_SWITCH, SSA_SWITCH } from '../../proto/model/names.ts'
import type { Item } from './model.ts'

/** What became of one item of a prune. */
export type Pruned =
  | { readonly kind: 'deleted'; readonly item: Item; readonly uid: string }
  | { readonly kind: 'absent'; readonly item: Item }
  | { readonly kind: 'kept'; readonly item: Item; readonly why: Kept }
  | { readonly kind: 'failed'; readonly item: Item; readonly error: FleetError }

/** Why an object that is not desired any more is left alone. */
export const KEPT = ['prune-disabled', 'reconcile-disabled', 'ssa-ignore', 'not-owned'] as const
export type Kept = (typeof KEPT)[number]

/** Why the live object may not be deleted for this owner, or undefined when it may. Source: Flux, kustomize-controller. */
export function keptFor(live: Manifest, owner: { readonly name: string; readonly namespace: string }): Kept | undefined {
  const { labels } = live.metadata
  if (isSwitched(live, PRUNE_SWITCH, 'disabled')) return 'prune-disabled'
  if (isSwitched(live, RECONCILE_SWITCH, 'disabled')) return 'reconcile-disabled'
  if (isSwitched(live, SSA_SWITCH, 'ignore')) return 'ssa-ignore'
  return labels?.[OWNER_NAME_LABEL] === owner.name && labels[OWNER_NAMESPACE_LABEL] === owner.namespace ? undefined : 'not-owned'
}

function isSwitched(live: Manifest, key: string, value: string): boolean {
  return labelOrAnnotation(live, key)?.toLowerCase() === value || live.metadata.annotations?.[key]?.toLowerCase() === value
}
