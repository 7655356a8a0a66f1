import { type FileHandle, open, readFile } from 'node:fs/promises'
import { FleetError, messageOf } from '../../../proto/base/errors.ts'
import type { Log } from '../../../proto/base/log.ts'
import type { EventReport } from '../../../proto/model/report.ts'
import type { EventJournal } from '../model.ts'

/** The journal of a file, and what an earlier process left in it. */
export interface OpenJournal extends EventJournal, AsyncDisposable {
  /** Oldest first. */
  readonly left: readonly EventReport[]
}

/** Lines in the file from which on it is worth writing anew, when some of them are told. */
const COMPACT_AT = 1000

/**
 * Opens the file of untold events, one line of JSON each. An event is in the file before anything else can happen to the process;
 * one that was told may still be in it, and the hub knows it by its id. A line cut short is left out.
 */
export async function openEventJournal(path: string, log: Log): Promise<OpenJournal> {
  const text = await read(path)
  const left = text.split('\n').flatMap(eventsOf)
  const file = await open(path, 'a', 0o600)
  const writes = new Writes(file, log)
  let lines = left.length
  // What is added to a line cut short would be lost with it.
  if (!/^$|\n$/.test(text)) writes.replace(left.map(lineOf).join(''))
  return {
    left,
    add(event) {
      lines++
      writes.append(lineOf(event))
    },
    told(untold) {
      if (untold.length > 0 && lines < COMPACT_AT) return
      if (lines === untold.length) return
      lines = untold.length
      writes.replace(untold.map(lineOf).join(''))
    },
    async [Symbol.asyncDispose]() {
      await writes.done()
      await file.close()
    },
  }
}

/** Writes in the order they were asked for, those that wait together as one. */
class Writes {
  readonly #file: FileHandle
  readonly #log: Log
  #waiting: { anew: boolean; text: string } = { anew: false, text: '' }
  #running: Promise<void> | undefined

  constructor(file: FileHandle, log: Log) {
    this.#file = file
    this.#log = log
  }

  append(text: string): void {
    this.#waiting.text += text
    this.#run()
  }

  replace(text: string): void {
    this.#waiting = { anew: true, text }
    this.#run()
  }

  async done(): Promise<void> {
    await this.#running
  }

  #run(): void {
    this.#running ??= this.#write().finally(() => {
      this.#running = undefined
    })
  }

  async #write(): Promise<void> {
    while (this.#waiting.anew || this.#waiting.text !== '') {
      const { anew, text } = this.#waiting
      this.#waiting = { anew: false, text: '' }
      try {
        if (anew) await this.#file.truncate(0)
        if (text !== '') await this.#file.appendFile(text)
      } catch (error) {
        const err = new FleetError('internal', `keep events until the hub has them: ${messageOf(error)}`, { cause: error })
        this.#log.warn({ event: 'events.unkept', err }, 'events are held in memory alone')
      }
    }
  }
}

/** The file's text, empty where there is none. */
async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch {
    return ''
  }
}

function lineOf({ at, ...event }: EventReport): string {
  return `${JSON.stringify({ ...event, at: at.getTime() })}\n`
}

function eventsOf(line: string): readonly EventReport[] {
  try {
    const { at, ...event } = JSON.parse(line) as Omit<EventReport, 'at'> & { readonly at: number }
    return [{ ...event, at: new Date(at) }]
  } catch {
    return []
  }
}
