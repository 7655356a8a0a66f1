import { type PackedFile, packFiles } from '../../../proto/base/pack.ts'
import { type Read, sight } from '../../../proto/kustomize/reads.ts'
import type { TreeReader } from '../../../proto/kustomize/tree.ts'
import type { PackChart } from '../ports.ts'

/** Larger trees are no charts: Helm itself reads none. */
const MAX_CHART_BYTES = 100 << 20
const MAX_CHART_FILES = 10_000
/** What an archive begins with. */
const GZIP = [0x1f, 0x8b]

/** A tree as the archive of a chart: its one file where that is an archive, otherwise all of it, packed the same way each time. */
export const packChart: PackChart = async (tree, signal) => {
  const { files, reads } = filesOf(tree)
  const bytes = files.reduce((sum, { size }) => sum + size, 0)
  if (files.length > MAX_CHART_FILES || bytes > MAX_CHART_BYTES)
    return { reads, problem: `the artifact is no chart: it has ${files.length} files of ${bytes} bytes` }
  const [only] = files
  if (only && files.length === 1) {
    const content = await tree.read(only)
    if (GZIP.every((byte, at) => content[at] === byte)) return { reads, archive: content }
  }
  if (!files.some(({ path }) => /^[^/]+\/Chart\.yaml$/.test(path)))
    return { reads, problem: 'the artifact is no chart: it has no directory with a Chart.yaml' }
  const packed: PackedFile[] = []
  for (const file of files) {
    signal.throwIfAborted()
    packed.push({ path: file.path, bytes: await tree.read(file) })
  }
  return { reads, archive: await packFiles(packed) }
}

interface TreeFile {
  readonly path: string
  readonly sha256: string
  readonly size: number
}

/** Every file below the root, in an order of their own; links are left out. */
function filesOf(tree: TreeReader): { readonly files: readonly TreeFile[]; readonly reads: readonly Read[] } {
  const files: TreeFile[] = []
  const reads: Read[] = []
  const pending = ['']
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    reads.push({ op: 'list', path: directory, saw: sight(tree, 'list', directory) })
    for (const name of tree.list(directory)) {
      const path = directory === '' ? name : `${directory}/${name}`
      if (name.endsWith('/')) pending.push(path.slice(0, -1))
      else {
        const found = tree.look(path)
        reads.push({ op: 'look', path, saw: sight(tree, 'look', path) })
        if (found.kind === 'file' && found.path === path) files.push(found)
      }
    }
  }
  return { files: files.sort((a, b) => (a.path < b.path ? -1 : 1)), reads }
}
