import type { Manifest } from '../../proto/model/manifest.ts'
import type { Item } from './model.ts'

/** The cluster as the ServiceAccount sees it in whose name objects are pruned. */
export interface PruneCluster {
  /** Undefined when the object, or its kind, does not exist any more. */
  live(item: Item, signal: AbortSignal): Promise<Manifest | undefined>
  /** Deletes this very object in the background. */
  remove(item: Item, o: { readonly uid: string; readonly signal: AbortSignal }): Promise<void>
  /** Returns when that object is gone. */
  gone(item: Item, o: { readonly uid: string; readonly signal: AbortSignal; readonly timeoutMs: number }): Promise<void>
}
