import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Random } from '../../../proto/base/random.ts'

/** Under which names this agent, and this process of it, holds the lease. */
export interface Instance {
  readonly identity: string
  /** Start of the names of all processes that had this folder on this host. */
  readonly predecessors: string
}

/** Who holds a folder's lock is the only process of its agent on this host: what earlier ones held may be taken at once. */
export async function openInstance(dataDir: string, random: Random): Promise<Instance> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const file = join(dataDir, 'instance')
  const known = await readFile(file, 'utf8').catch(() => '')
  const folder = /^[0-9a-f]{16}$/.test(known.trim()) ? known.trim() : random.hex(8)
  if (known.trim() !== folder) await writeFile(file, `${folder}\n`, { mode: 0o600 })
  const predecessors = `${hostname()}_${folder}_`
  return { predecessors, identity: `${predecessors}${random.hex(8)}` }
}
