import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { FleetError } from '../../../../proto/base/errors.ts'
import type { ToChild, ToParent } from './jobs.ts'

const PROGRAM = fileURLToPath(new URL('./child.ts', import.meta.url))
/** Exit codes and signals of a Node process whose heap is full. */
const OUT_OF_MEMORY = new Set<unknown>(['SIGABRT', 134, 5, 'SIGTRAP'])

/** One git process: takes messages, gives messages, and is gone for good after its first failure. */
export class GitProcess {
  readonly #child: ChildProcess
  readonly #messages: ToParent[] = []
  readonly #ended: Promise<void>
  readonly #memoryMb: number
  #waiter: PromiseWithResolvers<ToParent> | undefined
  #failure: FleetError | undefined
  /** Folders of the repositories that it has in memory, as far as is known. */
  readonly folders = new Set<string>()

  constructor({ memoryMb }: { readonly memoryMb: number }) {
    this.#memoryMb = memoryMb
    this.#child = fork(PROGRAM, [], {
      execArgv: [`--max-old-space-size=${memoryMb}`, '--no-warnings'],
      env: {},
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    this.#child.on('message', (message: ToParent) => {
      if (message.kind === 'ready') return
      const waiter = this.#waiter
      this.#waiter = undefined
      if (waiter) waiter.resolve(message)
      else this.#messages.push(message)
    })
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#ended = promise
    this.#child.once('error', (error) =>
      this.#fail(new FleetError('unavailable', 'start a git process: it cannot be run', { cause: error })),
    )
    this.#child.once('close', (code, signal) => {
      this.#fail(this.#exited(signal ?? code))
      resolve()
    })
  }

  get failed(): boolean {
    return this.#failure !== undefined
  }

  send(message: ToChild): void {
    // Losing the process shows in its exit.
    this.#child.send(message, () => undefined)
  }

  async next(): Promise<ToParent> {
    const ready = this.#messages.shift()
    if (ready) return ready
    if (this.#failure) throw this.#failure
    this.#waiter = Promise.withResolvers<ToParent>()
    return this.#waiter.promise
  }

  /** Ends the process at once; `reason` is what the one who waits for it gets. */
  kill(reason: FleetError): void {
    this.#fail(reason)
    this.#child.kill('SIGKILL')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill(new FleetError('aborted', 'git was stopped'))
    await this.#ended
  }

  #fail(error: FleetError): void {
    this.#failure ??= error
    const waiter = this.#waiter
    this.#waiter = undefined
    waiter?.reject(this.#failure)
  }

  #exited(how: unknown): FleetError {
    if (OUT_OF_MEMORY.has(how)) return new FleetError('too-large', `the repository needs more than ${this.#memoryMb} MB of memory`)
    return new FleetError('internal', `the git process ended by itself (${String(how)})`)
  }
}
