/** A set of fields in the form of managedFields[].fieldsV1. Source: structured-merge-diff, fieldpath serialisation. */
export type FieldSet = Readonly<Record<string, unknown>>

/** All fields of both sets. */
export function union(a: FieldSet, b: FieldSet): FieldSet {
  const out: Record<string, unknown> = { ...a }
  for (const [key, below] of Object.entries(b)) out[key] = isSet(out[key]) && isSet(below) ? union(out[key], below) : (out[key] ?? below)
  return out
}

/** The fields without what is at a JSON pointer, as far as that leads through names: not through items of lists. */
export function without(fields: FieldSet, pointer: string): FieldSet {
  if (pointer === '') return {}
  const [, first = '', ...rest] = pointer.split('/')
  const key = `f:${first.replaceAll('~1', '/').replaceAll('~0', '~')}`
  const { [key]: below, ...others } = fields
  if (rest.length === 0) return others
  if (!isSet(below) || Object.keys(below).length === 0) return fields
  const left = without(below, `/${rest.join('/')}`)
  // A field with nothing below it stands for all that is in it.
  return Object.keys(left).length > 0 ? { ...others, [key]: left } : others
}

/** The values that an object has at the fields of a set, keyed as the set is; a field that is missing is `null`. */
export function project(value: unknown, fields: FieldSet): unknown {
  const out: Record<string, unknown> = {}
  for (const [key, below] of Object.entries(fields)) {
    if (key === '.') {
      out[key] = value !== undefined
      continue
    }
    const child = step(value, key)
    out[key] = isSet(below) && Object.keys(below).length > 0 ? project(child, below) : (child ?? null)
  }
  return out
}

function step(value: unknown, key: string): unknown {
  const text = key.slice(2)
  switch (key.slice(0, 2)) {
    case 'f:':
      return isSet(value) ? value[text] : undefined
    case 'i:':
      return Array.isArray(value) ? value[Number(text)] : undefined
    case 'k:':
      return Array.isArray(value) ? value.find(hasKeys(parse(text))) : undefined
    case 'v:': {
      const wanted = parse(text)
      return Array.isArray(value) ? value.find((item) => item === wanted) : undefined
    }
    default:
      return undefined
  }
}

function hasKeys(keys: unknown): (item: unknown) => boolean {
  return (item) => isSet(item) && isSet(keys) && Object.entries(keys).every(([key, wanted]) => item[key] === wanted)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isSet(value: unknown): value is FieldSet {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
