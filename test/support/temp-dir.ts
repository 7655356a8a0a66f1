import { existsSync, mkdtempSync, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Processes } from '../../deploy/local/process/processes.ts'
import { isAlive } from '../../deploy/local/process/table.ts'

/** Where tests keep their files: in memory where the machine has such a file system. */
export const TEMP_ROOT = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

const PREFIX = 'flotilla-test-'

export interface TempDir extends AsyncDisposable {
  readonly path: string
}

/** A new empty folder that is gone after use. Its name carries the pid of this process, so that a later run can clear up after a killed one. */
export function openTempDir(name = 'dir'): TempDir {
  const path = mkdtempSync(join(TEMP_ROOT, `${PREFIX}${process.pid}-${name}-`))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5 }) }
}

/** Ends the processes and removes the folders that killed test runs have left behind. */
export async function sweepLeftovers(signal: AbortSignal): Promise<void> {
  for (const entry of readdirSync(TEMP_ROOT)) {
    const owner = entry.startsWith(PREFIX) ? Number.parseInt(entry.slice(PREFIX.length), 10) : Number.NaN
    if (!Number.isNaN(owner) && !isAlive(owner)) await sweep(join(TEMP_ROOT, entry), signal)
  }
}

async function sweep(dir: string, signal: AbortSignal): Promise<void> {
  const pidFiles = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((file) => /(^|\/)pids\/[^/]+\.pid$/.test(file))
  for (const file of pidFiles) {
    const home = dirname(dirname(join(dir, file)))
    const name = file.slice(file.lastIndexOf('/') + 1, -'.pid'.length)
    await new Processes(home).stop(name, { signal, kill: true })
  }
  await rm(dir, { recursive: true, force: true, maxRetries: 5 })
}
