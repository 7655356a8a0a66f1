import { zstdDecompress } from 'node:zlib'
import { FleetError } from '../../../proto/base/errors.ts'
import { sha256 } from '../../../proto/base/hash.ts'
import { type AgentServiceClient, type FetchBundlesResponse, FetchBundlesResponse_Encoding } from '../../../proto/gen/fleet/v1/agent.ts'
import type { FetchedBundle } from '../model.ts'
import { fromGrpc } from './rpc.ts'

const MAX_BUNDLE_BYTES = 64 * 1024 * 1024
const SILENCE_MS = 30_000

/**
 * Fetches bundles and gives each as soon as it is whole and has the digest that it was asked for by; one that the hub refuses
 * or that is something else is left out and told to `refused`.
 */
export async function* fetchBundles(
  client: AgentServiceClient,
  digests: readonly string[],
  { signal, refused }: { readonly signal: AbortSignal; readonly refused: (digest: string, why: string) => void },
): AsyncGenerator<FetchedBundle> {
  if (digests.length === 0) return
  const stream = client.fetchBundles({ digests: [...digests] })
  const stop = () => stream.cancel()
  const watch = setTimeout(stop, SILENCE_MS)
  signal.addEventListener('abort', stop, { once: true })
  const parts = new Map<string, Buffer[]>()
  try {
    for await (const chunk of stream as AsyncIterable<FetchBundlesResponse>) {
      watch.refresh()
      if (chunk.refused !== '') refused(chunk.digest, chunk.refused)
      else {
        const bundle = await join(parts, chunk)
        if (bundle) yield bundle
      }
    }
  } catch (error) {
    signal.throwIfAborted()
    throw fromGrpc(error, 'fetch bundles')
  } finally {
    clearTimeout(watch)
    signal.removeEventListener('abort', stop)
    stream.cancel()
  }
}

async function join(parts: Map<string, Buffer[]>, chunk: FetchBundlesResponse): Promise<FetchedBundle | undefined> {
  const { digest, totalBytes, offset } = chunk
  const list = parts.get(digest) ?? []
  parts.set(digest, list)
  const had = list.reduce((sum, part) => sum + part.length, 0)
  if (totalBytes > BigInt(MAX_BUNDLE_BYTES)) throw new FleetError('too-large', `fetch the bundle ${digest}: it has ${totalBytes} bytes`)
  if (offset !== BigInt(had)) throw new FleetError('internal', `fetch the bundle ${digest}: a part is missing`)
  list.push(chunk.chunk)
  if (BigInt(had + chunk.chunk.length) < totalBytes) return undefined
  parts.delete(digest)
  return { digest, bytes: await verified(chunk, Buffer.concat(list)) }
}

async function verified({ digest, encoding }: FetchBundlesResponse, sent: Buffer): Promise<Uint8Array> {
  const bytes = encoding === FetchBundlesResponse_Encoding.ZSTD ? await decompress(digest, sent) : sent
  if (sha256(bytes) !== digest) throw new FleetError('internal', `fetch the bundle ${digest}: what came has another digest`)
  return bytes
}

function decompress(digest: string, sent: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    zstdDecompress(sent, { maxOutputLength: MAX_BUNDLE_BYTES }, (error, bytes) =>
      error ? reject(new FleetError('internal', `fetch the bundle ${digest}: ${error.message}`, { cause: error })) : resolve(bytes),
    )
  })
}
