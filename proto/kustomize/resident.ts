import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { FleetError } from '../base/errors.ts'
import { encodeFrame, type Frame, FrameReader } from './frame.ts'

export interface ProgramOptions {
  /** Where the program `flotilla-kustomize` is. */
  readonly program: string
  readonly memoryBytes: number
  readonly maxOutputBytes: number
}

const EXIT_OUT_OF_MEMORY = 77
const FRAME_OVERHEAD_BYTES = 1 << 20
const MAX_STDERR = 4096

/** One running kustomize program: takes frames, gives frames, and is gone for good after its first failure. */
export class Resident {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #reader: FrameReader
  readonly #frames: Frame[] = []
  readonly #memoryBytes: number
  readonly #ended: Promise<void>
  #waiter: PromiseWithResolvers<Frame> | undefined
  #failure: FleetError | undefined
  #stderr = ''
  /** Told when the program is lost, by whoever builds with it at the moment. */
  onFailure: ((error: FleetError) => void) | undefined

  constructor(options: ProgramOptions) {
    this.#memoryBytes = options.memoryBytes
    this.#reader = new FrameReader(options.maxOutputBytes + FRAME_OVERHEAD_BYTES)
    const args = ['--memory-bytes', String(options.memoryBytes), '--max-output-bytes', String(options.maxOutputBytes)]
    // No environment: nothing to find programs, proxies or credentials by.
    this.#child = spawn(options.program, args, { env: {}, cwd: '/', stdio: ['pipe', 'pipe', 'pipe'] })
    this.#child.stdout.on('data', (chunk: Buffer) => this.#take(chunk))
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-MAX_STDERR)
    })
    // A write to a program that just ended shows in its exit.
    this.#child.stdin.on('error', () => undefined)
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#ended = promise
    this.#child.once('error', (error) => {
      this.#fail(new FleetError('unavailable', `start kustomize (${options.program}): it cannot be run`, { cause: error }))
      resolve()
    })
    this.#child.once('close', (code) => {
      this.#fail(this.#exited(code))
      resolve()
    })
  }

  get failed(): boolean {
    return this.#failure !== undefined
  }

  send(...frame: Parameters<typeof encodeFrame>): void {
    this.#child.stdin.write(encodeFrame(...frame))
  }

  async next(): Promise<Frame> {
    const ready = this.#frames.shift()
    if (ready) return ready
    if (this.#failure) throw this.#failure
    this.#waiter = Promise.withResolvers<Frame>()
    return this.#waiter.promise
  }

  /** Ends the program at once; `reason` is what the one who waits for it gets. */
  kill(reason: FleetError): void {
    this.#fail(reason)
    this.#child.kill('SIGKILL')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill(new FleetError('aborted', 'kustomize was stopped'))
    await this.#ended
  }

  #take(chunk: Buffer): void {
    try {
      for (const frame of this.#reader.push(chunk)) {
        const waiter = this.#waiter
        this.#waiter = undefined
        if (waiter) waiter.resolve(frame)
        else this.#frames.push(frame)
      }
    } catch (error) {
      this.kill(FleetError.from(error, 'read from kustomize'))
    }
  }

  #fail(error: FleetError): void {
    this.#failure ??= error
    const waiter = this.#waiter
    this.#waiter = undefined
    waiter?.reject(this.#failure)
    this.onFailure?.(this.#failure)
  }

  #exited(code: number | null): FleetError {
    if (code === EXIT_OUT_OF_MEMORY) return new FleetError('too-large', `the build needs more than ${this.#memoryBytes} bytes of memory`)
    const why = this.#stderr.includes('stack') ? ': the stack overflowed' : ''
    return new FleetError('internal', `kustomize ended by itself (${code === null ? 'killed' : `exit code ${code}`})${why}`)
  }
}
