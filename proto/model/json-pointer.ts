/** The value that a JSON pointer names; undefined where there is none. */
export function atPointer(object: unknown, pointer: string): unknown {
  let held = object
  for (const step of stepsOf(pointer)) {
    if (typeof held !== 'object' || held === null) return undefined
    held = (held as Record<string, unknown>)[step]
  }
  return held
}

/** The keys on the way that a JSON pointer describes. */
export function stepsOf(pointer: string): readonly string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}
