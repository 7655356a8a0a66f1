import fs from 'node:fs'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import git from 'isomorphic-git'
import type { Commit } from '../../model.ts'
import { hashOf, type Picked, pickRef, type RemoteRef } from '../../pick-ref.ts'
import type { TreeFile } from '../../tree-file.ts'
import { FetchFailure } from '../failure.ts'
import { headed } from './headed.ts'
import { openHttp, type Transport } from './http.ts'
import type { FetchJob } from './jobs.ts'
import { openSsh } from './ssh.ts'
import { GitTrees, type ObjectReader } from './tree.ts'

export type Looked =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'fetched'; readonly revision: string; readonly commit: Commit; readonly files: readonly TreeFile[] }

type Wanted = Exclude<Picked, { kind: 'problem' }>

/** The library never repacks; beyond this many packs a fresh clone is cheaper than looking through them all. */
const MAX_PACKS = 40
const LAST = 'refs/flotilla/last'

/**
 * The cache of one repository: bare, and good to be deleted at any time.
 *
 * 1. A first fetch is shallow. Later ones name the last commit instead of a depth: with a depth everything would come again.
 * 2. Commits that no ref points at need history, so they have a clone of their own.
 * 3. A fetch that did not finish, too many packs, or objects that cannot be read: the clone is thrown away and made again.
 */
export class GitRepository {
  readonly #folder: string
  readonly #trees: GitTrees
  #cache: object = {}
  #gitdir = ''

  constructor(folder: string) {
    this.#folder = folder
    this.#trees = new GitTrees(folder)
  }

  /** Resolves the ref and, where it moved, fetches it and lists its files. */
  async look(job: FetchJob, signal: AbortSignal): Promise<Looked> {
    const { protocol } = new URL(job.url)
    if (protocol !== 'http:' && protocol !== 'https:' && protocol !== 'ssh:')
      throw new FetchFailure('url', `${job.url}: only http, https and ssh are fetched`)
    await using transport = protocol === 'ssh:' ? openSsh(job, signal) : openHttp(job, signal)
    const picked = pickRef(job.options.ref, await remoteRefs(transport))
    if (picked.kind === 'problem') throw new FetchFailure(picked.problem.stalled ? 'range' : 'ref', picked.problem.message)
    if (picked.revision === job.known) return { kind: 'unchanged' }
    await mkdir(this.#folder, { recursive: true })
    try {
      return await this.#fetched(picked, transport, job)
    } catch (error) {
      if (error instanceof FetchFailure) throw error
      await this.#startOver()
      return await this.#fetched(picked, transport, job)
    }
  }

  content(digest: string): Promise<Uint8Array> {
    return this.#trees.content(this.#reader(), digest)
  }

  /** The job is over: only what later jobs need stays in memory. */
  letGo(): void {
    this.#trees.letGo()
  }

  async #fetched(picked: Wanted, transport: Transport, job: FetchJob): Promise<Looked> {
    this.#gitdir = join(this.#folder, picked.kind === 'ref' ? 'shallow.git' : 'full.git')
    await this.#prepare()
    if (!(await this.#has(picked.oid))) await this.#fetch(picked, transport)
    const commit = await this.#commit(picked.oid)
    const files = await this.#trees.list(this.#reader(), commit.tree, { ignore: job.options.ignore, budget: job.budget })
    const shown = picked.revision.includes('@') ? `${picked.revision.slice(0, picked.revision.lastIndexOf('@'))}@` : ''
    return { kind: 'fetched', revision: shown + hashOf(commit.oid), commit, files }
  }

  async #prepare(): Promise<void> {
    const busy = fs.existsSync(join(this.#gitdir, 'busy'))
    const packs = await readdir(join(this.#gitdir, 'objects/pack')).catch(() => undefined)
    if (!busy && packs && packs.length <= 2 * MAX_PACKS) return
    await this.#startOver()
    await git.init({ fs, gitdir: this.#gitdir, bare: true, defaultBranch: 'main' })
    await git.addRemote({ fs, gitdir: this.#gitdir, remote: 'origin', url: 'http://origin.invalid' })
  }

  async #startOver(): Promise<void> {
    await rm(this.#gitdir, { recursive: true, force: true })
    this.#cache = {}
  }

  async #fetch(picked: Wanted, transport: Transport): Promise<void> {
    const http = headed(transport, picked.kind === 'ref' ? picked.ref : (picked.within ?? LAST))
    const common = { fs, cache: this.#cache, gitdir: this.#gitdir, http, url: transport.url, remote: 'origin' }
    const busy = join(this.#gitdir, 'busy')
    await writeFile(busy, '')
    if (picked.kind === 'commit') {
      if (picked.within) await git.fetch({ ...common, remoteRef: picked.within, ref: LAST, singleBranch: true })
      else await git.fetch({ ...common, tags: true, singleBranch: false })
      if (!(await this.#has(picked.oid)))
        throw new FetchFailure('ref', `commit ${picked.oid} is not in ${picked.within ?? 'any branch or tag of the repository'}`)
    } else {
      const first = await git.resolveRef({ fs, gitdir: this.#gitdir, ref: LAST }).then(
        () => false,
        () => true,
      )
      await git.fetch({ ...common, remoteRef: picked.ref, ref: LAST, singleBranch: true, ...(first ? { depth: 1 } : {}) })
    }
    const { oid } = await this.#commit(picked.oid)
    await git.writeRef({ fs, gitdir: this.#gitdir, ref: LAST, value: oid, force: true })
    await rm(busy, { force: true })
  }

  async #has(oid: string): Promise<boolean> {
    return git.readObject({ fs, cache: this.#cache, gitdir: this.#gitdir, oid, format: 'deflated' }).then(
      () => true,
      () => false,
    )
  }

  async #commit(oid: string): Promise<Commit & { readonly tree: string }> {
    const { oid: peeled, commit } = await git.readCommit({ fs, cache: this.#cache, gitdir: this.#gitdir, oid })
    const subject = commit.message.split('\n', 1)[0] ?? ''
    return { oid: peeled, author: commit.author.name, subject: subject.slice(0, 500), at: commit.committer.timestamp, tree: commit.tree }
  }

  #reader(): ObjectReader {
    const at = { fs, cache: this.#cache, gitdir: this.#gitdir }
    return {
      tree: async (oid) => (await git.readTree({ ...at, oid })).tree,
      blob: async (oid) => (await git.readBlob({ ...at, oid })).blob,
    }
  }
}

async function remoteRefs(transport: Transport): Promise<readonly RemoteRef[]> {
  try {
    const refs = await git.listServerRefs({ http: transport, url: transport.url, protocolVersion: 1, peelTags: true })
    return refs.map(({ ref, oid, peeled }) => ({ name: ref, oid, peeled }))
  } catch (error) {
    if (error instanceof FetchFailure) throw error
    // What an empty repository advertises.
    if (error instanceof Error && 'code' in error && error.code === 'EmptyServerResponseError') return []
    throw new FetchFailure('protocol', `${transport.url}: the server does not speak git's smart protocol`, { cause: error })
  }
}
