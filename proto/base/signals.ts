const parts = new WeakMap<AbortSignal, readonly AbortSignal[]>()

/**
 * Aborted as soon as one of these is. `AbortSignal.any` alone does not hold what it is made of: a signal that is aborted
 * while nobody listens, and collected before somebody asks, is forgotten, and who waits waits for ever (nodejs/node#65995).
 */
export function anyOf(...signals: readonly AbortSignal[]): AbortSignal {
  const any = AbortSignal.any([...signals])
  parts.set(any, signals)
  return any
}

/** Aborted as soon as one of these is, and after `ms` in any case. */
export function within(ms: number, ...signals: readonly AbortSignal[]): AbortSignal {
  return anyOf(...signals, AbortSignal.timeout(ms))
}
