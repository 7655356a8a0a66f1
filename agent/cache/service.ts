import type { Fact } from '../../proto/model/facts.ts'
import { bundlesOf } from './decide.ts'
import { type Batch, hold, type Touched } from './hold.ts'
import { type Holdings, NOTHING_HELD } from './model.ts'

/** Where holdings are safe from a restart. */
export interface HoldingsStore {
  load(): Promise<Holdings>
  save(holdings: Holdings): Promise<void>
  sweep(keep: ReadonlySet<string>): Promise<void>
}

/** What the agent holds of the hub's word, safe on disk before it counts. */
export interface HoldingsKeeper {
  current(): Holdings
  load(): Promise<void>
  /** Resolves once the batch is on disk; then `touched` is told. */
  save(batch: Batch): Promise<void>
  /** Everything held, as facts. */
  facts(): Iterable<Fact>
  /** Deletes content that nothing held names. */
  sweep(): Promise<void>
}

export function createHoldings(deps: { readonly store: HoldingsStore; readonly touched: (touched: Touched) => void }): HoldingsKeeper {
  let current = NOTHING_HELD
  return {
    current: () => current,
    async load() {
      current = await deps.store.load()
    },
    async save(batch) {
      const { holdings, touched } = hold(current, batch)
      await deps.store.save(holdings)
      current = holdings
      deps.touched(touched)
    },
    *facts() {
      yield* current.desired.values()
      yield* current.releases.values()
      yield* current.sourceStatuses.values()
      yield* current.tenants.values()
      yield* current.placed.values()
      if (current.cluster) yield current.cluster
    },
    sweep: () => deps.store.sweep(bundlesOf(current)),
  }
}
