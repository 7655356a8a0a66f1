import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../../proto/base/clock.ts'
import { FleetError, messageOf } from '../../../proto/base/errors.ts'
import { within } from '../../../proto/base/signals.ts'
import { isAlive, isOurs, OWNER, processesOf } from './table.ts'

/** A program to run for a folder: everything it writes, and the pid file that stands for it, is in that folder. */
export interface Program {
  readonly name: string
  readonly command: readonly [string, ...string[]]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

type Maybe<T> = T | false | undefined

/**
 * The processes of one folder. Each is known by `pids/<name>.pid` alone, so a later run, another terminal or a test can
 * stop and start it as well as the one that started it.
 *
 * 1. A pid is only signalled when the process carries the folder in its environment: numbers are reused.
 * 2. At most one process per name runs; starting one that runs stops the old one first.
 * 3. A killed parent leaves them running; the next start on the folder takes their place.
 */
export class Processes {
  readonly #dir: string

  constructor(dir: string) {
    this.#dir = dir
    for (const part of ['pids', 'logs']) mkdirSync(join(dir, part), { recursive: true })
  }

  /** Starts the program, output appended to `logs/<name>.log`. Returns as soon as the process exists. */
  async start(program: Program, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    await this.stop(program.name, { signal })
    const log = openSync(this.logFile(program.name), 'a', 0o600)
    try {
      const [file, ...args] = program.command
      const child = spawn(file, args, {
        cwd: program.cwd ?? this.#dir,
        env: { PATH: process.env.PATH, HOME: process.env.HOME, ...program.env, [OWNER]: this.#dir },
        stdio: ['ignore', log, log],
        detached: true,
      })
      await started(child, program.name)
      writeFileSync(this.pidFile(program.name), `${child.pid}\n`)
      child.unref()
    } finally {
      closeSync(log)
    }
  }

  /** Ends the process of that name: SIGTERM, after `graceMs` SIGKILL; with `kill` SIGKILL at once. Nothing to do when it does not run. */
  async stop(name: string, options: { readonly signal: AbortSignal; readonly kill?: boolean; readonly graceMs?: number }): Promise<void> {
    const pid = this.pid(name)
    if (pid !== undefined) {
      send(pid, options.kill ? 'SIGKILL' : 'SIGTERM')
      const patient = within(options.graceMs ?? 10_000, options.signal)
      await this.#gone(pid, patient).catch(() => send(pid, 'SIGKILL'))
      await this.#gone(pid, AbortSignal.timeout(10_000))
    }
    rmSync(this.pidFile(name), { force: true })
  }

  /** Ends what still runs for the folder without a pid file, such as the children of a program that was killed. */
  async stopStragglers({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    for (const how of ['SIGTERM', 'SIGINT', 'SIGKILL'] as const) {
      const left = processesOf(this.#dir)
      if (left.length === 0) return
      for (const pid of left) send(pid, how)
      const patient = within(5_000, signal)
      await Promise.all(left.map((pid) => this.#gone(pid, patient).catch(() => {})))
    }
  }

  /** The pid of the running process of that name, or undefined when it does not run. */
  pid(name: string): number | undefined {
    let text: string
    try {
      text = readFileSync(this.pidFile(name), 'utf8')
    } catch {
      return undefined
    }
    const pid = Number.parseInt(text, 10)
    return pid > 1 && isAlive(pid) && isOurs(pid, this.#dir) ? pid : undefined
  }

  /**
   * Waits until `ready` says something else than false or undefined, and answers with that. Ends with a sentence, and the
   * end of the log, when the process ends before that. A `ready` that throws counts as no.
   */
  async whenReady<T>(name: string, ready: () => Maybe<T> | Promise<Maybe<T>>, { signal }: { readonly signal: AbortSignal }): Promise<T> {
    let last: unknown
    for (;;) {
      const gone = this.pid(name) === undefined
      if (gone)
        throw new FleetError('unavailable', `start ${name}: it ended at once. The end of ${this.logFile(name)}:\n${this.logTail(name)}`)
      try {
        const said = await ready()
        if (said !== undefined && said !== false) return said
      } catch (error) {
        last = error
      }
      await systemClock.sleep(20, signal).catch((error: unknown) => {
        const why = last === undefined ? '' : ` (last answer: ${messageOf(last)})`
        throw new FleetError('deadline-exceeded', `start ${name}: not ready in time${why}; see ${this.logFile(name)}`, { cause: error })
      })
    }
  }

  pidFile(name: string): string {
    return join(this.#dir, 'pids', `${name}.pid`)
  }

  logFile(name: string): string {
    return join(this.#dir, 'logs', `${name}.log`)
  }

  logTail(name: string): string {
    return readFileSync(this.logFile(name), 'utf8').trimEnd().split('\n').slice(-12).join('\n')
  }

  async #gone(pid: number, signal: AbortSignal): Promise<void> {
    while (isAlive(pid)) await systemClock.sleep(10, signal)
  }
}

function started(child: ReturnType<typeof spawn>, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', (error) => reject(new FleetError('unavailable', `start ${name}: ${error.message}`, { cause: error })))
  })
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended by itself in between.
  }
}
