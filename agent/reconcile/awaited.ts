import { fluxKind } from '../../proto/model/flux/kinds.ts'
import type { Kustomization } from '../../proto/model/flux/kustomize/kinds.ts'
import { groupOf, versionOf } from '../../proto/model/object-ref.ts'
import type { Change } from '../apply/model.ts'
import type { Item } from '../inventory/model.ts'

/** The objects whose health counts: all that were applied with `wait`, else those that `healthChecks` names. */
export function awaitedItems({ metadata, spec }: Kustomization, items: readonly Item[]): readonly Item[] {
  if (spec.wait) return items
  return (spec.healthChecks ?? []).map(({ apiVersion = 'v1', kind, name, namespace }) => ({
    ref: { group: groupOf(apiVersion), kind, namespace: namespace ?? metadata.namespace ?? '', name },
    version: versionOf(apiVersion),
  }))
}

/** The objects whose health the hub is told of: all that were applied but Flux objects, which tell it of themselves. */
export function assessedItems(changes: readonly Change[]): readonly Item[] {
  return changes.filter(({ action, ref }) => action !== 'skipped' && !fluxKind(ref.group, ref.kind))
}

/** The Flux objects among what was applied. */
export function fluxItems(changes: readonly Change[]): readonly Item[] {
  return changes.filter(({ ref }) => fluxKind(ref.group, ref.kind))
}
