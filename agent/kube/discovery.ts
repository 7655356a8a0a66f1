import type { Clock } from '../../proto/base/clock.ts'
import { FleetError } from '../../proto/base/errors.ts'
import { groupOf, versionOf } from '../../proto/model/object-ref.ts'

/** How a kind is served. */
export interface Resource {
  readonly apiVersion: string
  readonly kind: string
  readonly plural: string
  readonly namespaced: boolean
  readonly verbs: readonly string[]
}

/** Which kinds the API server serves, asked per group and version when first needed. */
export interface Discovery {
  /** The resource of a kind, or undefined where it is not served (answered from memory for at most two seconds). */
  resolve(apiVersion: string, kind: string, signal: AbortSignal): Promise<Resource | undefined>
  /** Drops what is known of a group, as after a change of one of its CustomResourceDefinitions. */
  forget(group: string): void
}

interface Known {
  readonly kinds: ReadonlyMap<string, Resource>
  readonly askedAt: number
}

const MISS_MS = 2_000

/**
 * @param fetch  the APIResourceList at a path, undefined for 404. Asking per group version keeps a cluster with
 *               hundreds of CustomResourceDefinitions out of memory: an agent uses a dozen of them.
 */
export function createDiscovery(deps: { fetch: (path: string) => Promise<unknown>; clock: Clock }): Discovery {
  const known = new Map<string, Known>()
  const asking = new Map<string, Promise<Known>>()

  const ask = (apiVersion: string): Promise<Known> => {
    const running = asking.get(apiVersion)
    if (running !== undefined) return running
    const started = deps
      .fetch(pathOf(apiVersion))
      .then((list) => {
        const answer: Known = { kinds: readList(apiVersion, list), askedAt: deps.clock.now().getTime() }
        if (asking.get(apiVersion) === started) known.set(apiVersion, answer)
        return answer
      })
      .finally(() => {
        if (asking.get(apiVersion) === started) asking.delete(apiVersion)
      })
    asking.set(apiVersion, started)
    return started
  }

  return {
    async resolve(apiVersion, kind, signal) {
      const held = known.get(apiVersion)
      const resource = held?.kinds.get(kind)
      if (resource) return resource
      if (held && deps.clock.now().getTime() - held.askedAt < MISS_MS) return undefined
      return (await untilAborted(ask(apiVersion), signal)).kinds.get(kind)
    },
    forget(group) {
      for (const apiVersion of known.keys()) if (groupOf(apiVersion) === group) known.delete(apiVersion)
      for (const apiVersion of asking.keys()) if (groupOf(apiVersion) === group) asking.delete(apiVersion)
    },
  }
}

/** Path of a group version: `/api/v1`, `/apis/apps/v1`. */
export function pathOf(apiVersion: string): string {
  const group = groupOf(apiVersion)
  const version = encodeURIComponent(versionOf(apiVersion))
  return group === '' ? `/api/${version}` : `/apis/${encodeURIComponent(group)}/${version}`
}

function readList(apiVersion: string, list: unknown): Map<string, Resource> {
  const kinds = new Map<string, Resource>()
  const resources = (list as { resources?: unknown } | undefined)?.resources
  for (const entry of Array.isArray(resources) ? resources : []) {
    const { name, kind, namespaced, verbs } = entry as Record<string, unknown>
    if (typeof name !== 'string' || typeof kind !== 'string' || name.includes('/')) continue
    kinds.set(kind, {
      apiVersion,
      kind,
      plural: name,
      namespaced: namespaced === true,
      verbs: Array.isArray(verbs) ? verbs.map(String) : [],
    })
  }
  return kinds
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const { promise, reject } = Promise.withResolvers<never>()
  const stop = () => reject(signal.reason ?? new FleetError('aborted', 'discovery: stopped'))
  signal.addEventListener('abort', stop, { once: true })
  return Promise.race([work, promise]).finally(() => signal.removeEventListener('abort', stop))
}
