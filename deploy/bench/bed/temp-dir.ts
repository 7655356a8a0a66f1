import { existsSync, mkdtempSync, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isAlive } from '../../local/process/table.ts'
import { stopWorld } from '../../local/world.ts'

/** In memory, where the machine has such a file system: file creation on a disk would be what is measured. */
const ROOT = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
const PREFIX = 'flotilla-bench-'

/** A new folder that is gone after use; its name carries the pid of this process. */
export function openTempDir(): { readonly path: string } & AsyncDisposable {
  const path = mkdtempSync(join(ROOT, `${PREFIX}${process.pid}-`))
  return { path, [Symbol.asyncDispose]: () => remove(path) }
}

/** Ends the worlds and removes the folders that killed benches have left behind. */
export async function sweepLeftovers(signal: AbortSignal): Promise<void> {
  for (const entry of readdirSync(ROOT)) {
    const owner = entry.startsWith(PREFIX) ? Number.parseInt(entry.slice(PREFIX.length), 10) : Number.NaN
    if (Number.isNaN(owner) || isAlive(owner)) continue
    await stopWorld(join(ROOT, entry), { signal })
    await remove(join(ROOT, entry))
  }
}

const remove = (path: string) => rm(path, { recursive: true, force: true, maxRetries: 5 })
