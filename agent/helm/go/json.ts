/**
 * JSON as Go's encoder writes it, the line's end included: what Flux's digests are made of. Members of objects keep
 * their order, so that of structs is the caller's; `undefined` ones are left out. `goMap` gives maps their order.
 */
export function goJson(value: unknown): string {
  return `${write(value)}\n`
}

/** A map as Go orders it, all the way down: by the bytes of its keys. */
export function goMap(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(goMap)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, inner]) => [key, goMap(inner)] as const)
  return new Map(entries.toSorted(([a], [b]) => byBytes(a, b)))
}

/** Go's order of texts. */
export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function write(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`
  if (typeof value !== 'object' || value === null) return scalar(value)
  // A Map, unlike an object, leaves keys that look like numbers where they are.
  const entries = value instanceof Map ? [...value] : Object.entries(value)
  const members = entries.filter(([, inner]) => inner !== undefined).map(([key, inner]) => `${scalar(key)}:${write(inner)}`)
  return `{${members.join(',')}}`
}

function scalar(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null'
  return typeof value === 'string' ? text.replace(/[<>&\u2028\u2029]/g, escaped) : text
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
