import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { FleetError, messageOf } from '../../../../proto/base/errors.ts'
import { sha256 } from '../../../../proto/base/hash.ts'
import { credentialProblem } from '../../credential.ts'
import { normaliseUrl } from '../../model.ts'
import type { Blob, Fetcher, FetchOutcome, FetchRequest, RequestOf } from '../../ports.ts'
import { fetchProblem } from '../../problems.ts'
import { openCredential, secretsOf } from '../open-credential.ts'
import type { Budget, FetchJob, ToParent } from './jobs.ts'
import { GitProcess } from './process.ts'

export interface GitFetcherOptions {
  /** Folder of the bare caches; may be deleted at any time. */
  readonly folder: string
  /** Fetches at a time, each in a process of its own. */
  readonly processes?: number
  /** Heap of one process. */
  readonly memoryMb?: number
  readonly budget?: Budget
}

const DEFAULT_BUDGET: Budget = {
  maxTransferBytes: 1 << 30,
  maxFiles: 50_000,
  maxFileBytes: 32 << 20,
  maxTreeBytes: 512 << 20,
}
/** How much longer than its own limit a process is given before it is ended. */
const GRACE_MS = 2000

/**
 * Fetches git repositories in processes with a memory limit and a deadline.
 *
 * 1. A process does one job at a time; a repository is worked on by one process at a time.
 * 2. A job goes to the process that has its repository in memory, where that one is idle.
 * 3. A process that failed or ran out of time is never used again; its job gets a problem, others go on.
 */
export class GitFetcher implements Fetcher<'GitRepository'> {
  readonly #options: GitFetcherOptions
  readonly #idle: GitProcess[] = []
  readonly #busy = new Set<GitProcess>()
  readonly #folders = new Set<string>()
  readonly #waiting = new Set<() => void>()
  #jobs = 0
  #closed = false

  constructor(options: GitFetcherOptions) {
    this.#options = options
  }

