import { delayMs } from '../../../proto/base/backoff.ts'
import type { Clock } from '../../../proto/base/clock.ts'
import { FleetError } from '../../../proto/base/errors.ts'
import type { Log } from '../../../proto/base/log.ts'
import type { Random } from '../../../proto/base/random.ts'
import { anyOf } from '../../../proto/base/signals.ts'
import { OWNER_NAME_LABEL } from '../../../proto/model/names.ts'
import { groupOf } from '../../../proto/model/object-ref.ts'
import type { LiveListener, Scope } from '../../drift/model.ts'
import { inform } from '../../kube/inform.ts'
import type { Collection, ImpersonatedKube } from '../../kube/model.ts'
import type { Awaited } from '../model.ts'
import type { HealthWatches } from '../ports.ts'
import { poll, tell } from './poll.ts'

interface Held {
  readonly subject: string
  readonly scope: Scope
  readonly apiVersion: string
  readonly stop: AbortController
  /** Objects wanted through this watch and how often; polled one by one where the watch is refused. */
  readonly wanted: Map<string, { readonly at: Awaited; count: number }>
  done: Promise<void>
  /** Aborted when this watch, shared by others, turns out to be refused. */
  readonly refused: AbortController
}

export interface WatchDeps {
  /** The client of a subject. There is no other: watches see what their ServiceAccount may see. */
  readonly as: (subject: string) => ImpersonatedKube
  readonly listeners: readonly LiveListener[]
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** The label that owned objects have; the one of Kustomizations where absent. */
  readonly label?: string
  /** How often an object is read where it may not be watched; default 10 s. */
  readonly pollMs?: number
}

const REFUSED_RETRY_MS = { baseMs: 10_000, capMs: 600_000 }

/**
 * One watch per (identity, kind) on the label of its owners where the identity may watch all namespaces, else one per namespace,
 * shared by everybody who holds an object in it; and one per object for objects of others. Listeners hear of all of them.
 */
export class LiveWatches implements HealthWatches, AsyncDisposable {
  readonly #deps: WatchDeps
  readonly #held = new Map<string, Held>()
  readonly #wide = new Map<string, Promise<boolean>>()
  #open = 0

  constructor(deps: WatchDeps) {
    this.#deps = deps
  }

  /** Watches that are open or being opened. */
  get size(): number {
    return this.#open
  }

