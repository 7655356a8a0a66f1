/** What a path in a tree leads to, symbolic links resolved; `path` is where it ends. */
export type Found =
  | { readonly kind: 'file'; readonly path: string; readonly sha256: string; readonly size: number }
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'missing' }
  /** A link that leads out of the tree, or in circles. */
  | { readonly kind: 'refused'; readonly message: string }

/** A tree of files that cannot name anything outside itself. Paths are relative to its root, `` is the root. */
export interface TreeReader {
  look(path: string): Found
  /** Names in a directory by code point, directories with a trailing slash; links are not resolved. */
  list(path: string): readonly string[]
  read(file: { readonly path: string; readonly sha256: string }): Promise<Uint8Array>
}

/** One file or symbolic link; directories follow from the paths. */
export interface TreeEntry {
  readonly path: string
  readonly sha256: string
  readonly size: number
  /** Where the link leads, for links only. */
  readonly link?: string
}

type Node = TreeEntry | Map<string, Node>

const MAX_LINKS = 40

/** A tree over entries; only their content is read later, through `read`. Later entries win where two claim one path. */
export function createTree(entries: Iterable<TreeEntry>, read: TreeReader['read']): TreeReader {
  const root = new Map<string, Node>()
  for (const entry of entries) insert(root, entry)
  return {
    look: (path) => look(root, path),
    list(path) {
      const found = look(root, path)
      const node = found.kind === 'directory' ? nodeAt(root, found.path) : undefined
      return node instanceof Map ? names(node) : []
    },
    read,
  }
}

function insert(root: Map<string, Node>, entry: TreeEntry): void {
  const parts = entry.path.split('/')
  const name = parts.pop() ?? ''
  let directory = root
  for (const part of parts) {
    let next = directory.get(part)
    if (!(next instanceof Map)) {
      next = new Map()
      directory.set(part, next)
    }
    directory = next
  }
  directory.set(name, entry)
}

function names(directory: ReadonlyMap<string, Node>): readonly string[] {
  const all = [...directory].map(([name, node]) => (node instanceof Map ? `${name}/` : name))
  return all.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
}

function nodeAt(root: Node, path: string): Node | undefined {
  let node: Node | undefined = root
  for (const part of path === '' ? [] : path.split('/')) node = node instanceof Map ? node.get(part) : undefined
  return node
}

function look(root: Map<string, Node>, path: string): Found {
  const rest = path.split('/').reverse()
  const at: string[] = []
  let through: string | undefined
  for (let links = 0; ; ) {
    const part = rest.pop()
    if (part === undefined) break
    if (part === '' || part === '.') continue
    if (part === '..') {
      if (at.length === 0) return outside(through ?? path, through !== undefined)
      at.pop()
      continue
    }
    const parent = nodeAt(root, at.join('/'))
    const node = parent instanceof Map ? parent.get(part) : undefined
    if (node === undefined) return { kind: 'missing' }
    if (node instanceof Map || node.link === undefined) {
      at.push(part)
      continue
    }
    links += 1
    if (links > MAX_LINKS) return { kind: 'refused', message: `symbolic link ${node.path} leads in circles` }
    if (node.link.startsWith('/')) return outside(node.path, true)
    through = node.path
    rest.push(...node.link.split('/').reverse())
  }
  return result(root, at.join('/'))
}

function outside(path: string, link: boolean): Found {
  return { kind: 'refused', message: `${link ? 'symbolic link ' : ''}${path} leads out of the source` }
}

function result(root: Map<string, Node>, path: string): Found {
  const node = nodeAt(root, path)
  if (node === undefined) return { kind: 'missing' }
  return node instanceof Map ? { kind: 'directory', path } : { kind: 'file', path, sha256: node.sha256, size: node.size }
}