  async fetch<T>(
    request: RequestOf<'GitRepository'>,
    use: (outcome: FetchOutcome) => Promise<T>,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<T> {
    const lacking = URL.canParse(request.url)
      ? credentialProblem(request.url, request.credential)
      : fetchProblem('GitRepository', 'url', { message: `${JSON.stringify(request.url)} is not an address` })
    if (lacking) return use({ kind: 'problem', problem: lacking })
    const folder = this.#folderOf(request)
    const child = await this.#take(folder, signal)
    const stop = () => child.kill(new FleetError('aborted', 'the fetch was stopped'))
    signal.addEventListener('abort', stop, { once: true })
    const late = AbortSignal.timeout(request.timeoutMs + GRACE_MS)
    const expire = () => child.kill(new FleetError('deadline-exceeded', `no answer within ${request.timeoutMs} ms`))
    late.addEventListener('abort', expire, { once: true })
    const id = ++this.#jobs
    try {
      signal.throwIfAborted()
      const outcome = await this.#outcome(child, this.#job(request, folder, id))
      // Storing what was fetched is not the server's time.
      late.removeEventListener('abort', expire)
      return await use(outcome)
    } finally {
      signal.removeEventListener('abort', stop)
      late.removeEventListener('abort', expire)
      child.send({ kind: 'end', id })
      this.#giveBack(child, folder)
    }
  }

  /**
   * Removes the caches of repositories that no source is fetched from any more.
   * @param inUse  asked after the caches were listed, so that a cache made meanwhile is not missed
   */
  async sweep(inUse: () => Promise<readonly Pick<FetchRequest, 'url' | 'credentialId'>[]>): Promise<void> {
    const names = await readdir(this.#options.folder).catch(() => [])
    const used = new Set((await inUse()).map((source) => this.#folderOf(source)))
    for (const folder of names.map((name) => join(this.#options.folder, name))) {
      if (used.has(folder) || this.#folders.has(folder) || this.#closed) continue
      this.#folders.add(folder)
      try {
        await rm(folder, { recursive: true, force: true })
      } finally {
        this.#folders.delete(folder)
        this.#wake()
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    this.#wake()
    await Promise.all([...this.#busy, ...this.#idle.splice(0)].map((child) => child[Symbol.asyncDispose]()))
  }

  #job(request: RequestOf<'GitRepository'>, folder: string, id: number): FetchJob {
    const { url, options, policy, known, timeoutMs } = request
    const budget = this.#options.budget ?? DEFAULT_BUDGET
    return { kind: 'fetch', id, folder, url, options, policy, known, timeoutMs, budget, credential: openCredential(request.credential) }
  }

  async #outcome(child: GitProcess, job: FetchJob): Promise<FetchOutcome> {
    const secrets = secretsOf(job.credential)
    try {
      child.send(job)
      const answer = await child.next()
      if (answer.kind === 'unchanged') return { kind: 'unchanged' }
      if (answer.kind === 'failed') {
        const { failure, message, retryAfterMs } = answer
        return { kind: 'problem', problem: fetchProblem('GitRepository', failure, { message, secrets }), retryAfterMs }
      }
      if (answer.kind !== 'fetched') throw new FleetError('internal', `git process sent "${answer.kind}" to a fetch`)
      const { revision, commit, files } = answer
      const blobs = (digests: readonly string[]) => blobsOf(child, job.id, digests)
      return { kind: 'fetched', revision: { revision, commit, files, blobs } }
    } catch (error) {
      if (!child.failed || this.#closed || (error instanceof FleetError && error.code === 'aborted')) throw error
      const failure = error instanceof FleetError && error.code === 'too-large' ? 'memory' : 'timeout'
      return {
        kind: 'problem',
        problem: fetchProblem('GitRepository', failure, { message: `${normaliseUrl(job.url)}: ${messageOf(error)}`, secrets }),
      }
    }
  }

  /** One cache per repository and credential: what one credential may read is not shown to another. */
  #folderOf({ url, credentialId }: Pick<FetchRequest, 'url' | 'credentialId'>): string {
    return join(this.#options.folder, sha256(`${normaliseUrl(url)}\n${credentialId ?? ''}`).slice('sha256:'.length))
  }

  async #take(folder: string, signal: AbortSignal): Promise<GitProcess> {
    while (this.#busy.size >= (this.#options.processes ?? 2) || this.#folders.has(folder)) await this.#turn(signal)
    signal.throwIfAborted()
    if (this.#closed) throw new FleetError('aborted', 'git fetcher is closed')
    const usable = this.#idle.filter((child) => !child.failed)
    const child =
      usable.find(({ folders }) => folders.has(folder)) ?? usable[0] ?? new GitProcess({ memoryMb: this.#options.memoryMb ?? 512 })
    this.#idle.splice(0, this.#idle.length, ...usable.filter((other) => other !== child))
    this.#busy.add(child)
    this.#folders.add(folder)
    child.folders.add(folder)
    return child
  }

  async #turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#closed) throw new FleetError('aborted', 'git fetcher is closed')
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    this.#waiting.add(resolve)
    await promise.finally(() => {
      this.#waiting.delete(resolve)
      signal.removeEventListener('abort', stop)
    })
  }

  #giveBack(child: GitProcess, folder: string): void {
    this.#busy.delete(child)
    this.#folders.delete(folder)
    if (!child.failed && !this.#closed) this.#idle.push(child)
    this.#wake()
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
  }
}

async function* blobsOf(child: GitProcess, id: number, digests: readonly string[]): AsyncIterable<readonly Blob[]> {
  if (digests.length === 0) return
  child.send({ kind: 'blobs', id, digests })
  for (;;) {
    const answer: ToParent = await child.next()
    if (answer.kind !== 'batch')
      throw new FleetError('unavailable', `read content from the git cache: ${answer.kind === 'failed' ? answer.message : answer.kind}`)
    yield answer.blobs
    if (answer.last) return
  }
}
