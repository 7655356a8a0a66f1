import { join } from 'node:path'
import { expect } from 'vitest'
import { openGitServer } from '../../deploy/local/git-server.ts'
import type { SourceCredential } from '../../hub/sources/credential.ts'
import { BucketFetcher } from '../../hub/sources/io/bucket/fetcher.ts'
import { GitFetcher } from '../../hub/sources/io/git/fetcher.ts'
import { createChartFetcher } from '../../hub/sources/io/helm/chart-fetcher.ts'
import { metadataIn, readChart } from '../../hub/sources/io/helm/chart-files.ts'
import { IndexCache } from '../../hub/sources/io/helm/index-cache.ts'
import { createIndexFetcher } from '../../hub/sources/io/helm/index-fetcher.ts'
import type { ChartOptions } from '../../hub/sources/model.ts'
import type { Fetcher, StoredTree } from '../../hub/sources/ports.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { sha256 } from '../../proto/base/hash.ts'
import { silentLog } from '../../proto/base/log.ts'
import { createRepository, type TestRepository } from './git-repository.ts'
import { type HelmServer, openHelmServer } from './helm-repository.ts'
import { openTestRegistry, type TestRegistry } from './oci-registry.ts'
import { type Look, lookAt, type Seen } from './source-looks.ts'
import { openTempDir } from './temp-dir.ts'

type Found = ReturnType<typeof lookAt>

/** Where charts come from: a repository over HTTP, a registry, a git server; and the hub's fetchers of indexes and charts. */
export interface ChartWorld extends AsyncDisposable {
  /** The repository over HTTP, as it is since the last `fresh`. */
  helm(): HelmServer
  readonly registry: TestRegistry
  /** Public keys by the id of their credential. */
  readonly keys: Map<string, SourceCredential>
  /** Begins with an empty repository over HTTP and no index in memory. */
  fresh(): Promise<void>
  /** A fetcher as a hub has one, for many looks; `chart` takes a new one for each. */
  charts(): Fetcher<'HelmChart'>
  index(over?: Look & { readonly url?: string; readonly passCredentials?: true }): Found
  chart(options?: Partial<ChartOptions>, over?: Look & { readonly url?: string }): Found
  /** Stores files as those of an artifact that was fetched before; answers with its name. */
  keep(artifact: string, files: Readonly<Record<string, Buffer>>): string
  repository(): Promise<{ readonly repository: TestRepository; readonly url: string }>
  /** Paths that were asked of the repository over HTTP. */
  asked(): readonly string[]
}

export async function openChartWorld(): Promise<ChartWorld> {
  await using scope = new AsyncDisposableStack()
  const dir = scope.use(openTempDir('charts'))
  const gitServer = scope.use(await openGitServer({ dir: dir.path, log: silentLog }))
  const git = scope.use(new GitFetcher({ folder: join(dir.path, 'cache') }))
  const bucket = new BucketFetcher({ folder: join(dir.path, 'bucket') })
  const registry = scope.use(await openTestRegistry())
  const keys = new Map<string, SourceCredential>()
  const trees = new Map<string, StoredTree>()
  let helm = await openHelmServer()
  scope.defer(() => helm[Symbol.asyncDispose]())
  let indexes = new IndexCache({ clock: systemClock })
  let repositories = 0
  const owned = scope.move()
  const stored = async (artifact: string) => trees.get(artifact)
  const charts = () => createChartFetcher({ indexes, git, bucket, stored, credential: async (id) => keys.get(id) })
  return {
    charts,
    helm: () => helm,
    registry,
    keys,
    async fresh() {
      await helm[Symbol.asyncDispose]()
      helm = await openHelmServer()
      indexes = new IndexCache({ clock: systemClock })
    },
    index(over = {}) {
      const options = over.passCredentials ? { passCredentials: true as const } : {}
      return lookAt(createIndexFetcher({ indexes }), { kind: 'HelmRepository', url: over.url ?? helm.url, options }, over)
    },
    chart(options = {}, over = {}) {
      return lookAt(charts(), { kind: 'HelmChart', url: over.url ?? helm.url, options: { chart: 'app', version: '*', ...options } }, over)
    },
    keep(artifact, files) {
      trees.set(artifact, storedTree(files))
      return artifact
    },
    async repository() {
      const name = `charts-${++repositories}`
      return { repository: await createRepository(dir.path, name), url: `${gitServer.url}/${name}.git` }
    },
    asked: () => helm.seen.map(({ url }) => url),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function storedTree(files: Readonly<Record<string, Buffer>>): StoredTree {
  const mode = '100644' as const
  const stored = Object.entries(files).map(([path, bytes]) => ({ path, mode, size: bytes.length, sha256: sha256(bytes), bytes }))
  return {
    files: stored.map(({ bytes: _, ...file }) => file),
    async *blobs(digests) {
      yield stored.filter(({ sha256: digest }) => digests.includes(digest)).map(({ bytes, sha256: digest }) => ({ digest, bytes }))
    },
  }
}

export const problem = (reason: string, message: string) => ({
  kind: 'problem',
  problem: { reason, message: expect.stringContaining(message) },
})

/** Name and content of the one file of a chart that was found. */
export function only(found: unknown): [string, Buffer] {
  const [file] = Object.entries((found as Seen).files ?? {})
  return file ?? expect.fail(JSON.stringify(found))
}

/** The files in its archive, and what Chart.yaml says. */
export async function unpacked(found: unknown) {
  const limits = { maxChartBytes: 1e7, maxFileBytes: 1e7, maxFiles: 1e4, maxUnpackedBytes: 1e8 }
  const { files } = await readChart(only(found)[1], limits, AbortSignal.timeout(5000))
  return { files: Object.fromEntries([...files].map(([path, bytes]) => [path, bytes.toString()])), metadata: metadataIn(files) }
}
