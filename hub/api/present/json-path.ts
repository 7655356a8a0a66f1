/** A value in an object by the JSONPath that CRD columns use: members, indexes, and filters of equality. Undefined when it is not there. */
export function jsonPath(path: string, value: unknown): unknown {
  let at: unknown = value
  for (const [, quoted, member, filterKey, filterValue, index] of path.matchAll(STEP)) {
    const name = quoted ?? member?.replaceAll('\\.', '.')
    if (name !== undefined) at = memberOf(at, name)
    else if (filterKey !== undefined) at = list(at).find((item) => String(memberOf(item, filterKey)) === filterValue)
    else if (index !== undefined) at = list(at)[Number(index)]
  }
  return at
}

const STEP = /\['([^']+)'\]|\.((?:[^.[\]\\]|\\.)+)|\[\?\(@\.(\w+)==["']([^"']*)["']\)\]|\[(\d+)\]/g

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as Record<string, unknown>)[name]
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
