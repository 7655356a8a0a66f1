import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Process ids of a program's running instances that a process has started. */
export function programsOf(parent: number, program: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isChild(pid, parent, program))
}

function isChild(pid: number, parent: number, program: string): boolean {
  try {
    // The name of a program may hold anything; what follows its closing bracket is state and parent.
    const [, ppid] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    return Number(ppid) === parent && readlinkSync(`/proc/${pid}/exe`) === program
  } catch {
    return false
  }
}
