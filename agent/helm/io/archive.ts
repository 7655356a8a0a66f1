import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { extract } from 'tar-stream'
import { parseAllDocuments } from 'yaml'
import { messageOf } from '../../../proto/base/errors.ts'
import { LIKE_GO } from '../../../proto/model/go-yaml.ts'
import { isManifest, type Manifest } from '../../../proto/model/manifest.ts'

/** What of a chart archive matters beside Helm. */
export interface ChartFacts {
  readonly name: string
  readonly version: string
  readonly appVersion: string
  /** Objects of the `crds` folders, those of charts in it included. */
  readonly crds: readonly Manifest[]
}

const MAX_UNPACKED_BYTES = 64 << 20
const MAX_ENTRIES = 20_000
const MAX_NESTED = 5

/** Reads a chart archive within bounds, or says what is wrong with it. */
export async function readArchive(bytes: Uint8Array): Promise<ChartFacts | { readonly problem: string }> {
  try {
    const files = await unpack(bytes, 0)
    const found = files.find(({ path }) => /^[^/]+\/Chart\.yaml$/.test(path))
    const chart = found && (documents(found.text)[0] as Readonly<Record<string, unknown>> | undefined)
    if (!chart || typeof chart.name !== 'string' || typeof chart.version !== 'string')
      return { problem: 'the archive is no chart: Chart.yaml with name and version is missing' }
    const crds = files.filter(({ path }) => CRDS.test(path)).flatMap(({ text }) => documents(text).filter(isManifest))
    return {
      name: chart.name,
      version: chart.version,
      appVersion: typeof chart.appVersion === 'string' || typeof chart.appVersion === 'number' ? String(chart.appVersion) : '',
      crds: crds.filter(({ kind }) => kind === 'CustomResourceDefinition'),
    }
  } catch (error) {
    return { problem: `the chart archive cannot be read: ${error instanceof RangeError ? 'it unpacks to too much' : messageOf(error)}` }
  }
}

/** The archive as a file that is gone when it is disposed. */
export async function archiveOnDisk(bytes: Uint8Array, tempDir: string): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await mkdtemp(join(tempDir, 'chart-'))
  const path = join(folder, 'chart.tgz')
  const dispose = () => rm(folder, { recursive: true, force: true })
  try {
    await writeFile(path, bytes, { mode: 0o600 })
  } catch (error) {
    await dispose()
    throw error
  }
  return { path, [Symbol.asyncDispose]: dispose }
}

const CRDS = /^[^/]+\/(charts\/[^/]+\/)*crds\/.*\.(ya?ml|json)$/
const NESTED = /^[^/]+\/(charts\/[^/]+\/)*charts\/[^/]+\.tgz$/

interface File {
  readonly path: string
  readonly text: string
}

async function unpack(bytes: Uint8Array, depth: number): Promise<readonly File[]> {
  const tar = await promisify(gunzip)(bytes, { maxOutputLength: MAX_UNPACKED_BYTES })
  const files: File[] = []
  const reading = extract()
  Readable.from([tar]).pipe(reading)
  let entries = 0
  for await (const entry of reading) {
    if (++entries > MAX_ENTRIES) throw new RangeError('too many entries')
    const path = entry.header.name.replace(/^(\.\/)+/, '')
    const isWanted = /^[^/]+\/Chart\.yaml$/.test(path) || CRDS.test(path) || NESTED.test(path)
    const chunks: Uint8Array[] = []
    for await (const chunk of entry) if (isWanted) chunks.push(chunk as Uint8Array)
    if (!isWanted || entry.header.type !== 'file') continue
    const content = Buffer.concat(chunks)
    if (!NESTED.test(path)) files.push({ path, text: content.toString('utf8') })
    else if (depth < MAX_NESTED)
      files.push(...(await unpack(content, depth + 1)).map((file) => ({ ...file, path: `nested/charts/${file.path}` })))
  }
  return files
}

function documents(text: string): readonly unknown[] {
  return parseAllDocuments(text, { ...LIKE_GO, merge: true, logLevel: 'silent' })
    .filter(({ errors }) => errors.length === 0)
    .map((document) => document.toJS({ maxAliasCount: 100 }) as unknown)
}
