import { union } from './algebra.ts'
import type { Item } from './model.ts'
import type { Pruned } from './prune.ts'

/**
 * The inventory after a run: what was applied, and every object whose delete is not confirmed.
 *
 * An object that the API server refused to delete would be lost if it left the inventory: nobody would try again
 * (fluxcd/kustomize-controller, prune survivors). Objects that were left alone on purpose do leave it.
 */
export function afterPrune(applied: readonly Item[], pruned: readonly Pruned[]): readonly Item[] {
  return union(
    pruned.filter(({ kind }) => kind === 'failed').map(({ item }) => item),
    applied,
  )
}

/** The inventory after a run that failed on the way: nothing is pruned, so everything known stays. */
export function afterFailure(old: readonly Item[], applied: readonly Item[]): readonly Item[] {
  return union(old, applied)
}
