import { readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { constants, createGzip } from 'node:zlib'
import { pack } from 'tar-stream'

const FOLDER = join(import.meta.dirname, '../fixtures/charts')

/** Files of a chart by their path in it; a string replaces the fixture's file, or adds one. */
export type ChartFiles = Readonly<Record<string, string>>

/** The archive of a fixture's chart: the same bytes for the same files, as helm would unpack it. */
export async function packChart(name: string, changes: ChartFiles = {}): Promise<Buffer> {
  const dir = join(FOLDER, name)
  const files = new Map<string, Buffer>()
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true }).filter((file) => file.isFile())) {
    const path = join(entry.parentPath, entry.name)
    files.set(path.slice(dir.length + 1), readFileSync(path))
  }
  for (const [path, text] of Object.entries(changes)) files.set(path, Buffer.from(text))
  const archive = pack()
  for (const [path, bytes] of [...files].sort(([a], [b]) => (a < b ? -1 : 1)))
    archive.entry({ name: `${name}/${path}`, mode: 0o644, mtime: new Date(0) }, bytes)
  archive.finalize()
  return buffer(archive.pipe(createGzip({ level: constants.Z_BEST_COMPRESSION })))
}

/** Writes the archive of a fixture's chart into a folder and returns its path. */
export async function writeChart(dir: string, name: string, changes: ChartFiles = {}): Promise<string> {
  const path = join(dir, `${name}-${Object.keys(changes).length}-${performance.now()}.tgz`)
  await writeFile(path, await packChart(name, changes))
  return path
}
