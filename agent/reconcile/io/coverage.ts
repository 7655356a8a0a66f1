import type { Clock } from '../../../proto/base/clock.ts'
import { anyOf } from '../../../proto/base/signals.ts'
import type { LiveListener, Scope } from '../../drift/model.ts'

/** Tells when watches have listed what they follow, or were refused. */
export interface Coverage extends LiveListener {
  /** Resolves once all scopes of a subject have been listed or refused, at the latest after `ms`. */
  until(subject: string, scopes: readonly Scope[], o: { readonly ms: number; readonly signal: AbortSignal }): Promise<void>
}

export function createCoverage({ clock }: { readonly clock: Clock }): Coverage {
  const settled = new Set<string>()
  const waiting = new Set<() => void>()
  const told = () => {
    for (const look of waiting) look()
  }
  return {
    observed() {},
    vanished() {},
    covered(subject, scope, isLive) {
      if (isLive) settled.add(keyOf(subject, scope))
      else settled.delete(keyOf(subject, scope))
      if (isLive) told()
    },
    refused(subject, scope) {
      settled.add(keyOf(subject, scope))
      told()
    },
    async until(subject, scopes, { ms, signal }) {
      // A watch over all namespaces covers each of them.
      const isSettled = (scope: Scope) => [scope, { ...scope, namespace: '' }].some((one) => settled.has(keyOf(subject, one)))
      const { promise, resolve } = Promise.withResolvers<void>()
      const look = () => {
        if (scopes.every(isSettled)) resolve()
      }
      const timer = new AbortController()
      waiting.add(look)
      look()
      try {
        const late = clock.sleep(ms, anyOf(signal, timer.signal)).catch(() => undefined)
        await Promise.race([promise, late])
        signal.throwIfAborted()
      } finally {
        waiting.delete(look)
        timer.abort()
      }
    },
  }
}

function keyOf(subject: string, { group, kind, label, namespace }: Scope): string {
  return `${subject}|${group}/${kind}/${namespace}|${label ?? ''}`
}
