import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'

/** The environment variable that names the folder a process belongs to. Persisted in running processes: do not change. */
export const OWNER = 'FLOTILLA_LOCAL_DIR'

/** True while the process exists and has not ended; one that only waits to be collected by its parent has ended. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
  return !isZombie(pid)
}

const ASK_AGAIN_MS = 5
const MAX_TRIES = 40

/**
 * True when the process was started for that folder. A process that replaces its program has no environment for a moment:
 * it is asked again.
 */
export function isOurs(pid: number, dir: string): boolean {
  for (let tries = 1; ; tries++) {
    const environment = environmentOf(pid)
    if (belongsTo(environment, dir)) return true
    const isEmpty = environment.every((entry) => entry === '')
    if (!isEmpty || tries >= MAX_TRIES || !isAlive(pid)) return false
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ASK_AGAIN_MS)
  }
}

/** The processes that were started for that folder, by us or by a process of ours, and run still. */
export function processesOf(dir: string): readonly number[] {
  const all = existsSync('/proc/self/environ')
    ? readdirSync('/proc')
    : spawnSync('ps', ['-A', '-o', 'pid='], { encoding: 'utf8' }).stdout.split('\n')
  const pids = all.map((entry) => Number(entry.trim() || Number.NaN)).filter((pid) => pid > 1 && pid !== process.pid)
  return pids.filter((pid) => belongsTo(environmentOf(pid), dir) && isAlive(pid))
}

function belongsTo(environment: readonly string[], dir: string): boolean {
  return environment.includes(`${OWNER}=${dir}`)
}

function isZombie(pid: number): boolean {
  if (!existsSync('/proc/self/stat'))
    return spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).stdout.startsWith('Z')
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return 'ZX'.includes(stat.slice(stat.lastIndexOf(')') + 2).charAt(0))
  } catch {
    return true
  }
}

function environmentOf(pid: number): readonly string[] {
  if (!existsSync('/proc/self/environ'))
    return spawnSync('ps', ['eww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout.split(' ')
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
  } catch {
    return []
  }
}
