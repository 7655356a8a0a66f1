import { z } from 'zod'

/** A node of a structural OpenAPI v3 schema, as CRDs and `kubectl explain` take it. */
export interface StructuralSchema {
  readonly type?: string
  readonly description?: string
  readonly format?: string
  readonly properties?: Readonly<Record<string, StructuralSchema>>
  readonly additionalProperties?: StructuralSchema
  readonly items?: StructuralSchema
  readonly required?: readonly string[]
  readonly default?: unknown
  readonly nullable?: boolean
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean
  readonly [keyword: string]: unknown
}

/** The structural schema of a zod schema's input: no references, no closed objects, a type at each node. */
export function structuralSchema(schema: z.ZodType): StructuralSchema {
  const json = z.toJSONSchema(schema, { io: 'input', target: 'openapi-3.0', reused: 'inline', unrepresentable: 'throw' })
  return node(json as Readonly<Record<string, unknown>>)
}

type Raw = Readonly<Record<string, unknown>>

const SAFE = Number.MAX_SAFE_INTEGER
/** Keywords that a structural schema must not have, or that say nothing there. */
const DROPPED = new Set(['$schema', 'id', '$id', 'propertyNames'])

function node(raw: Raw): StructuralSchema {
  const open = raw['x-kubernetes-preserve-unknown-fields'] === true
  const out: Record<string, unknown> = {}
  for (const [keyword, value] of Object.entries(raw)) {
    if (DROPPED.has(keyword)) continue
    if (keyword === 'properties')
      out.properties = Object.fromEntries(Object.entries(value as Raw).map(([name, inner]) => [name, node(inner as Raw)]))
    else if (keyword === 'items') out.items = node(value as Raw)
    else if (keyword === 'additionalProperties') Object.assign(out, open ? {} : members(value))
    else if (keyword === 'pattern') out.pattern = String(value).replaceAll('\\/', '/')
    else if ((keyword === 'minimum' && value === -SAFE) || (keyword === 'maximum' && value === SAFE)) continue
    else out[keyword] = value
  }
  if (out.type === 'integer' && out.format === undefined) out.format = 'int64'
  return out
}

function members(value: unknown): { additionalProperties?: StructuralSchema } {
  return typeof value === 'object' && value !== null ? { additionalProperties: node(value as Raw) } : {}
}
