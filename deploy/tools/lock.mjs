import { randomUUID } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const BEAT_MS = 5_000
const STALE_MS = 60_000

/**
 * Does `work` while nobody else on this machine does work under the same lock file.
 *
 * The holder writes its pid and touches the file every few seconds. A lock whose holder is gone, or has not touched it for
 * a minute, is taken over, so that an interrupted run never blocks the next one.
 *
 * @template T
 * @param {string} file
 * @param {{ waiting: (pid: number) => void, work: () => Promise<T> }} options  `waiting` is called each second while somebody else holds it
 * @returns {Promise<T>}
 */
export async function underLock(file, { waiting, work }) {
  mkdirSync(dirname(file), { recursive: true })
  const mine = `${process.pid} ${randomUUID()}\n`
  while (!take(file, mine)) {
    const held = read(file)
    if (held === undefined) continue
    if (isStale(file, held)) discard(file, held)
    else {
      waiting(pidOf(held))
      await sleep(1_000)
    }
  }
  const beat = setInterval(() => touch(file), BEAT_MS)
  const release = () => read(file) === mine && rmSync(file, { force: true })
  process.once('exit', release)
  try {
    return await work()
  } finally {
    clearInterval(beat)
    process.off('exit', release)
    release()
  }
}

/**
 * True while a process of that id exists.
 *
 * @param {number} pid
 */
export function isRunning(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM'
  }
}

/** @param {string} file @param {string} mine */
function take(file, mine) {
  try {
    writeFileSync(file, mine, { flag: 'wx' })
    return true
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false
    throw error
  }
}

/** @param {string} file @param {string} held */
function isStale(file, held) {
  const touched = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0
  const quietMs = Date.now() - touched
  // A holder between creating the file and writing its pid has left it empty for a moment.
  if (held === '') return quietMs > BEAT_MS
  return quietMs > STALE_MS || !isRunning(pidOf(held))
}

/**
 * Takes a stale lock away. Two may try at once: what was taken by mistake is put back.
 *
 * @param {string} file @param {string} held
 */
function discard(file, held) {
  const aside = `${file}.${randomUUID()}`
  try {
    renameSync(file, aside)
    if (readFileSync(aside, 'utf8') !== held) linkSync(aside, file)
  } catch {
    // Somebody else was faster; the next round sees what is there.
  } finally {
    rmSync(aside, { force: true })
  }
}

/** @param {string} file */
function touch(file) {
  try {
    utimesSync(file, new Date(), new Date())
  } catch {
    // It was taken over, because this process slept for long; the work itself bears two at once.
  }
}

/** @param {string} file */
function read(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

/** @param {string} held */
function pidOf(held) {
  return Number.parseInt(held, 10) || 0
}
