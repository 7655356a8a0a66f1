import { readFile, stat } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { FleetError } from '../../proto/base/errors.ts'

/** As whom Postgres runs: it refuses to run as root. */
export interface Account {
  readonly uid: number
  readonly gid: number
  /** What to put before a command line so that it runs as this account. */
  readonly prefix: readonly string[]
}

const CAP_DAC_OVERRIDE = 1n
const CAP_DAC_READ_SEARCH = 2n

/**
 * Under which account to run Postgres: undefined for our own, otherwise `postgres` or `nobody`.
 *
 * Where that account cannot pass through the folders that lead to `paths` (a home or a temporary directory of root),
 * it is lent the one capability that lets it.
 */
export async function serverAccount(paths: readonly string[]): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const { uid, gid } = await unprivileged()
  const open = await Promise.all(paths.map((path) => passable(path, { uid, gid })))
  return { uid, gid, prefix: open.every(Boolean) ? [] : await withPassage({ uid, gid }) }
}

async function unprivileged(): Promise<{ uid: number; gid: number }> {
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  const found = ['postgres', 'nobody'].map((name) => lines.find((fields) => fields[0] === name)).find(Boolean)
  if (!found)
    throw new FleetError(
      'invalid',
      'start the embedded Postgres as root: no account postgres or nobody; make one, or set FLOTILLA_DATABASE_URL',
    )
  return { uid: Number(found[2]), gid: Number(found[3]) }
}

async function passable(path: string, as: { uid: number; gid: number }): Promise<boolean> {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const { mode, uid, gid } = await stat(folder)
    const bit = uid === as.uid ? 0o100 : gid === as.gid ? 0o010 : 0o001
    if ((mode & bit) === 0) return false
    if (folder === dirname(folder)) return true
  }
}

async function withPassage({ uid, gid }: { uid: number; gid: number }): Promise<readonly string[]> {
  const setpriv = await onPath('setpriv')
  const capability = await heldCapability()
  if (!setpriv || !capability) {
    throw new FleetError(
      'invalid',
      'start the embedded Postgres as root: its account cannot pass through the folders above the data folder; ' +
        'use a data folder (and an installation) that others may pass through, or set FLOTILLA_DATABASE_URL',
    )
  }
  const lend = [`--inh-caps=-all,+${capability}`, `--ambient-caps=-all,+${capability}`]
  return [setpriv, `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', ...lend]
}

async function heldCapability(): Promise<string | undefined> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '')
  const held = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`)
  if ((held >> CAP_DAC_READ_SEARCH) & 1n) return 'dac_read_search'
  return (held >> CAP_DAC_OVERRIDE) & 1n ? 'dac_override' : undefined
}

async function onPath(program: string): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, program)
    if (
      await stat(path).then(
        (found) => found.isFile(),
        () => false,
      )
    )
      return path
  }
  return undefined
}
