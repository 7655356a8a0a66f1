import { Environment } from '@marcbachmann/cel-js'
import { withinMs } from '../../base/time-limit.ts'

/** What a CEL expression reads, by the names of its variables. */
export type Variables = Readonly<Record<string, unknown>>

/** A CEL expression of a Flux object that says yes or no. */
export interface Expression {
  /** Never throws; what is wrong is in Flux's words. */
  evaluate(variables: Variables): boolean | { readonly problem: string }
}

const LIMITS = { maxAstNodes: 500, maxDepth: 30, maxListElements: 100, maxMapEntries: 100 }
const OF_OBJECTS = new Environment({ limits: LIMITS, enableOptionalTypes: true, unlistedVariablesAreDyn: true })
const OF_DEPENDENCIES = new Environment({ limits: LIMITS, enableOptionalTypes: true })
  .registerVariable('self', 'dyn')
  .registerVariable('dep', 'dyn')
/** Loops in loops over a large object can take for ever. */
const LIMIT_MS = 100
const TRIES = 3

/** An expression over the members of an object: `metadata`, `spec`, `status` and whatever else it has. */
export function objectExpression(text: string): Expression | { readonly problem: string } {
  return read(OF_OBJECTS, text)
}

/** An expression over an object and one that it depends on: `self` and `dep`. */
export function dependencyExpression(text: string): Expression | { readonly problem: string } {
  return read(OF_DEPENDENCIES, text)
}

/** Reads in full before anything is evaluated. An expression that was too slow once is not evaluated again. */
function read(environment: Environment, text: string): Expression | { readonly problem: string } {
  const unreadable = (why: string) => ({ problem: `failed to parse the CEL expression '${text}': ${why}` })
  // Other patterns than Flux's engine, and the other engine can be made to take for ever.
  if (/\bmatches\s*\(/.test(text)) return unreadable('matches() is not allowed; use startsWith, endsWith, contains and in')
  const { error, type, valid } = environment.check(text)
  if (!valid) return unreadable(summaryOf(error))
  if (type !== 'bool' && type !== 'dyn') return unreadable(`it is a ${type}, and has to be true or false`)
  const parsed = environment.parse(text)
  let isTooSlow = false
  return {
    evaluate(variables) {
      if (isTooSlow) return tooSlow(text)
      try {
        const done = patiently(() => parsed(withInts(variables)))
        if (done === 'too-slow') {
          isTooSlow = true
          return tooSlow(text)
        }
        return typeof done.value === 'boolean' ? done.value : { problem: `failed to evaluate CEL expression as boolean: '${text}'` }
      } catch (error) {
        return { problem: `failed to evaluate the CEL expression '${text}': ${summaryOf(error)}` }
      }
    },
  }
}

/** On a busy machine a moment can be longer than the limit by no fault of the expression. */
function patiently(work: () => unknown): ReturnType<typeof withinMs<unknown>> {
  for (let attempt = 1; ; attempt++) {
    const done = withinMs(LIMIT_MS, work)
    if (done !== 'too-slow' || attempt === TRIES) return done
  }
}

function tooSlow(text: string): { readonly problem: string } {
  return { problem: `failed to evaluate the CEL expression '${text}': it takes more than ${LIMIT_MS} ms` }
}

/** The library's message draws the place in several lines. */
function summaryOf(error: unknown): string {
  if (error instanceof Error && 'summary' in error) return String(error.summary)
  return error instanceof Error ? error.message : String(error)
}

/** CEL's integers are bigints. */
function withInts(value: unknown): Variables {
  return ints(value) as Variables
}

function ints(value: unknown): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value
  if (Array.isArray(value)) return value.map(ints)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, ints(inner)]))
}
