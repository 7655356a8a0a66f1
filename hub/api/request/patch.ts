import type { Problem } from '../../../proto/model/ids.ts'

export const PATCH_TYPES = { 'application/merge-patch+json': 'merge', 'application/json-patch+json': 'json' } as const
export type PatchType = (typeof PATCH_TYPES)[keyof typeof PATCH_TYPES]

export type Patched = { readonly value: unknown } | { readonly problem: Problem }

/** What the patch makes of the document, or why it cannot be applied. The document is not changed. */
export function applyPatch(type: PatchType, document: unknown, patch: unknown): Patched {
  if (type === 'merge') return { value: mergePatch(document, patch) }
  if (!Array.isArray(patch)) return { problem: { path: '', message: 'a JSON patch is a list of operations' } }
  let value: unknown = structuredClone(document)
  for (const [index, operation] of patch.entries()) {
    const next = applyOperation(value, operation)
    if ('problem' in next) return { problem: { path: `[${index}]`, message: next.problem } }
    value = next.value
  }
  return { value }
}

/** RFC 7386: null removes, objects merge, everything else replaces. */
export function mergePatch(document: unknown, patch: unknown): unknown {
  if (!isMembers(patch)) return patch
  const out: Record<string, unknown> = isMembers(document) ? { ...document } : {}
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete out[name]
    else define(out, name, mergePatch(Object.hasOwn(out, name) ? out[name] : undefined, value))
  }
  return out
}

type Step = { readonly value: unknown } | { readonly problem: string }

/** RFC 6902, one operation. */
function applyOperation(document: unknown, operation: unknown): Step {
  if (!isMembers(operation)) return { problem: 'an operation is an object with op and path' }
  const { op, path, value, from } = operation
  const at = pointer(path)
  if (!at) return { problem: `path ${JSON.stringify(path)} is no JSON pointer` }
  switch (op) {
    case 'add':
    case 'replace':
      return put(document, at, { value, op })
    case 'remove':
      return take(document, at)
    case 'test':
      return same(find(document, at), value) ? { value: document } : { problem: `test of ${String(path)} failed` }
    case 'copy':
    case 'move': {
      const source = pointer(from)
      const found = source && find(document, source)
      if (!source || found === undefined) return { problem: `from ${JSON.stringify(from)} names nothing` }
      const without = op === 'move' ? take(document, source) : { value: document }
      return 'problem' in without ? without : put(without.value, at, { value: structuredClone(found), op: 'add' })
    }
    default:
      return { problem: `op ${JSON.stringify(op)} is none of add, remove, replace, move, copy, test` }
  }
}

function put(document: unknown, at: readonly string[], { op, value }: { readonly op: 'add' | 'replace'; readonly value: unknown }): Step {
  const key = at.at(-1)
  if (key === undefined) return { value }
  const parent = find(document, at.slice(0, -1))
  if (Array.isArray(parent)) {
    const index = key === '-' ? parent.length : position(key)
    if (index === undefined || index > parent.length || (op === 'replace' && index >= parent.length))
      return { problem: `index ${key} is outside the list` }
    parent.splice(index, op === 'add' ? 0 : 1, value)
    return { value: document }
  }
  if (!isMembers(parent)) return { problem: `/${at.slice(0, -1).join('/')} names nothing that has members` }
  if (op === 'replace' && !Object.hasOwn(parent, key)) return { problem: `/${at.join('/')} names nothing` }
  define(parent, key, value)
  return { value: document }
}

function take(document: unknown, at: readonly string[]): Step {
  const key = at.at(-1)
  const parent = key === undefined ? undefined : find(document, at.slice(0, -1))
  if (Array.isArray(parent) && key !== undefined && (position(key) ?? parent.length) < parent.length) parent.splice(Number(key), 1)
  else if (isMembers(parent) && key !== undefined && Object.hasOwn(parent, key)) delete parent[key]
  else return { problem: `/${at.join('/')} names nothing` }
  return { value: document }
}

function find(document: unknown, at: readonly string[]): unknown {
  return at.reduce<unknown>((value, key) => {
    if (Array.isArray(value)) return value[position(key) ?? -1]
    return isMembers(value) && Object.hasOwn(value, key) ? value[key] : undefined
  }, document)
}

function pointer(path: unknown): readonly string[] | undefined {
  if (path === '') return []
  if (typeof path !== 'string' || !path.startsWith('/')) return undefined
  return path
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function position(key: string): number | undefined {
  return /^(0|[1-9][0-9]{0,8})$/.test(key) ? Number(key) : undefined
}

/** As an own member always: a name such as `__proto__` must not reach the prototype. */
function define(target: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true })
}

function same(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, index) => same(item, b[index]))
  if (isMembers(a) && isMembers(b)) {
    const names = Object.keys(a)
    return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && same(a[name], b[name]))
  }
  return a === b
}

function isMembers(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
