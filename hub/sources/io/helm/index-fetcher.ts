import type { Fetcher } from '../../ports.ts'
import type { TreeFile } from '../../tree-file.ts'
import { FetchFailure } from '../failure.ts'
import { openHttpClient } from '../http/client.ts'
import { outcomeOf } from '../outcome.ts'
import type { IndexCache } from './index-cache.ts'

/** Fetches indexes of Helm repositories: the artifact is the index as it was sent. */
export function createIndexFetcher({ indexes }: { readonly indexes: IndexCache }): Fetcher<'HelmRepository'> {
  return {
    async fetch(request, use, { signal }) {
      const outcome = await outcomeOf(request, signal, async (credential, within) => {
        if (!/^https?:$/.test(new URL(request.url).protocol)) throw new FetchFailure('url', `invalid Helm repository URL: ${request.url}`)
        await using client = openHttpClient({ ...request, ca: credential.ca, client: credential.client }, within)
        const { bytes, digest } = await indexes.get({ request, credential, client, freshMs: 0 })
        if (digest === request.known) return { kind: 'unchanged' }
        const files: readonly TreeFile[] = [{ path: 'index.yaml', mode: '100644', size: bytes.length, sha256: digest }]
        const commit = { oid: digest, author: '', subject: '', at: 0 }
        return { kind: 'fetched', revision: { revision: digest, commit, files, blobs: () => one({ digest, bytes }) } }
      })
      return use(outcome)
    },
  }
}

async function* one<Value>(value: Value): AsyncIterable<readonly Value[]> {
  yield [value]
}
