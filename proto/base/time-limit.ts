import { type Context, createContext, Script } from 'node:vm'

const WORK = new Script('work()')
let place: Context | undefined

/**
 * Does synchronous work that its author may have made to take for ever, and breaks it off after `limitMs`, wherever it is.
 * @returns what the work gives, or `too-slow`; throws what it throws
 */
export function withinMs<T>(limitMs: number, work: () => T): { readonly value: T } | 'too-slow' {
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
