import { Readable } from 'node:stream'
import { FetchFailure } from '../failure.ts'
import { type ArchiveBudget, readArchive } from './read.ts'

/** Unpacked content is held in memory, unlike that of layers which are extracted when they are fetched. */
const BUDGET: ArchiveBudget = { maxFiles: 10_000, maxFileBytes: 16 << 20, maxTreeBytes: 64 << 20 }

/**
 * Visits the files of a layer that was kept as it was sent; links are passed over.
 * @returns why it cannot be unpacked, where that is so
 */
export async function readLayer(
  layer: Uint8Array,
  visit: (path: string, content: Uint8Array) => void,
  signal: AbortSignal,
): Promise<{ readonly problem: string } | undefined> {
  let bytes = 0
  try {
    await readArchive(Readable.from([layer]), { budget: BUDGET, links: 'skip', signal }, async ({ path, size }, content) => {
      bytes += size
      if (bytes > BUDGET.maxTreeBytes)
        throw new FetchFailure('budget', `the archive unpacks to more than ${BUDGET.maxTreeBytes} bytes; extract the layer instead`)
      visit(path, await content())
    })
    return undefined
  } catch (error) {
    if (error instanceof FetchFailure) return { problem: `failed to untar artifact: ${error.message}` }
    throw error
  }
}
