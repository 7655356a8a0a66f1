import { readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'

/** Kernel ticks of `/proc/PID/stat`; 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100

export interface Memory {
  /** Resident now, of the process alone, in bytes. */
  readonly rss: number
  /** The most it ever was, in bytes. */
  readonly peak: number
  /** The process with its children, shared pages counted once, in bytes. */
  readonly tree: number
}

/** CPU seconds that a process, its children, and the children that ended have used since they began. */
export function cpuSeconds(pid: number): number {
  return treeOf(pid).reduce((sum, each) => sum + ticksOf(each), 0) / TICKS_PER_SECOND
}

/** What of it the children have used, those that ended included. */
export function childSeconds(pid: number): number {
  const own = fieldsOf(pid).slice(11, 13)
  return cpuSeconds(pid) - own.reduce((sum, field) => sum + Number(field), 0) / TICKS_PER_SECOND
}

/** The same for each program below a process, by what it is; children that ended count for their parent. */
export function cpuByProgram(root: number): ReadonlyMap<string, number> {
  const programs = new Map<string, number>()
  for (const pid of treeOf(root)) {
    const program = pid === root ? 'main process' : programOf(pid)
    programs.set(program, (programs.get(program) ?? 0) + ticksOf(pid) / TICKS_PER_SECOND)
  }
  return programs
}

export function memoryOf(pid: number): Memory {
  const status = read(`/proc/${pid}/status`)
  const tree = treeOf(pid).reduce((sum, each) => sum + kilobytes(read(`/proc/${each}/smaps_rollup`), 'Pss'), 0)
  return { rss: kilobytes(status, 'VmRSS'), peak: kilobytes(status, 'VmHWM'), tree }
}

function treeOf(root: number): readonly number[] {
  const children = new Map<number, number[]>()
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry)
    if (!Number.isInteger(pid)) continue
    const parent = Number(fieldsOf(pid)[1])
    children.set(parent, [...(children.get(parent) ?? []), pid])
  }
  const below = (pid: number): number[] => [pid, ...(children.get(pid) ?? []).flatMap(below)]
  return below(root)
}

/** Own time and that of children which were waited for. */
function ticksOf(pid: number): number {
  return fieldsOf(pid)
    .slice(11, 15)
    .reduce((sum, field) => sum + Number(field), 0)
}

/** What follows the name of the program, which may hold spaces and brackets itself: state, parent, … */
function fieldsOf(pid: number): readonly string[] {
  const text = read(`/proc/${pid}/stat`)
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}

/** Name of the program, or of the script that Node runs. */
function programOf(pid: number): string {
  // Postgres writes what it does at the moment behind its name.
  const [program = '', ...args] = read(`/proc/${pid}/cmdline`).split('\0')
  const [name = ''] = (args.findLast((arg) => arg.endsWith('.ts')) ?? program).split(/[ :]/)
  return basename(name, '.ts')
}

function kilobytes(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024
}

/** Empty for a process that ended in between. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
