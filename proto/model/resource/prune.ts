import type { Problem } from '../ids.ts'
import type { StructuralSchema } from './structural.ts'

/** A value as the API server would store it, and the members that the schema does not know. */
export interface Pruned {
  readonly value: unknown
  readonly unknown: readonly Problem[]
}

/**
 * What the API server does before it validates: members that the schema does not know are dropped (and named here), and
 * so is a null where null is no value. JSON whose members are unknown by design passes untouched.
 */
export function prune(schema: StructuralSchema, value: unknown, path: string): Pruned {
  const unknown: Problem[] = []
  return { value: walk(schema, value, { path, unknown }), unknown }
}

interface At {
  readonly path: string
  readonly unknown: Problem[]
}

function walk(schema: StructuralSchema, value: unknown, at: At): unknown {
  if (schema['x-kubernetes-preserve-unknown-fields'] === true) return value
  const { items } = schema
  if (Array.isArray(value)) return items ? value.map((item, index) => walk(items, item, { ...at, path: `${at.path}[${index}]` })) : value
  if (typeof value !== 'object' || value === null) return value
  const out: [string, unknown][] = []
  for (const [name, inner] of Object.entries(value)) {
    const member = memberOf(schema, name)
    const path = memberPath(at.path, name)
    if (!member) {
      if (schema.type === 'object') at.unknown.push({ path, message: 'unknown field' })
      else out.push([name, inner])
    } else if (inner !== null || member.nullable === true || member['x-kubernetes-preserve-unknown-fields'] === true)
      out.push([name, walk(member, inner, { ...at, path })])
  }
  return Object.fromEntries(out)
}

function memberOf(schema: StructuralSchema, name: string): StructuralSchema | undefined {
  if (schema.properties && Object.hasOwn(schema.properties, name)) return schema.properties[name]
  return schema.additionalProperties
}

/** The path of a member: `a.b`, or `a["b/c"]` where the name is no plain word. */
export function memberPath(path: string, name: string | number): string {
  if (typeof name === 'number') return `${path}[${name}]`
  if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(name)) return `${path}[${JSON.stringify(name)}]`
  return path === '' ? name : `${path}.${name}`
}
