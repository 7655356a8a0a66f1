import { join } from 'node:path/posix'
import type { ChartMetadata } from '../../helm/metadata.ts'
import { IGNORE_FILE, ignoreRules } from '../../ignore-rules.ts'
import type { Fetcher, FetchOutcome, NewRevision, OpenStored, StoredTree } from '../../ports.ts'
import { FetchFailure } from '../failure.ts'
import { type ChartBudget, metadataIn, type PackedChart, packChart, readChart } from './chart-files.ts'
import { frozenTree } from './frozen.ts'
import type { ChartRequest } from './remote-chart.ts'

export interface TreeChartDeps {
  readonly git: Fetcher<'GitRepository'>
  readonly bucket: Fetcher<'Bucket'>
  readonly stored: OpenStored
  readonly budget: ChartBudget
}

export type TreeChart = { readonly chart: PackedChart; readonly sourceRevision: string } | Exclude<FetchOutcome, { kind: 'fetched' }>

const HELM_IGNORE = '.helmignore'
const HASH_DIGITS = 12

/** The chart at a path of a git repository or bucket, packed; its dependencies have to be there. */
export async function chartInTree(
  request: ChartRequest,
  { bucket, budget, git, stored }: TreeChartDeps,
  signal: AbortSignal,
): Promise<TreeChart> {
  const { options, ...rest } = request
  const made = async (tree: Packing['tree']) => ({ chart: await packed(options, { tree, budget, signal }), sourceRevision: tree.revision })
  if (options.frozen) return made({ revision: options.frozen.revision, ...(await frozenTree(options.frozen, stored)) })
  const use = async (outcome: FetchOutcome): Promise<TreeChart> => (outcome.kind === 'fetched' ? made(outcome.revision) : outcome)
  // The tree is listed even where its revision is known: which chart it has cannot be told by it.
  const asked = { ...rest, known: undefined }
  if (options.git) return git.fetch({ ...asked, kind: 'GitRepository', options: options.git }, use, { signal })
  if (options.bucket) return bucket.fetch({ ...asked, kind: 'Bucket', options: options.bucket }, use, { signal })
  throw new FetchFailure('ref', `invalid chart reference: ${request.url} is neither a git repository nor a bucket`)
}

interface Packing {
  readonly tree: Pick<NewRevision, 'revision'> & StoredTree
  readonly budget: ChartBudget
  readonly signal: AbortSignal
}

async function packed(options: ChartRequest['options'], { budget, signal, tree }: Packing): Promise<PackedChart> {
  const build = [options.byRevision ? hashOf(tree.revision) : '', options.generation ?? ''].filter((part) => part !== '').join('.')
  const values = await contents(
    tree,
    (options.valuesFiles ?? []).map((path) => path.replace(/^(\.?\/)+/, '')),
    budget,
  )
  const read = (path: string) => values.get(path)
  const archived = tree.files.find(({ path }) => path === options.chart)
  if (archived) {
    const archive = (await contents(tree, [archived.path], budget)).get(archived.path) ?? Buffer.alloc(0)
    const chart = await readChart(archive, budget, signal)
    if (build === '' && !options.valuesFiles) return { ...chart.metadata, archive, valuesFiles: [], packaged: false }
    return packChart(chart, { build, options, read })
  }
  const prefix = options.chart === '' || options.chart === '.' ? '' : `${options.chart.replace(/\/+$/, '')}/`
  const files = await directoryOf(prefix, { tree, budget })
  if (!files.has('Chart.yaml')) throw new FetchFailure('ref', `invalid chart reference: no chart found at '${options.chart}'`)
  const metadata = metadataIn(files)
  const whole = await withLocalDependencies(files, { directory: prefix, tree, budget, metadata })
  for (const { name } of metadata.dependencies)
    if (!hasDependency(whole, name))
      throw new FetchFailure(
        'dependency',
        `dependency build error: '${name}' is not in charts/ of the chart, and is not fetched from elsewhere`,
      )
  return packChart({ metadata, files: whole }, { build, options, read })
}

