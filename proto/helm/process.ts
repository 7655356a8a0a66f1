import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { FleetError, messageOf } from '../base/errors.ts'
import type { HelmAnswer, HelmAwaited, HelmOutcome, HelmRequest } from './protocol.ts'

export interface HelmProgramOptions {
  /** Where the program `flotilla-helm` is. */
  readonly program: string
  readonly memoryBytes: number
  readonly maxRequestBytes: number
  readonly maxOutputBytes: number
}

/** Waits for objects that an action goes on after, as long as its program runs. @returns why they are not ready; undefined where they are */
export type HelmWaiter = (objects: readonly HelmAwaited[], signal: AbortSignal) => Promise<string | undefined>

type Lost = Extract<HelmOutcome, { kind: 'lost' }>['cause']

const EXIT_OUT_OF_MEMORY = 77
const KEPT_LOG_LINES = 100
const MAX_STDERR = 4096

/** One running helm program, alone in its process group. It has no environment but a home, which is also where it stands. */
export class HelmProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #options: HelmProgramOptions
  readonly #wait: HelmWaiter
  readonly #ended = Promise.withResolvers<void>()
  readonly #gone = new AbortController()
  readonly #log: string[] = []
  #answer: HelmAnswer | undefined
  #lost: { readonly cause: Lost; readonly message: string } | undefined
  #broken: FleetError | undefined
  #chunks: Buffer[] = []
  #outputBytes = 0
  #stderr = ''

  constructor(options: HelmProgramOptions, { home, wait }: { readonly home: string; readonly wait: HelmWaiter }) {
    this.#options = options
    this.#wait = wait
    const args = ['--memory-bytes', String(options.memoryBytes), '--max-request-bytes', String(options.maxRequestBytes)]
    this.#child = spawn(options.program, args, { env: { HOME: home }, cwd: home, detached: true, stdio: ['pipe', 'pipe', 'pipe'] })
    this.#child.stdout.on('data', (chunk: Buffer) => this.#take(chunk))
    this.#child.stderr.on('data', (chunk: Buffer) => {
      // The runtime says first why it gave up, and then at length where.
      this.#stderr = (this.#stderr + chunk.toString()).slice(0, MAX_STDERR)
    })
    // A write to a program that just ended shows in its exit.
    this.#child.stdin.on('error', () => undefined)
    this.#child.once('error', (error) => {
      this.#broken = new FleetError('unavailable', `start helm (${options.program}): it cannot be run`, { cause: error })
      this.#ended.resolve()
    })
    this.#child.once('close', (code) => {
      if (!this.#answer) this.#lost ??= this.#exited(code)
      this.#gone.abort(new FleetError('aborted', 'the program that asked for a wait has ended'))
      this.#ended.resolve()
    })
  }

  /** Sends the one request of this program. Standard input stays open: its end would tell the program that its parent is gone. */
  ask(request: HelmRequest): void {
    const line = Buffer.from(`${JSON.stringify(request)}\n`)
    if (line.length > this.#options.maxRequestBytes)
      throw new FleetError(
        'too-large',
        `the release's values and options have ${line.length} bytes, ${this.#options.maxRequestBytes} are allowed`,
      )
    this.#child.stdin.write(line)
  }

  /** What came of it, once the program has ended. Rejects where the program cannot be run at all. */
  async outcome(): Promise<HelmOutcome> {
    await this.#ended.promise
    if (this.#broken) throw this.#broken
    const log = this.#log
    if (this.#lost) return { kind: 'lost', ...this.#lost, log }
    if (!this.#answer) throw new FleetError('internal', 'helm ended without an answer')
    if (this.#answer.ok && this.#answer.waiting) return { kind: 'waiting', waiting: this.#answer.waiting, log }
    return this.#answer.ok ? { kind: 'done', answer: this.#answer, log } : { kind: 'refused', answer: this.#answer, log }
  }

  /** Asks the program to record the release as failed and to end, and ends it where it does not within `graceMs`. */
  async stop(cause: Lost, { message, graceMs }: { readonly message: string; readonly graceMs: number }): Promise<void> {
    this.#lost ??= { cause, message }
    this.#signal('SIGTERM')
    const late = setTimeout(() => this.#signal('SIGKILL'), graceMs)
    await this.#ended.promise
    clearTimeout(late)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal('SIGKILL')
    await this.#ended.promise
  }

  #take(chunk: Buffer): void {
    this.#outputBytes += chunk.length
    if (this.#outputBytes > this.#options.maxOutputBytes)
      this.#giveUp('output', `helm wrote more than ${this.#options.maxOutputBytes} bytes`)
    else this.#cut(chunk)
  }

  #cut(chunk: Buffer): void {
    let from = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      this.#line(Buffer.concat([...this.#chunks, chunk.subarray(from, end)]))
      this.#chunks = []
      from = end + 1
    }
    if (from < chunk.length) this.#chunks.push(chunk.subarray(from))
  }

  #line(line: Buffer): void {
    const said = parse(line)
    if (!said) this.#giveUp('exit', 'helm said what is not its protocol')
    else if ('log' in said) {
      this.#log.push(said.log)
      if (this.#log.length > KEPT_LOG_LINES) this.#log.shift()
    } else if ('wait' in said) void this.#await(said.wait)
    else {
      this.#answer = said
      this.#child.stdin.end()
    }
  }

  /** Answers with how the wait ended. One that was stopped needs no answer: the program is stopped too. */
  async #await(objects: readonly HelmAwaited[]): Promise<void> {
    try {
      const waited = (await this.#wait(objects, this.#gone.signal)) ?? ''
      this.#child.stdin.write(`${JSON.stringify({ waited })}\n`)
    } catch (error) {
      this.#giveUp('exit', `the wait for what helm applied ended: ${messageOf(error)}`)
    }
  }

  #giveUp(cause: Lost, message: string): void {
    this.#lost ??= { cause, message }
    this.#signal('SIGKILL')
  }

  /** To the whole group: nothing that the program may have started outlives it. */
  #signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    const { pid, exitCode, signalCode } = this.#child
    if (pid === undefined || exitCode !== null || signalCode !== null) return
    try {
      process.kill(-pid, signal)
    } catch {
      // It has just ended.
    }
  }

  #exited(code: number | null): { readonly cause: Lost; readonly message: string } {
    if (code === EXIT_OUT_OF_MEMORY || /out of memory|cannot allocate memory/.test(this.#stderr))
      return { cause: 'memory', message: `helm needs more than ${this.#options.memoryBytes} bytes of memory for this release` }
    const why = this.#stderr.includes('stack') ? ': the stack overflowed' : ''
    return { cause: 'exit', message: `helm ended by itself (${code === null ? 'killed' : `exit code ${code}`})${why}` }
  }
}

function parse(line: Buffer): HelmAnswer | { readonly log: string } | { readonly wait: readonly HelmAwaited[] } | undefined {
  try {
    return JSON.parse(line.toString('utf8'))
  } catch {
    return undefined
  }
}
