import { join } from 'node:path'
import type { Clock } from '../../../proto/base/clock.ts'
import type { Log } from '../../../proto/base/log.ts'
import type { Touched } from '../hold.ts'
import { createHoldings, type HoldingsKeeper } from '../service.ts'
import { type Bundles, type FetchBundles, openBundles } from './bundles.ts'
import { openDisk } from './disk.ts'
import { keepMemo, type MemoKeeper, openMemo } from './memo.ts'

export interface StoreDeps<T> {
  readonly dataDir: string
  readonly fetch: FetchBundles
  readonly touched: (touched: Touched) => void
  /** What makes a restart cheap, as it is now. */
  readonly memo: () => T
  readonly clock: Clock
  readonly log: Log
}

/** What of the agent outlives its process: the hub's word, content, and what was seen of the cluster. */
export interface Store<T> extends AsyncDisposable {
  readonly holdings: HoldingsKeeper
  readonly bundles: Bundles
  readonly memo: MemoKeeper
  /** As it was saved last. */
  readonly remembered: T | undefined
}

const HOUR_MS = 3_600_000

/** Loads what is on disk; content that nothing names any more goes now and then. */
export async function openStore<T>(deps: StoreDeps<T>): Promise<Store<T>> {
  const { clock, log } = deps
  const disk = await openDisk(deps.dataDir, log)
  const holdings = createHoldings({ store: disk, touched: deps.touched })
  await holdings.load()
  const file = openMemo<T>(join(deps.dataDir, 'seen.json'))
  const remembered = await file.load()
  const bundles = openBundles({ disk, fetch: deps.fetch, clock, log })
  const memo = keepMemo(file, { value: deps.memo, clock, log })
  const stop = new AbortController()
  const sweep = async () => {
    while (!stop.signal.aborted) {
      await holdings
        .sweep()
        .catch((error: unknown) => log.warn({ event: 'cache.sweep.failed', err: error }, 'cannot clear the content on disk up'))
      await clock.sleep(HOUR_MS, stop.signal).catch(() => undefined)
    }
  }
  const sweeping = sweep()
  return {
    holdings,
    bundles,
    memo,
    remembered,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await sweeping
      await bundles[Symbol.asyncDispose]()
      await memo[Symbol.asyncDispose]()
    },
  }
}
