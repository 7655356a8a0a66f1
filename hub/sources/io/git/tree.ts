import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256 } from '../../../../proto/base/hash.ts'
import { IGNORE_FILE, ignoreRules } from '../../ignore-rules.ts'
import { TREE_MODES, type TreeFile, type TreeMode } from '../../tree-file.ts'
import { FetchFailure } from '../failure.ts'
import type { Budget } from './jobs.ts'

/** Reads objects of a repository by id. */
export interface ObjectReader {
  tree(oid: string): Promise<readonly { readonly mode: string; readonly path: string; readonly oid: string; readonly type: string }[]>
  blob(oid: string): Promise<Uint8Array>
}

interface Found {
  readonly path: string
  readonly mode: TreeMode
  readonly oid: string
}

interface Content {
  readonly sha256: string
  readonly size: number
}

/** Entries that are looked at before any is left out: a small multiple of the files that may remain, since trees can repeat themselves without end. */
const VISIT_FACTOR = 4
const MAX_PATH_BYTES = 4096
const MAX_LINK_BYTES = 4096
const HELD_BYTES = 64 << 20
const KEPT_TREES = 50_000

/**
 * The trees of one repository as filtered lists of files. What was hashed once is not read again: git's id of a blob
 * stands for its sha256, kept in the cache folder.
 */
export class GitTrees {
  readonly #file: string
  readonly #contents = new Map<string, Content>()
  readonly #oids = new Map<string, string>()
  readonly #trees = new Map<string, Awaited<ReturnType<ObjectReader['tree']>>>()
  readonly #held = new Map<string, Uint8Array>()
  #heldBytes = 0
  #loaded = false

  constructor(folder: string) {
    this.#file = join(folder, 'contents')
  }

  /** The files of a tree that its ignore rules leave. */
  async list(
    reader: ObjectReader,
    root: string,
    options: { readonly ignore: string | undefined; readonly budget: Budget },
  ): Promise<readonly TreeFile[]> {
    await this.#load()
    const { budget } = options
    const found = await this.#walk(reader, root, budget)
    const ignoreFiles = found.filter(({ path, mode }) => (path === IGNORE_FILE || path.endsWith(`/${IGNORE_FILE}`)) && mode !== '120000')
    const files = await Promise.all(
      ignoreFiles.map(async ({ path, oid }) => ({
        directory: path.slice(0, -IGNORE_FILE.length - 1),
        text: Buffer.from(await reader.blob(oid)).toString(),
      })),
    )
    const ignored = ignoreRules({ ignore: options.ignore, files })
    const kept = found.filter(({ path }) => !ignored(path))
    if (kept.length > budget.maxFiles)
      throw new FetchFailure(
        'budget',
        `the tree has ${kept.length} files, ${budget.maxFiles} are allowed; leave some out with spec.ignore or .sourceignore`,
      )
    return this.#measure(reader, kept, budget)
  }

  /** Content by digest, of trees listed before. */
  async content(reader: ObjectReader, digest: string): Promise<Uint8Array> {
    const held = this.#held.get(digest)
    if (held) return held
    const oid = this.#oids.get(digest)
    if (oid === undefined) throw new FetchFailure('protocol', `content ${digest} was never listed`)
    return reader.blob(oid)
  }

  /** Lets go of content that was kept for the end of a job. */
  letGo(): void {
    this.#held.clear()
    this.#heldBytes = 0
  }

  async #walk(reader: ObjectReader, root: string, budget: Budget): Promise<readonly Found[]> {
    const found: Found[] = []
    const pending = [{ oid: root, prefix: '' }]
    let visited = 0
    for (let next = pending.pop(); next; next = pending.pop()) {
      for (const entry of await this.#entries(reader, next.oid)) {
        visited += 1
        if (visited > budget.maxFiles * VISIT_FACTOR)
          throw new FetchFailure(
            'budget',
            `the tree has more than ${budget.maxFiles * VISIT_FACTOR} entries, ${budget.maxFiles} files are allowed`,
          )
        const path = next.prefix + entry.path
        checkPath(path, entry.path)
        if (entry.type === 'tree') pending.push({ oid: entry.oid, prefix: `${path}/` })
        else if (entry.type === 'blob') found.push({ path, mode: modeOf(entry.mode), oid: entry.oid })
      }
    }
    return found
  }

  async #entries(reader: ObjectReader, oid: string) {
    const known = this.#trees.get(oid)
    if (known) return known
    const entries = await reader.tree(oid)
    if (this.#trees.size >= KEPT_TREES) this.#trees.clear()
    this.#trees.set(oid, entries)
    return entries
  }

  async #measure(reader: ObjectReader, kept: readonly Found[], budget: Budget): Promise<readonly TreeFile[]> {
    const files: TreeFile[] = []
    const learned: string[] = []
    let bytes = 0
    for (const { path, mode, oid } of kept) {
      let content = this.#contents.get(oid)
      if (!content) {
        content = this.#learn(oid, await reader.blob(oid))
        learned.push(`${oid} ${content.sha256} ${content.size}\n`)
      }
      const limit = mode === '120000' ? MAX_LINK_BYTES : budget.maxFileBytes
      if (content.size > limit)
        throw new FetchFailure(
          'budget',
          `${path} has ${content.size} bytes, ${limit} are allowed; leave it out with spec.ignore or .sourceignore`,
        )
      bytes += content.size
      if (bytes > budget.maxTreeBytes) throw new FetchFailure('budget', `the tree has more than ${budget.maxTreeBytes} bytes`)
      files.push({ path, mode, ...content })
    }
    if (learned.length > 0) await appendFile(this.#file, learned.join(''))
    return files
  }

  #learn(oid: string, bytes: Uint8Array): Content {
    const content = { sha256: sha256(bytes), size: bytes.length }
    this.#contents.set(oid, content)
    this.#oids.set(content.sha256, oid)
    if (this.#heldBytes + bytes.length <= HELD_BYTES) {
      this.#held.set(content.sha256, bytes)
      this.#heldBytes += bytes.length
    }
    return content
  }

  async #load(): Promise<void> {
    if (this.#loaded) return
    this.#loaded = true
    const text = await readFile(this.#file, 'utf8').catch(() => '')
    const lines = text.split('\n')
    for (const line of lines) {
      const [oid = '', digest = '', size] = line.split(' ')
      // A line that a killed process left half-written is no line.
      if (!/^sha256:[0-9a-f]{64}$/.test(digest) || !/^\d+$/.test(size ?? '')) continue
      this.#contents.set(oid, { sha256: digest, size: Number(size) })
      this.#oids.set(digest, oid)
    }
    if (text !== '' && !text.endsWith('\n')) await writeFile(this.#file, `${lines.slice(0, -1).join('\n')}\n`)
  }
}

function modeOf(mode: string): TreeMode {
  const padded = mode.padStart(6, '0')
  if (TREE_MODES.includes(padded as TreeMode)) return padded as TreeMode
  return '100644'
}

function checkPath(path: string, name: string): void {
  const bad = name === '' || name === '.' || name === '..' || /[/\0\n]/.test(name) || Buffer.byteLength(path) > MAX_PATH_BYTES
  if (bad)
    throw new FetchFailure('tree', `the tree has an entry with the name ${JSON.stringify(name.slice(0, 100))}, which no file may have`)
}
