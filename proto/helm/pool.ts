import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FleetError } from '../base/errors.ts'
import { anyOf } from '../base/signals.ts'
import { HelmProcess, type HelmProgramOptions, type HelmWaiter } from './process.ts'
import type { HelmOutcome, HelmRequest } from './protocol.ts'

export interface HelmPoolOptions {
  /** Where the program `flotilla-helm` is. */
  readonly program: string
  /** Actions at a time; each has a process of its own. */
  readonly processes?: number
  /** Actions that may wait for their turn; more are refused with `exhausted`. */
  readonly maxWaiting?: number
  readonly memoryBytes?: number
  readonly maxRequestBytes?: number
  readonly maxOutputBytes?: number
  /** How long a stopped program has to record the release as failed before it is killed. */
  readonly graceMs?: number
  /** Where homes are made; the system's folder for temporary files where absent. */
  readonly tempDir?: string
}

export interface HelmLimits {
  readonly signal: AbortSignal
  readonly deadlineMs: number
  /** Waits in the middle of an action whose option is `parent`. */
  readonly wait?: HelmWaiter
}

/**
 * Runs helm programs, one process for one action.
 *
 * 1. At most `processes` run; the others wait in order of arrival, at most `maxWaiting` of them.
 * 2. No action outlives its deadline, its signal or the pool by more than `graceMs`.
 * 3. Nothing of an action stays on disk: its program's home is removed with it.
 */
export class HelmPool {
  readonly #program: HelmProgramOptions
  readonly #limit: number
  readonly #maxWaiting: number
  readonly #graceMs: number
  readonly #tempDir: string
  readonly #running = new Set<Promise<unknown>>()
  readonly #waiting: PromiseWithResolvers<void>[] = []
  readonly #closing = new AbortController()
  #taken = 0

  constructor(options: HelmPoolOptions) {
    this.#program = {
      program: options.program,
      memoryBytes: options.memoryBytes ?? 512 << 20,
      maxRequestBytes: options.maxRequestBytes ?? 16 << 20,
      maxOutputBytes: options.maxOutputBytes ?? 64 << 20,
    }
    this.#limit = options.processes ?? 2
    this.#maxWaiting = options.maxWaiting ?? 1000
    this.#graceMs = options.graceMs ?? 5000
    this.#tempDir = options.tempDir ?? tmpdir()
  }

  /**
   * Carries out one action. Rejects only with the signal's reason, when the pool is closed or full, or when the program
   * cannot be run; a release that failed, or whose program was lost, is an outcome.
   */
  async run(request: HelmRequest, limits: HelmLimits): Promise<HelmOutcome> {
    const signal = anyOf(limits.signal, this.#closing.signal)
    await this.#turn(signal)
    const run = this.#inHome(request, { ...limits, signal })
    this.#running.add(run)
    try {
      return await run
    } finally {
      this.#running.delete(run)
      this.#taken -= 1
      this.#waiting.shift()?.resolve()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new FleetError('aborted', 'helm is not run any more'))
    await Promise.allSettled(this.#running)
  }

  async #inHome(request: HelmRequest, limits: HelmLimits): Promise<HelmOutcome> {
    const home = await mkdtemp(join(this.#tempDir, 'flotilla-helm-'))
    try {
      return await this.#carryOut(request, home, limits)
    } finally {
      await rm(home, { recursive: true, force: true })
    }
  }

  async #carryOut(request: HelmRequest, home: string, { signal, deadlineMs, wait = cannotWait }: HelmLimits): Promise<HelmOutcome> {
    await using child = new HelmProcess(this.#program, { home, wait })
    const graceMs = this.#graceMs
    const message = `helm took longer than ${deadlineMs} ms`
    const stop = () => void child.stop('deadline', { message: 'helm was stopped', graceMs })
    const late = setTimeout(() => void child.stop('deadline', { message, graceMs }), deadlineMs)
    signal.addEventListener('abort', stop, { once: true })
    try {
      signal.throwIfAborted()
      child.ask(request)
      const outcome = await child.outcome()
      signal.throwIfAborted()
      return outcome
    } finally {
      clearTimeout(late)
      signal.removeEventListener('abort', stop)
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    while (this.#taken >= this.#limit) {
      if (this.#waiting.length >= this.#maxWaiting)
        throw new FleetError('exhausted', `run helm: ${this.#maxWaiting} actions are waiting already`)
      await this.#wait(signal)
    }
    this.#taken += 1
  }

  async #wait(signal: AbortSignal): Promise<void> {
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
}

async function cannotWait(): Promise<string> {
  return 'nobody waits for what was applied'
}
