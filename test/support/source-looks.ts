import { setTimeout as pause } from 'node:timers/promises'
import type { SourceCredential } from '../../hub/sources/credential.ts'
import { type KindAndOptions, sourceKey } from '../../hub/sources/model.ts'
import type { Fetcher, FetchOutcome, FetchRequest, RequestOf } from '../../hub/sources/ports.ts'
import { sha256 } from '../../proto/base/hash.ts'

export interface Look {
  readonly credential?: SourceCredential
  readonly known?: string
  readonly allow?: readonly string[]
  readonly hosts?: readonly string[]
  readonly timeoutMs?: number
}

export interface Seen {
  readonly revision: string
  readonly metadata?: Readonly<Record<string, string>>
  readonly files: Readonly<Record<string, Buffer>>
}

/** One look at a source: all its content, or what became of it instead. */
export async function lookAt<Kind extends KindAndOptions['kind']>(
  fetcher: Fetcher<Kind>,
  what: Extract<KindAndOptions, { readonly kind: Kind }> & { readonly url: string },
  over: Look = {},
): Promise<Seen | Exclude<FetchOutcome, { kind: 'fetched' }>> {
  const credentialId = over.credential ? sha256(JSON.stringify(Object.keys(over.credential))) : undefined
  const request = {
    ...what,
    key: sourceKey(what as KindAndOptions & { readonly url: string }),
    credentialId,
    credential: over.credential,
    policy: { privateNetworks: false, allow: over.allow ?? ['127.0.0.1'], hosts: over.hosts },
    known: over.known,
    timeoutMs: over.timeoutMs ?? 20_000,
  } as FetchRequest as RequestOf<Kind>
  return fetcher.fetch(request, seen, { signal: AbortSignal.timeout(60_000) })
}

async function seen(outcome: FetchOutcome): Promise<Seen | Exclude<FetchOutcome, { kind: 'fetched' }>> {
  if (outcome.kind !== 'fetched') return outcome
  const { blobs, files, metadata, revision } = outcome.revision
  // A store asks its database before it asks for content: what was fetched has to wait for it.
  await pause(STORE_MS)
  const contents = new Map<string, Buffer>()
  for await (const batch of blobs([...new Set(files.map((file) => file.sha256))]))
    for (const { bytes, digest } of batch) {
      if (sha256(bytes) !== digest) throw new Error(`content does not have the digest ${digest}`)
      contents.set(digest, Buffer.from(bytes))
    }
  const named = Object.fromEntries(files.map((file) => [file.path, contents.get(file.sha256) ?? Buffer.from('?')]))
  return { revision, files: named, ...(metadata ? { metadata } : {}) }
}

const STORE_MS = 20

/** The files as text. */
export function texts(found: Seen | FetchOutcome): Readonly<Record<string, string>> {
  if (!('files' in found)) throw new Error(JSON.stringify(found))
  return Object.fromEntries(Object.entries(found.files).map(([path, bytes]) => [path, bytes.toString()]))
}