  hold(subject: string, objects: readonly Awaited[]): Disposable {
    const keys = objects.map((object) => [this.#take(subject, object), keyOf(object)] as const)
    return {
      [Symbol.dispose]: () => {
        for (const [scope, key] of keys.splice(0)) this.#drop(scope, key)
      },
    }
  }

  look(subject: string, objects: readonly Awaited[], signal: AbortSignal): void {
    const of = { subject, kube: this.#deps.as(subject), signal }
    for (const object of objects) void tell(this.#deps.listeners, of, object)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const held = [...this.#held.values()]
    this.#held.clear()
    for (const one of held) {
      this.#cover(one, false)
      one.stop.abort(new FleetError('aborted', 'watches are closed'))
    }
    await Promise.all(held.map(({ done }) => done))
  }

  #take(subject: string, object: Awaited): string {
    const { group, kind, namespace, name } = object.ref
    const label = object.label === undefined ? {} : { label: object.label }
    const scope: Scope = { group, kind, namespace, ...(object.owned ? label : { name }) }
    const id = `${subject}|${object.apiVersion}/${kind}/${namespace}/${scope.name ?? ''}|${scope.label ?? ''}`
    let held = this.#held.get(id)
    if (!held) {
      held = {
        subject,
        scope,
        apiVersion: object.apiVersion,
        stop: new AbortController(),
        wanted: new Map(),
        done: Promise.resolve(),
        refused: new AbortController(),
      }
      this.#held.set(id, held)
      held.done = this.#follow(held)
    }
    const wanted = held.wanted.get(keyOf(object))
    if (wanted) wanted.count++
    else held.wanted.set(keyOf(object), { at: object, count: 1 })
    return id
  }

  #drop(id: string, key: string): void {
    const held = this.#held.get(id)
    const wanted = held?.wanted.get(key)
    if (!held || !wanted || --wanted.count > 0) return
    held.wanted.delete(key)
    if (held.wanted.size > 0) return
    this.#held.delete(id)
    this.#cover(held, false)
    held.stop.abort(new FleetError('aborted', 'nobody needs this watch any more'))
  }

  /** Follows until stopped; where the watch is refused, reads the wanted objects and tries again now and then. */
  async #follow(held: Held): Promise<void> {
    const { signal } = held.stop
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        if (await this.#mayWatchAll(held)) await this.#shareWide(held)
        else await this.#listen(held)
      } catch (error) {
        this.#cover(held, false)
        if (signal.aborted) return
        held.refused.abort()
        if (held.wanted.has('')) return
        const why = FleetError.from(error, `watch ${held.scope.kind}`)
        this.#deps.log.warn(
          { event: 'watch.refused', err: why, subject: held.subject, object: held.scope.kind },
          'watch refused: reading instead',
        )
        for (const listener of this.#deps.listeners) listener.refused(held.subject, held.scope, why)
        const forMs = delayMs(attempt, { ...REFUSED_RETRY_MS, jitter: this.#deps.random.next() })
        const every = { everyMs: this.#deps.pollMs ?? 10_000, forMs }
        await poll(
          this.#deps,
          { ...held, kube: this.#deps.as(held.subject), wanted: () => [...held.wanted.values()].map(({ at }) => at) },
          every,
        )
      }
    }
  }

  /** Whether one watch over all namespaces does for the kind of a namespaced scope; asked once per identity and kind. */
  async #mayWatchAll({ subject, scope, apiVersion, stop }: Held): Promise<boolean> {
    if (scope.namespace === '' || scope.name) return false
    const key = wideKey(subject, apiVersion, scope.kind)
    const known = this.#wide.get(key)
    if (known !== undefined) return known
    const kube = this.#deps.as(subject)
    const ask = async () => {
      const { signal } = stop
      const resource = await kube.discovery.resolve(apiVersion, scope.kind, signal)
      return resource !== undefined && kube.may({ verb: 'watch', group: scope.group, resource: resource.plural }, { signal })
    }
    const asked = ask().catch(() => {
      this.#wide.delete(key)
      return false
    })
    this.#wide.set(key, asked)
    return asked
  }

  /** Holds the watch over all namespaces until this scope is dropped, or until that watch is refused after all. */
  async #shareWide(held: Held): Promise<void> {
    const { subject, scope, apiVersion, stop } = held
    const ref = { group: scope.group, kind: scope.kind, namespace: '', name: '' }
    const id = this.#take(subject, { ref, apiVersion, owned: true, ...(scope.label === undefined ? {} : { label: scope.label }) })
    const refused = this.#held.get(id)?.refused.signal
    await aborted(refused ? [stop.signal, refused] : [stop.signal])
    if (!stop.signal.aborted) this.#wide.set(wideKey(subject, apiVersion, scope.kind), Promise.resolve(false))
    this.#drop(id, '')
  }

  async #listen(held: Held): Promise<void> {
    this.#open++
    try {
      await this.#tell(held)
    } finally {
      this.#open--
    }
  }

  async #tell(held: Held): Promise<void> {
    const { subject, scope } = held
    const of: Collection = {
      apiVersion: held.apiVersion,
      kind: scope.kind,
      ...(scope.namespace ? { namespace: scope.namespace } : {}),
      ...(scope.name
        ? { fieldSelector: `metadata.name=${scope.name}` }
        : { labelSelector: scope.label ?? this.#deps.label ?? OWNER_NAME_LABEL }),
    }
    const options = { signal: held.stop.signal, clock: this.#deps.clock, random: this.#deps.random }
    for await (const told of inform(this.#deps.as(subject), of, options))
      switch (told.kind) {
        case 'upsert':
          for (const listener of this.#deps.listeners) listener.observed(subject, told.object)
          break
        case 'delete':
          for (const listener of this.#deps.listeners) listener.vanished(subject, told.ref)
          break
        case 'lost':
          this.#cover(held, false)
          this.#deps.log.info({ event: 'watch.lost', err: told.error, waitMs: told.waitMs, object: groupOf(of.apiVersion) }, 'watch lost')
          break
        default:
          this.#cover(held, true)
      }
  }

  /** One that was stopped has nothing more to say: another one may be in its place already. */
  #cover(held: Held, isLive: boolean): void {
    if (held.stop.signal.aborted) return
    for (const listener of this.#deps.listeners) listener.covered(held.subject, held.scope, isLive)
  }
}

function keyOf({ ref }: Awaited): string {
  return ref.name
}

function wideKey(subject: string, apiVersion: string, kind: string): string {
  return `${subject}|${apiVersion}/${kind}`
}

function aborted(signals: readonly AbortSignal[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const any = anyOf(...signals)
  if (any.aborted) resolve()
  else any.addEventListener('abort', () => resolve(), { once: true })
  return promise
}
