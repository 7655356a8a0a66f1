import { canonicalJson } from '../../../../proto/base/canonical.ts'
import type { Clock } from '../../../../proto/base/clock.ts'
import { sha256 } from '../../../../proto/base/hash.ts'
import { indexUrl } from '../../helm/chart-url.ts'
import { type ChartVersion, findSections, type Sections } from '../../helm/index-file.ts'
import type { FetchRequest } from '../../ports.ts'
import { FetchFailure } from '../failure.ts'
import { collect } from '../http/body.ts'
import { type HttpClient, shownUrl, statusFailure } from '../http/client.ts'
import type { OpenCredential } from '../open-credential.ts'
import { repositoryAuthorization } from './authorization.ts'
import { readVersionsOf } from './read-versions.ts'

/** The index of a repository as it was seen last. */
export interface HelmIndex {
  readonly digest: string
  readonly bytes: Buffer
  /** The versions of a chart; undefined where the index does not name it. */
  versions(chart: string, signal: AbortSignal): Promise<readonly ChartVersion[] | undefined>
}

export interface IndexRequest {
  readonly request: Pick<FetchRequest, 'url' | 'credentialId' | 'policy'> & {
    readonly options: { readonly passCredentials?: true | undefined }
  }
  readonly credential: OpenCredential
  readonly client: HttpClient
  /** Whoever asks takes an index that was seen so lately as it is. */
  readonly freshMs: number
}

export interface IndexCacheOptions {
  readonly clock: Clock
  readonly maxIndexBytes?: number
  /** Bytes of all indexes that stay in memory. */
  readonly keptBytes?: number
}

interface Kept {
  readonly index: HelmIndex
  readonly validators: Readonly<Record<string, string>>
  checkedAtMs: number
}

/** Without a validator a look is a download, which is not repeated for a while. */
const BLIND_FRESH_MS = 60_000
const KEPT_CHARTS = 1000

/**
 * The indexes of Helm repositories: downloaded when they have changed, read chart by chart, shared by all charts of a
 * repository. What one credential or list of hosts lets see is not shown to another.
 */
export class IndexCache {
  readonly #options: Required<IndexCacheOptions>
  readonly #kept = new Map<string, Kept>()
  readonly #loading = new Map<string, Promise<HelmIndex>>()

  constructor({ clock, keptBytes = 128 << 20, maxIndexBytes = 50 << 20 }: IndexCacheOptions) {
    this.#options = { clock, keptBytes, maxIndexBytes }
  }

  /** The index as it is, or as it was `freshMs` ago at most. */
  async get(asked: IndexRequest): Promise<HelmIndex> {
    const { credentialId, options, policy, url } = asked.request
    const key = canonicalJson({ url, credentialId: credentialId ?? null, policy, passCredentials: options.passCredentials === true })
    const kept = this.#kept.get(key)
    const freshMs = kept && Object.keys(kept.validators).length === 0 && asked.freshMs > 0 ? BLIND_FRESH_MS : asked.freshMs
    if (kept && this.#nowMs() - kept.checkedAtMs < freshMs) return kept.index
    const loading = this.#loading.get(key)
    if (loading !== undefined) return loading.catch(() => this.get(asked))
    const load = this.#load(key, asked).finally(() => this.#loading.delete(key))
    this.#loading.set(key, load)
    return load
  }

  async #load(key: string, { client, credential, request }: IndexRequest): Promise<HelmIndex> {
    const kept = this.#kept.get(key)
    const url = indexUrl(request.url)
    const authorize = repositoryAuthorization(request, credential)
    const answer = await client.ask(url, { headers: { accept: '*/*', ...kept?.validators }, authorize })
    if (kept && answer.status === 304) {
      await answer.dump()
      return this.#keep(key, { ...kept, checkedAtMs: this.#nowMs() })
    }
    if (answer.status !== 200) {
      await answer.dump()
      throw statusFailure(`failed to fetch Helm repository index: ${shownUrl(url)}`, answer)
    }
    const { maxIndexBytes } = this.#options
    const announced = Number(answer.headers['content-length'] ?? 0)
    if (announced > maxIndexBytes) {
      await answer.dump()
      throw new FetchFailure('budget', `the index has ${announced} bytes, ${maxIndexBytes} are allowed`)
    }
    const bytes = await collect(answer.body, maxIndexBytes, 'the index')
    const digest = sha256(bytes)
    const index = digest === kept?.index.digest ? kept.index : openIndex(bytes, digest)
    return this.#keep(key, { index, validators: validatorsOf(answer.headers), checkedAtMs: this.#nowMs() })
  }

  #keep(key: string, next: Kept): HelmIndex {
    this.#kept.delete(key)
    this.#kept.set(key, next)
    let bytes = [...this.#kept.values()].reduce((sum, { index }) => sum + index.bytes.length, 0)
    for (const [oldest, { index }] of this.#kept) {
      if (bytes <= this.#options.keptBytes || oldest === key) break
      this.#kept.delete(oldest)
      bytes -= index.bytes.length
    }
    return next.index
  }

  #nowMs(): number {
    return this.#options.clock.now().getTime()
  }
}

function validatorsOf({ etag, 'last-modified': modified }: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return { ...(etag ? { 'if-none-match': etag } : {}), ...(modified ? { 'if-modified-since': modified } : {}) }
}

/** An index by its text. */
export function openIndex(bytes: Buffer, digest: string): HelmIndex {
  const found = isJson(bytes) ? undefined : findSections(bytes)
  if (found && 'problem' in found) throw new FetchFailure('tree', `failed to load Helm repository from index YAML: ${found.problem}`)
  const read = new Map<string, readonly ChartVersion[]>()
  return {
    digest,
    bytes,
    async versions(chart, signal) {
      const known = read.get(chart)
      if (known) return known
      const text = sectionOf(bytes, found, chart)
      const answer = text && (await readVersionsOf({ text, name: chart }, signal))
      if (!answer) return undefined
      if ('problem' in answer) throw new FetchFailure('tree', `failed to load Helm repository from index YAML: ${answer.problem}`)
      if (answer.versions.length === 0) return undefined
      if (read.size >= KEPT_CHARTS) read.clear()
      read.set(chart, answer.versions)
      return answer.versions
    },
  }
}

/** What has to be read for a chart: its section, or all of an index that is laid out in another way. */
function sectionOf(bytes: Buffer, sections: Sections | undefined, chart: string): Uint8Array | undefined {
  if (!sections) return bytes
  const at = sections.get(chart)
  return at && bytes.subarray(at.from, at.to)
}

function isJson(bytes: Buffer): boolean {
  return bytes.toString('utf8', 0, 64).trimStart().startsWith('{')
}
