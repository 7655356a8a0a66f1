import { Readable } from 'node:stream'
import { type PackedFile, packFiles } from '../../../../proto/base/pack.ts'
import { type ChartMetadata, readMetadata, withBuild, withVersion } from '../../helm/metadata.ts'
import { mergeValues } from '../../helm/values.ts'
import type { ChartOptions } from '../../model.ts'
import { readArchive } from '../archive/read.ts'
import { FetchFailure } from '../failure.ts'

export interface ChartBudget {
  /** Bytes of an archive. */
  readonly maxChartBytes: number
  readonly maxFileBytes: number
  readonly maxFiles: number
  /** Bytes of all that is packed in it. */
  readonly maxUnpackedBytes: number
}

export const DEFAULT_CHART_BUDGET: ChartBudget = {
  maxChartBytes: 10 << 20,
  maxFileBytes: 5 << 20,
  maxFiles: 10_000,
  maxUnpackedBytes: 100 << 20,
}

/** YAML that is read here rather than passed on: larger files take long to read. */
const MAX_YAML_BYTES = 1 << 20

/** A chart as files by their path below its directory. */
export interface ChartFiles {
  readonly metadata: ChartMetadata
  readonly files: ReadonlyMap<string, Buffer>
}

/** A chart that is packed: its archive, and what its version is. */
export interface PackedChart {
  readonly name: string
  readonly version: string
  readonly archive: Buffer
  /** Values files that were merged into it. */
  readonly valuesFiles: readonly string[]
  readonly packaged: boolean
}

/** Reads the archive of a chart; refuses what Helm would, and what goes beyond the budget. */
export async function readChart(archive: Buffer, budget: ChartBudget, signal: AbortSignal): Promise<ChartFiles> {
  const files = new Map<string, Buffer>()
  const limits = { maxFiles: budget.maxFiles, maxFileBytes: budget.maxFileBytes, maxTreeBytes: budget.maxUnpackedBytes }
  await readArchive(Readable.from([archive]), { budget: limits, links: 'refuse', signal }, async ({ path }, content) => {
    const at = path.indexOf('/')
    if (at < 0) throw new FetchFailure('tree', `the chart illegally contains content outside its base directory: ${path}`)
    files.set(path.slice(at + 1), await content())
  })
  return { metadata: metadataIn(files), files }
}

/** What the Chart.yaml among the files says. */
export function metadataIn(files: ReadonlyMap<string, Buffer>): ChartMetadata {
  const text = files.get('Chart.yaml')
  if (text && text.length > MAX_YAML_BYTES)
    throw new FetchFailure('budget', `Chart.yaml has ${text.length} bytes, ${MAX_YAML_BYTES} are allowed`)
  const metadata = text ? readMetadata(text.toString()) : { problem: 'Chart.yaml file is missing' }
  if ('problem' in metadata) throw new FetchFailure('tree', metadata.problem)
  return metadata
}

/**
 * The chart with merged values and build metadata in its version.
 * @param read  where values files are looked for, by path
 */
export async function packChart(
  { files, metadata }: ChartFiles,
  { build, options, read }: { readonly build: string; readonly options: ChartOptions; readonly read: (path: string) => Buffer | undefined },
): Promise<PackedChart> {
  const version = withBuild(metadata.version, build)
  const next = new Map(files)
  if (version !== metadata.version) next.set('Chart.yaml', Buffer.from(withVersion(files.get('Chart.yaml')?.toString() ?? '', version)))
  let valuesFiles: readonly string[] = []
  if (options.valuesFiles) {
    const ignoreMissing = options.ignoreMissingValuesFiles === true
    const merged = mergeValues(options.valuesFiles, (path) => valuesText(path, read(path)), { ignoreMissing })
    if ('problem' in merged) throw new FetchFailure('values', `values files merge error: ${merged.problem}`)
    valuesFiles = merged.used
    if (merged.used.length > 0) next.set('values.yaml', Buffer.from(merged.text))
  }
  const archive = await packFiles(packedOrder(metadata.name, next))
  return { name: metadata.name, version, archive, valuesFiles, packaged: true }
}

function valuesText(path: string, bytes: Buffer | undefined): string | undefined {
  if (bytes && bytes.length > MAX_YAML_BYTES)
    throw new FetchFailure('values', `values files merge error: '${path}' has ${bytes.length} bytes, ${MAX_YAML_BYTES} are allowed`)
  return bytes?.toString()
}

/** Chart.yaml first: who looks for a chart's name need not read all of it. */
function packedOrder(name: string, files: ReadonlyMap<string, Buffer>): readonly PackedFile[] {
  const rank = (path: string) => (path === 'Chart.yaml' ? 0 : 1)
  return [...files].sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1)).map(([path, bytes]) => ({ path: `${name}/${path}`, bytes }))
}
