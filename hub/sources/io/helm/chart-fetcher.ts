import { normalize } from 'node:path/posix'
import { sha256 } from '../../../../proto/base/hash.ts'
import { sameVersion, withBuild } from '../../helm/metadata.ts'
import type { Fetcher, FetchOutcome, OpenCredential, OpenStored } from '../../ports.ts'
import { FetchFailure } from '../failure.ts'
import { outcomeOf } from '../outcome.ts'
import { ArchiveCache } from './archive-cache.ts'
import { type ChartBudget, DEFAULT_CHART_BUDGET, type PackedChart, packChart, readChart } from './chart-files.ts'
import type { IndexCache } from './index-cache.ts'
import { type ChartRequest, type Finding, findInIndex, findInRegistry, type RemoteChart } from './remote-chart.ts'
import { chartInTree } from './tree-chart.ts'

export interface ChartFetcherDeps {
  readonly indexes: IndexCache
  readonly git: Fetcher<'GitRepository'>
  readonly bucket: Fetcher<'Bucket'>
  /** What suspended repositories had. */
  readonly stored: OpenStored
  readonly budget?: ChartBudget
  /** Opens the public keys that a chart names beside its repository's credential. */
  readonly credential: OpenCredential
}

/** Fetches charts: a version is downloaded once, whatever asks for it; the artifact is its archive. */
export function createChartFetcher({
  bucket,
  budget = DEFAULT_CHART_BUDGET,
  credential: open,
  git,
  indexes,
  stored,
}: ChartFetcherDeps): Fetcher<'HelmChart'> {
  const archives = new ArchiveCache()
  return {
    async fetch(request, use, { signal }) {
      await using scope = new AsyncDisposableStack()
      const outcome = await outcomeOf(request, signal, async (credential, within) => {
        // Nothing can have come to what is frozen.
        if (request.options.frozen && request.known !== undefined) return { kind: 'unchanged' }
        if (request.options.git || request.options.bucket) return fromTree(request, { git, bucket, stored, budget }, within)
        const finding: Finding = { request, credential, scope, signal: within, archives, signers: await signersOf(request, open) }
        const isOci = request.url.startsWith('oci://')
        const found = isOci ? await findInRegistry(finding, budget) : await findInIndex(finding, { indexes, stored }, budget)
        return fromRepository(request, found, { budget, signal: within })
      })
      return await use(outcome)
    },
  }
}

async function signersOf({ options }: ChartRequest, open: OpenCredential): Promise<readonly string[] | undefined> {
  if (options.signers === undefined) return undefined
  const found = await open(options.signers)
  return found && 'signers' in found ? found.signers : []
}

async function fromTree(request: ChartRequest, deps: Parameters<typeof chartInTree>[1], signal: AbortSignal): Promise<FetchOutcome> {
  const found = await chartInTree(request, deps, signal)
  if ('kind' in found) return found
  if (found.chart.version === request.known) return { kind: 'unchanged' }
  return fetched(found.chart, found.sourceRevision)
}

async function fromRepository(
  { known, options }: ChartRequest,
  found: RemoteChart,
  { budget, signal }: { readonly budget: ChartBudget; readonly signal: AbortSignal },
): Promise<FetchOutcome> {
  const build = options.generation === undefined ? '' : String(options.generation)
  if (known !== undefined && known === withBuild(found.version, build)) return { kind: 'unchanged' }
  const archive = await found.download()
  const chart = await readChart(archive, budget, signal)
  const { name, version } = chart.metadata
  const wanted = options.chart.replace(/\/+$/, '').split('/').at(-1) ?? ''
  if (name !== wanted || !sameVersion(version, found.version))
    throw new FetchFailure(
      'tree',
      `chart package error: the archive is of '${name}' ${version}, '${wanted}' ${found.version} was asked for`,
    )
  if (!options.valuesFiles)
    return fetched({ name, version: found.version, archive, valuesFiles: [], packaged: false }, found.sourceRevision)
  const read = (path: string) => chart.files.get(normalize(path))
  const packed = await packChart({ ...chart, metadata: { ...chart.metadata, version: found.version } }, { build, options, read })
  return fetched(packed, found.sourceRevision)
}

/** The chart as a tree of one file. What its status says of it goes with the revision. */
function fetched({ archive, name, packaged, valuesFiles, version }: PackedChart, sourceRevision: string | undefined): FetchOutcome {
  const digest = sha256(archive)
  const metadata = {
    chart: name,
    digest,
    ...(packaged ? { packaged: 'true' } : {}),
    ...(sourceRevision === undefined ? {} : { source: sourceRevision }),
    ...(valuesFiles.length > 0 ? { valuesFiles: JSON.stringify(valuesFiles) } : {}),
  }
  const files = [{ path: `${name}-${version}.tgz`, mode: '100644' as const, size: archive.length, sha256: digest }]
  const commit = { oid: digest, author: '', subject: `${name} ${version}`.slice(0, 500), at: 0 }
  return { kind: 'fetched', revision: { revision: version, commit, metadata, files, blobs: () => one({ digest, bytes: archive }) } }
}

async function* one<Value>(value: Value): AsyncIterable<readonly Value[]> {
  yield [value]
}
