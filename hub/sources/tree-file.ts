/** One file or symbolic link of a filtered tree. */
export interface TreeFile {
  readonly mode: TreeMode
  readonly size: number
  /** Of the content, or of the text of the link. */
  readonly sha256: string
  readonly path: string
}

export const TREE_MODES = ['100644', '100755', '120000'] as const
export type TreeMode = (typeof TREE_MODES)[number]

/** The tree as text, one line `mode size sha256 path` per file, by path. Its sha256 names the artifact. Persisted: do not change. */
export function treeLines(files: readonly TreeFile[]): string {
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
  return sorted.map(({ mode, size, sha256, path }) => `${mode} ${size} ${sha256} ${path}\n`).join('')
}

/** The digests of the content that such a text names. */
export function digestsIn(lines: string): readonly string[] {
  return lines
    .split('\n')
    .map((line) => line.split(' ', 3)[2] ?? '')
    .filter((digest) => digest !== '')
}

/** The files that such a text names. */
export function parseTree(lines: string): readonly TreeFile[] {
  return lines.split('\n').flatMap((line) => {
    const [mode, size = '', sha256 = '', ...path] = line.split(' ')
    return isMode(mode) ? [{ mode, size: Number(size), sha256, path: path.join(' ') }] : []
  })
}

function isMode(text: string | undefined): text is TreeMode {
  return TREE_MODES.some((mode) => mode === text)
}
