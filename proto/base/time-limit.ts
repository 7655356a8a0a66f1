import { type Context, createContext, Script } from 'node:vm'

const WORK = new Script('work()')
/** A machine that has stalled for so many limits is given up. */
const STALLS = 10
/** Of this thread alone, where Node can tell. */
const cpuUsage: typeof process.cpuUsage = process.threadCpuUsage?.bind(process) ?? process.cpuUsage.bind(process)
let place: Context | undefined

/**
 * Does synchronous work that its author may have made to take for ever, and breaks it off after `limitMs`, wherever it is.
 * Work that was kept waiting for a processor is done again, so it must be repeatable: a busy machine is no fault of its author.
 * @returns what the work gives, or `too-slow`; throws what it throws
 */
export function withinMs<T>(limitMs: number, work: () => T): { readonly value: T } | 'too-slow' {
  for (let stalls = 0; ; stalls++) {
    const before = cpuUsage()
    const done = once(limitMs, work)
    const { system, user } = cpuUsage(before)
    if (done !== 'too-slow' || (user + system) / 1000 >= limitMs / 2 || stalls === STALLS) return done
  }
}

function once<T>(limitMs: number, work: () => T): { readonly value: T } | 'too-slow' {
  place ??= createContext({ work: undefined }, { codeGeneration: { strings: false, wasm: false } })
  place.work = work
  try {
    return { value: WORK.runInContext(place, { timeout: limitMs }) as T }
  } catch (error) {
    // Not always an Error of this realm.
    if ((error as { readonly code?: unknown } | null)?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return 'too-slow'
    throw error
  } finally {
    place.work = undefined
  }
}
