import { FleetError, messageOf } from '../base/errors.ts'
import type { BuildOptions } from '../model/flux/build-options.ts'
import { type BuildBudget, type BuildResult, runBuild } from './build.ts'
import { type ProgramOptions, Resident } from './resident.ts'
import type { TreeReader } from './tree.ts'

export interface KustomizePoolOptions {
  /** Where the program `flotilla-kustomize` is. */
  readonly program: string
  /** Builds at a time; each has a process of its own. */
  readonly processes?: number
  readonly memoryBytes?: number
  readonly maxOutputBytes?: number
  readonly budget?: BuildBudget
}

const DEFAULT_BUDGET: BuildBudget = { maxReads: 50_000, maxFileBytes: 8 << 20, maxReadBytes: 128 << 20 }

/**
 * Resident kustomize programs, started when first needed.
 *
 * 1. A program serves one build at a time; who finds none idle waits in order of arrival.
 * 2. A program that failed, or whose build was stopped, is never used again; the next build starts another.
 * 3. A failure belongs to the build that met it; the others do not notice.
 */
export class KustomizePool {
  readonly #program: ProgramOptions
  readonly #budget: BuildBudget
  readonly #limit: number
  readonly #idle: Resident[] = []
  readonly #busy = new Set<Resident>()
  readonly #waiting: PromiseWithResolvers<void>[] = []
  #closed = false

  constructor(options: KustomizePoolOptions) {
    this.#limit = options.processes ?? 2
    this.#budget = options.budget ?? DEFAULT_BUDGET
    this.#program = {
      program: options.program,
      memoryBytes: options.memoryBytes ?? 512 << 20,
      maxOutputBytes: options.maxOutputBytes ?? 64 << 20,
    }
  }

  /** Builds a kustomization of the tree. Rejects only with the signal's reason, when the tree cannot be read, or when the pool is closed. */
  async build(
    tree: TreeReader,
    options: BuildOptions,
    { signal, deadlineMs }: { readonly signal: AbortSignal; readonly deadlineMs: number },
  ): Promise<BuildResult> {
    const resident = await this.#take(signal)
    const late = AbortSignal.timeout(deadlineMs)
    const stop = () => resident.kill(new FleetError('aborted', 'the build was stopped'))
    const expire = () => resident.kill(new FleetError('deadline-exceeded', `the build took longer than ${deadlineMs} ms`))
    signal.addEventListener('abort', stop, { once: true })
    late.addEventListener('abort', expire, { once: true })
    const lost = Promise.withResolvers<never>()
    resident.onFailure = lost.reject
    try {
      signal.throwIfAborted()
      // A tree that never answers must not keep a build whose program is gone.
      return await Promise.race([runBuild(resident, tree, options, this.#budget), lost.promise])
    } catch (error) {
      signal.throwIfAborted()
      if (!resident.failed) {
        resident.kill(FleetError.from(error, 'build'))
        throw error
      }
      return { kind: 'failed', message: messageOf(error) }
    } finally {
      resident.onFailure = undefined
      signal.removeEventListener('abort', stop)
      late.removeEventListener('abort', expire)
      this.#giveBack(resident)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    for (const waiter of this.#waiting.splice(0)) waiter.reject(new FleetError('aborted', 'kustomize pool is closed'))
    await Promise.all([...this.#busy, ...this.#idle.splice(0)].map((resident) => resident[Symbol.asyncDispose]()))
  }

  async #take(signal: AbortSignal): Promise<Resident> {
    signal.throwIfAborted()
    while (this.#busy.size >= this.#limit) await this.#turn(signal)
    if (this.#closed) throw new FleetError('aborted', 'kustomize pool is closed')
    let resident = this.#idle.pop()
    while (resident?.failed) resident = this.#idle.pop()
    resident ??= new Resident(this.#program)
    this.#busy.add(resident)
    return resident
  }

  async #turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const turn = Promise.withResolvers<void>()
    const stop = () => turn.reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    this.#waiting.push(turn)
    try {
      await turn.promise
    } finally {
      signal.removeEventListener('abort', stop)
      const at = this.#waiting.indexOf(turn)
      if (at >= 0) this.#waiting.splice(at, 1)
    }
  }

  #giveBack(resident: Resident): void {
    this.#busy.delete(resident)
    if (!resident.failed && !this.#closed) this.#idle.push(resident)
    this.#waiting.shift()?.resolve()
  }
}
