import { Environment } from '@marcbachmann/cel-js'
import type { Manifest } from '../../../proto/model/manifest.ts'

const LIMITS = { maxAstNodes: 500, maxDepth: 30, maxListElements: 100, maxMapEntries: 100 }
const CEL = new Environment({ limits: LIMITS, enableOptionalTypes: true }).registerVariable('self', 'dyn').registerVariable('dep', 'dyn')

/** Whether a dependency is ready by the object's own expression over `self` and `dep`, or what is wrong with that. */
export function isReadyBy(
  text: string,
  objects: { readonly self: Manifest; readonly dep: Manifest },
): boolean | { readonly problem: string } {
  // A pattern can be made to take for ever.
  if (/\bmatches\s*\(/.test(text)) return { problem: 'calls matches(), which is not allowed' }
  try {
    const value: unknown = CEL.evaluate(text, { self: withInts(objects.self), dep: withInts(objects.dep) })
    return typeof value === 'boolean' ? value : { problem: 'is neither true nor false' }
  } catch (error) {
    return { problem: error instanceof Error && 'summary' in error ? String(error.summary) : String(error) }
  }
}

/** CEL's integers are bigints. */
function withInts(value: unknown): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value
  if (Array.isArray(value)) return value.map(withInts)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withInts(inner)]))
}
