import { existsSync, mkdirSync, mkdtempSync, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { FleetError } from '../../proto/base/errors.ts'
import { isAlive } from '../local/process/table.ts'
import { stopWorld } from '../local/world.ts'

const TEMP_ROOT = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
const PREFIX = 'flotilla-demo-'

/** The folder of one demo. */
export interface Home {
  readonly dir: string
  /** Takes it away again, unless the user named it. */
  remove(): Promise<boolean>
}

/** The folder that the user names, which must be new or empty, or one that is there for this run only. */
export async function openHome(named: string | undefined, signal: AbortSignal): Promise<Home> {
  if (named !== undefined) {
    const dir = resolve(named)
    if (existsSync(dir) && readdirSync(dir).length > 0)
      throw new FleetError('invalid', `--dir ${named}: there is something in that folder; name one that is new or empty`)
    mkdirSync(dir, { recursive: true })
    return { dir, remove: async () => false }
  }
  await sweep(signal)
  const dir = mkdtempSync(join(TEMP_ROOT, `${PREFIX}${process.pid}-`))
  return { dir, remove: () => remove(dir).then(() => true) }
}

/** Ends and removes what demos have left behind that were killed, or kept for their logs. */
async function sweep(signal: AbortSignal): Promise<void> {
  for (const entry of readdirSync(TEMP_ROOT)) {
    const owner = entry.startsWith(PREFIX) ? Number.parseInt(entry.slice(PREFIX.length), 10) : Number.NaN
    if (Number.isNaN(owner) || isAlive(owner)) continue
    await stopWorld(join(TEMP_ROOT, entry), { signal })
    await remove(join(TEMP_ROOT, entry))
  }
}

const remove = (dir: string) => rm(dir, { recursive: true, force: true, maxRetries: 5 })
