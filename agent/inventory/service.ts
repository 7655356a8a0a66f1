import { FleetError } from '../../proto/base/errors.ts'
import { formatRef } from '../../proto/model/object-ref.ts'
import type { Item } from './model.ts'
import type { PruneCluster } from './ports.ts'
import { keptFor, type Pruned } from './prune.ts'

export interface PruneOptions {
  readonly cluster: PruneCluster
  readonly owner: { readonly name: string; readonly namespace: string }
  /** The order in which objects are applied; they are deleted the other way round. */
  readonly order: (a: Item, b: Item) => number
  readonly signal: AbortSignal
}

/**
 * Deletes items that their owner does not want any more, one after the other, as the API server allows.
 * One failure stops nothing else. Throws only the signal's reason.
 */
export async function prune(items: readonly Item[], options: PruneOptions): Promise<readonly Pruned[]> {
  const results: Pruned[] = []
  for (const item of [...items].sort((a, b) => options.order(b, a))) {
    options.signal.throwIfAborted()
    results.push(await pruneOne(item, options))
  }
  return results
}

/** Waits until everything deleted is gone, for `deletionPolicy: WaitForTermination`. */
export async function awaitGone(
  pruned: readonly Pruned[],
  o: { readonly cluster: PruneCluster; readonly signal: AbortSignal; readonly timeoutMs: number },
): Promise<void> {
  await Promise.all(
    pruned.map((one) =>
      one.kind === 'deleted' ? o.cluster.gone(one.item, { uid: one.uid, signal: o.signal, timeoutMs: o.timeoutMs }) : undefined,
    ),
  )
}

async function pruneOne(item: Item, { cluster, owner, signal }: PruneOptions): Promise<Pruned> {
  try {
    const live = await cluster.live(item, signal)
    if (!live) return { kind: 'absent', item }
    const why = keptFor(live, owner)
    if (why) return { kind: 'kept', item, why }
    const uid = live.metadata.uid ?? ''
    if (!live.metadata.deletionTimestamp) await cluster.remove(item, { uid, signal })
    return { kind: 'deleted', item, uid }
  } catch (error) {
    signal.throwIfAborted()
    return { kind: 'failed', item, error: FleetError.from(error, `delete ${formatRef(item.ref)}`) }
  }
}
