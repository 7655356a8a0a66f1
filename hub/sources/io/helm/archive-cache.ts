import { canonicalJson } from '../../../../proto/base/canonical.ts'
import type { RequestOf } from '../../ports.ts'

/**
 * Archives that were downloaded lately: charts of different ranges that come to one version share its download. What
 * one credential or list of hosts lets have is not given to another.
 */
export class ArchiveCache {
  readonly #limit: number
  readonly #kept = new Map<string, Buffer>()
  readonly #loading = new Map<string, Promise<Buffer>>()

  constructor(limitBytes = 64 << 20) {
    this.#limit = limitBytes
  }

  /** @param digest  what the archive is announced to hash to: without it nothing is shared */
  async get(request: RequestOf<'HelmChart'>, digest: string | undefined, load: () => Promise<Buffer>): Promise<Buffer> {
    if (digest === undefined) return load()
    const { credentialId, policy, url } = request
    const key = canonicalJson({ digest, url, credentialId: credentialId ?? null, policy })
    const kept = this.#kept.get(key)
    if (kept) return kept
    const loading = this.#loading.get(key)
    // Whoever began may have been stopped: that is no failure of this one.
    if (loading !== undefined) return loading.catch(() => this.get(request, digest, load))
    const mine = load().finally(() => this.#loading.delete(key))
    this.#loading.set(key, mine)
    return this.#keep(key, await mine)
  }

  #keep(key: string, archive: Buffer): Buffer {
    this.#kept.set(key, archive)
    let bytes = [...this.#kept.values()].reduce((sum, { length }) => sum + length, 0)
    for (const [oldest, { length }] of this.#kept) {
      if (bytes <= this.#limit) break
      this.#kept.delete(oldest)
      bytes -= length
    }
    return archive
  }
}
