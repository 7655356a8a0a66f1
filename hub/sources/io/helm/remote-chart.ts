import { sha256 } from '../../../../proto/base/hash.ts'
import { chartUrl } from '../../helm/chart-url.ts'
import { looseVersion, pickChart } from '../../helm/pick-chart.ts'
import { pickLayer } from '../../oci/manifest.ts'
import type { OpenStored, RequestOf } from '../../ports.ts'
import { FetchFailure } from '../failure.ts'
import { collect, within } from '../http/body.ts'
import { openHttpClient, shownUrl, statusFailure } from '../http/client.ts'
import { openedRegistry } from '../oci/fetcher.ts'
import { verifySignature } from '../oci/verify.ts'
import type { OpenCredential } from '../open-credential.ts'
import type { ArchiveCache } from './archive-cache.ts'
import { repositoryAuthorization } from './authorization.ts'
import type { ChartBudget } from './chart-files.ts'
import { frozenIndex } from './frozen.ts'
import type { HelmIndex, IndexCache } from './index-cache.ts'

export type ChartRequest = RequestOf<'HelmChart'>

/** A version of a chart that a repository has, not downloaded yet. */
export interface RemoteChart {
  readonly version: string
  /** Revision of the index that names it; absent in registries. */
  readonly sourceRevision?: string
  download(): Promise<Buffer>
}

export interface Finding {
  readonly request: ChartRequest
  readonly credential: OpenCredential
  readonly scope: AsyncDisposableStack
  readonly signal: AbortSignal
  /** Downloads of other charts that came to the same version. */
  readonly archives: ArchiveCache
  /** Public keys one of which must have signed; undefined for no matter who. */
  readonly signers: readonly string[] | undefined
}

/** An index that was seen so lately serves the next chart of its repository without being asked for again. */
const INDEX_FRESH_MS = 2000
const CHART_LAYER = 'application/vnd.cncf.helm.chart.content.v1.tar+gzip'

/** The version that the chart's range stands for in a repository of archives. */
export async function findInIndex(
  { archives, credential, request, scope, signal }: Finding,
  { indexes, stored }: { readonly indexes: IndexCache; readonly stored: OpenStored },
  budget: ChartBudget,
): Promise<RemoteChart> {
  const { options, url } = request
  const client = scope.use(openHttpClient({ ...request, ca: credential.ca, client: credential.client }, signal))
  const asked = { request, credential, client }
  const latest = (freshMs: number) => (options.frozen ? frozenIndex(options.frozen, stored) : indexes.get({ ...asked, freshMs }))
  const seen = await latest(INDEX_FRESH_MS)
  const first = await pickIn(seen, options, signal)
  // What is missing may have come since the index was seen for another chart.
  const index = 'problem' in first && !options.frozen ? await latest(0) : seen
  const picked = index === seen ? first : await pickIn(index, options, signal)
  if ('problem' in picked) throw missing(picked.problem, picked.stalled)
  const { digest, urls, version } = picked.one
  const load = async (): Promise<Buffer> => {
    const at = urls[0] === undefined ? undefined : chartUrl(url, urls[0])
    if (at === undefined) throw pulling(new FetchFailure('tree', `chart '${options.chart}' has no downloadable URLs`))
    const answer = await client.ask(at, { authorize: repositoryAuthorization(request, credential) })
    if (answer.status !== 200) {
      await answer.dump()
      throw pulling(statusFailure(shownUrl(at), answer))
    }
    const archive = await collect(answer.body, budget.maxChartBytes, `the chart at ${shownUrl(at)}`)
    const found = sha256(archive)
    if (digest !== undefined && found.slice('sha256:'.length) !== digest.replace(/^sha256:/, '').toLowerCase())
      throw pulling(new FetchFailure('protocol', `${shownUrl(at)}: the archive has the digest ${found}, the index says ${digest}`))
    return archive
  }
  return {
    version,
    sourceRevision: index.digest,
    download: () => archives.get(request, digest, load),
  }
}

async function pickIn(index: HelmIndex, { chart, version }: ChartRequest['options'], signal: AbortSignal) {
  const listed = await index.versions(chart, signal)
  return listed ? pickChart(chart, version, listed) : { problem: 'no chart name found', stalled: false }
}

/** The version that the chart's range stands for in a registry; `_` in tags is `+` in versions. */
export async function findInRegistry(
  { archives, credential, request, scope, signal, signers }: Finding,
  budget: ChartBudget,
): Promise<RemoteChart> {
  const { options } = request
  const url = `${request.url.replace(/\/+$/, '')}/${options.chart.replace(/\/+$/, '')}`
  const registry = openedRegistry({ ...request, url }, { credential, scope, signal })
  const version = await versionIn(options, () => registry.tags())
  const tag = version.replaceAll('+', '_')
  return {
    version,
    async download() {
      const digest = await registry.digestOf(tag)
      if (signers) await verifySignature(registry, { digest, signers, what: `${url}@${digest}` })
      const manifest = await registry.manifest(digest)
      const layer = pickLayer(manifest.layers, CHART_LAYER)
      if ('problem' in layer) throw pulling(new FetchFailure('tree', layer.problem))
      if (layer.size > budget.maxChartBytes)
        throw new FetchFailure('budget', `the chart has ${layer.size} bytes, ${budget.maxChartBytes} are allowed`)
      return archives.get(request, layer.digest, async () => {
        const archive = await collect(within(await registry.blob(layer), layer.size, url), budget.maxChartBytes, 'the chart')
        if (sha256(archive) === layer.digest) return archive
        throw pulling(new FetchFailure('protocol', `${url}: the layer that was sent has another digest`))
      })
    },
  }
}

async function versionIn({ chart, version }: ChartRequest['options'], tags: () => Promise<readonly string[]>): Promise<string> {
  // A full version needs no list of all there are.
  if (/^v?\d+\.\d+\.\d+/.test(version) && looseVersion(version) !== undefined) return version
  const listed = (await tags()).map((tag) => ({ version: tag.replaceAll('_', '+'), createdAt: 0 }))
  const picked = pickChart(chart, version, listed)
  if ('problem' in picked) throw missing(picked.problem, picked.stalled)
  return picked.one.version
}

function missing(why: string, stalled = false): FetchFailure {
  return new FetchFailure(stalled ? 'range' : 'ref', `invalid chart reference: failed to get chart version for remote reference: ${why}`)
}

function pulling(failure: FetchFailure): FetchFailure {
  const message = `chart pull error: failed to download chart for remote reference: ${failure.message}`
  return new FetchFailure(failure.failure === 'tree' ? 'protocol' : failure.failure, message, {
    cause: failure,
    retryAfterMs: failure.retryAfterMs,
  })
}
