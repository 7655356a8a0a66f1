import { open, readFile, rename } from 'node:fs/promises'
import type { Clock } from '../../../proto/base/clock.ts'
import { sha256 } from '../../../proto/base/hash.ts'
import type { Log } from '../../../proto/base/log.ts'

/** A value on disk that makes a restart cheaper and whose loss costs only time. */
export interface Memo<T> {
  /** Undefined where there is none, or the file is damaged. */
  load(): Promise<T | undefined>
  save(value: T): Promise<void>
}

/** @param T  what JSON brings back as it was */
export function openMemo<T>(path: string): Memo<T> {
  return {
    async load() {
      const text = await readFile(path, 'utf8').catch(() => undefined)
      const end = text?.indexOf('\n') ?? -1
      if (text === undefined || end < 0 || sha256(text.slice(end + 1)) !== text.slice(0, end)) return undefined
      return JSON.parse(text.slice(end + 1)) as T
    },
    async save(value) {
      const text = JSON.stringify(value)
      const temporary = `${path}.tmp`
      {
        await using file = await open(temporary, 'w', 0o600)
        await file.writeFile(`${sha256(text)}\n${text}`)
        await file.sync()
      }
      await rename(temporary, path)
    },
  }
}

/** Saves a value now and then, when it has changed, and at the end. */
export interface MemoKeeper extends AsyncDisposable {
  changed(): void
}

const EVERY_MS = 15_000

export function keepMemo<T>(memo: Memo<T>, deps: { readonly value: () => T; readonly clock: Clock; readonly log: Log }): MemoKeeper {
  const stop = new AbortController()
  let dirty = false
  const save = async () => {
    if (!dirty) return
    dirty = false
    await memo
      .save(deps.value())
      .catch((error: unknown) => deps.log.warn({ event: 'memo.failed', err: error }, 'cannot save what would make a restart cheap'))
  }
  const run = async () => {
    while (!stop.signal.aborted) {
      await deps.clock.sleep(EVERY_MS, stop.signal).catch(() => undefined)
      await save()
    }
  }
  const running = run()
  return {
    changed() {
      dirty = true
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await running
      await save()
    },
  }
}
