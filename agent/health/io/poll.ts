import type { Clock } from '../../../proto/base/clock.ts'
import type { LiveListener, Scope } from '../../drift/model.ts'
import type { Kube } from '../../kube/model.ts'
import type { Awaited } from '../model.ts'

export interface Polled {
  readonly subject: string
  readonly scope: Scope
  readonly kube: Kube
  readonly stop: AbortController
  /** The objects to read, asked anew for each round. */
  readonly wanted: () => readonly Awaited[]
}

/** Reads objects that may not be watched, one after the other, and tells of them like a watch on each would. */
export async function poll(
  deps: { readonly listeners: readonly LiveListener[]; readonly clock: Clock },
  polled: Polled,
  time: { readonly everyMs: number; readonly forMs: number },
): Promise<void> {
  const { signal } = polled.stop
  const told = new Set<string>()
  const until = deps.clock.now().getTime() + time.forMs
  try {
    while (!signal.aborted) {
      for (const object of polled.wanted()) {
        told.add(object.ref.name)
        if (!(await tell(deps.listeners, { ...polled, signal }, object))) continue
        for (const listener of deps.listeners) listener.covered(polled.subject, { ...polled.scope, name: object.ref.name }, true)
      }
      const leftMs = until - deps.clock.now().getTime()
      if (leftMs <= 0) return
      await deps.clock.sleep(Math.min(leftMs, time.everyMs), signal)
    }
  } catch {
    // Only the stop ends a sleep early.
  } finally {
    for (const name of told) for (const listener of deps.listeners) listener.covered(polled.subject, { ...polled.scope, name }, false)
  }
}

/** Reads one object and tells of it. @returns false where it may not be read either: then nobody knows of it */
export async function tell(
  listeners: readonly LiveListener[],
  { kube, signal, subject }: { readonly subject: string; readonly kube: Kube; readonly signal: AbortSignal },
  { ref, apiVersion }: Awaited,
): Promise<boolean> {
  const at = { apiVersion, kind: ref.kind, name: ref.name, ...(ref.namespace ? { namespace: ref.namespace } : {}) }
  try {
    const live = await kube.get(at, { signal })
    for (const listener of listeners) {
      if (live) listener.observed(subject, live)
      else listener.vanished(subject, ref)
    }
    return true
  } catch {
    return false
  }
}
