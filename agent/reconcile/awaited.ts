import type { Kustomization } from '../../proto/model/flux/kustomize/kinds.ts'
import { groupOf, versionOf } from '../../proto/model/object-ref.ts'
import type { Item } from '../inventory/model.ts'

/** The objects whose health counts: all that were applied with `wait`, else those that `healthChecks` names. */
export function awaitedItems({ metadata, spec }: Kustomization, items: readonly Item[]): readonly Item[] {
  if (spec.wait) return items
  return (spec.healthChecks ?? []).map(({ apiVersion = 'v1', kind, name, namespace }) => ({
    ref: { group: groupOf(apiVersion), kind, namespace: namespace ?? metadata.namespace ?? '', name },
    version: versionOf(apiVersion),
  }))
}