interface Local extends Pick<Packing, 'tree' | 'budget'> {
  /** Of the chart, with a slash at its end. */
  readonly directory: string
  readonly metadata: ChartMetadata
}

/** The files of a chart with those charts of the same tree that it depends on by a path, laid into its charts/. */
async function withLocalDependencies(
  files: ReadonlyMap<string, Buffer>,
  { directory, metadata, ...from }: Local,
): Promise<ReadonlyMap<string, Buffer>> {
  const all = new Map(files)
  for (const { name, repository } of metadata.dependencies) {
    if (!repository.startsWith('file://') || hasDependency(files, name)) continue
    const path = join('/', directory, repository.slice('file://'.length)).slice(1)
    const found = await directoryOf(`${path}/`, from)
    if (!found.has('Chart.yaml'))
      throw new FetchFailure(
        'dependency',
        `dependency build error: no chart found at '${path}' (reference '${repository}') for dependency '${name}'`,
      )
    for (const [file, bytes] of found) all.set(`charts/${name}/${file}`, bytes)
  }
  return all
}

/** The files of a chart in a directory of the tree, by their path below it. */
async function directoryOf(prefix: string, { budget, tree }: Pick<Packing, 'tree' | 'budget'>): Promise<ReadonlyMap<string, Buffer>> {
  const paths = tree.files.filter(({ mode, path }) => path.startsWith(prefix) && mode !== '120000').map(({ path }) => path)
  return chartFiles(await contents(tree, paths, budget), prefix)
}

/** What of a directory belongs to the chart: what its .helmignore leaves, without the rules of sources. */
function chartFiles(contentsByPath: ReadonlyMap<string, Buffer>, prefix: string): ReadonlyMap<string, Buffer> {
  const rules = contentsByPath.get(`${prefix}${HELM_IGNORE}`)?.toString() ?? ''
  const ignored = ignoreRules({ ignore: `${rules}\ntemplates/.?*\n`, files: [] })
  return new Map(
    [...contentsByPath]
      .map(([path, bytes]) => [path.slice(prefix.length), bytes] as const)
      .filter(([path]) => path === 'Chart.yaml' || !(ignored(path) || path.endsWith(IGNORE_FILE))),
  )
}

function hasDependency(files: ReadonlyMap<string, Buffer>, name: string): boolean {
  return [...files.keys()].some(
    (path) => path === `charts/${name}/Chart.yaml` || (path.startsWith(`charts/${name}-`) && path.endsWith('.tgz')),
  )
}

/** Content of the files that are there, by path; within the budget of a chart. */
async function contents({ blobs, files }: StoredTree, paths: readonly string[], budget: ChartBudget): Promise<ReadonlyMap<string, Buffer>> {
  const wanted = new Set(paths)
  const found = files.filter(({ path }) => wanted.has(path))
  const large = found.find(({ path, size }) => size > (path.endsWith('.tgz') ? budget.maxChartBytes : budget.maxFileBytes))
  if (large) throw new FetchFailure('budget', `${large.path} has ${large.size} bytes, ${budget.maxFileBytes} are allowed in a chart`)
  if (found.length > budget.maxFiles || found.reduce((sum, { size }) => sum + size, 0) > budget.maxUnpackedBytes)
    throw new FetchFailure('budget', `the chart has more than ${budget.maxFiles} files or ${budget.maxUnpackedBytes} bytes`)
  const byDigest = new Map<string, Buffer>()
  for await (const batch of blobs([...new Set(found.map(({ sha256 }) => sha256))]))
    for (const { bytes, digest } of batch) byDigest.set(digest, Buffer.from(bytes))
  return new Map(found.map(({ path, sha256 }) => [path, byDigest.get(sha256) ?? Buffer.alloc(0)]))
}

function hashOf(revision: string): string {
  return revision.slice(revision.lastIndexOf(':') + 1).slice(0, HASH_DIGITS)
}
