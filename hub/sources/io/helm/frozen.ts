import type { Frozen } from '../../model.ts'
import type { OpenStored, StoredTree } from '../../ports.ts'
import { FetchFailure } from '../failure.ts'
import { type HelmIndex, openIndex } from './index-cache.ts'

/** What a suspended repository had. */
export async function frozenTree({ artifact, revision }: Frozen, stored: OpenStored): Promise<StoredTree> {
  const tree = await stored(artifact)
  if (tree) return tree
  throw new FetchFailure('not-found', `the repository is suspended, and ${revision} that it had is not stored any more; resume it`)
}

/** The index that a suspended repository had. */
export async function frozenIndex(frozen: Frozen, stored: OpenStored): Promise<HelmIndex> {
  const { blobs, files } = await frozenTree(frozen, stored)
  for await (const batch of blobs(files.map(({ sha256 }) => sha256)))
    for (const { bytes, digest } of batch) return openIndex(Buffer.from(bytes), digest)
  throw new FetchFailure('not-found', `the index ${frozen.revision} of the suspended repository is not stored any more; resume it`)
}
