import type { Clock } from '../../proto/base/clock.ts'
import type { Health } from '../../proto/model/health.ts'
import { type Manifest, refOf } from '../../proto/model/manifest.ts'
import { type ObjectRef, refKey } from '../../proto/model/object-ref.ts'
import type { LiveListener, Scope } from '../drift/model.ts'
import { canBeLate, computeHealth } from './compute.ts'
import type { Awaited, Followed, HealthOutcome, ObjectHealth } from './model.ts'
import type { HealthWatches } from './ports.ts'
import { at } from './rules.ts'
import { together, verdict } from './verdict.ts'

interface Fact {
  readonly health: Health
  readonly resourceVersion: string
  readonly uid: string
  /** A finished Job that cleans itself up counts as done when it is gone. */
  readonly vanishes: boolean
}

interface Waiter {
  readonly subject: string
  readonly objects: readonly Awaited[]
  readonly check: () => void
}

const UNSEEN: Health = { status: 'Unknown', message: 'not seen yet' }
const MISSING: Health = { status: 'NotFound', message: 'Resource not found' }

/**
 * The health of objects as watches tell it, and those who wait for it. A wait is an entry in a table, not a worker.
 *
 * 1. An object is judged by its newest state seen; an older one that arrives late changes nothing.
 * 2. An object not seen is NotFound only once a watch covers it, before that Unknown.
 * 3. A wait ends healthy when all are Current, failed with the first Failed one, or at its deadline.
 */
export class HealthWaits implements LiveListener {
  readonly #clock: Clock
  readonly #watches: () => HealthWatches
  readonly #facts = new Map<string, Fact>()
  readonly #covered = new Set<string>()
  readonly #waiters = new Map<string, Set<Waiter>>()

  /** `watches` is a function because the watches tell what they see to this very object. */
  constructor(deps: { readonly clock: Clock; readonly watches: () => HealthWatches }) {
    this.#clock = deps.clock
    this.#watches = deps.watches
  }

  /** Waits for all objects; the promise holds no worker. Rejects only with the signal's reason. */
  async wait(
    subject: string,
    objects: readonly Awaited[],
    o: { readonly signal: AbortSignal; readonly timeoutMs: number },
  ): Promise<HealthOutcome> {
    if (objects.length === 0) return { kind: 'healthy' }
    const { promise, resolve } = Promise.withResolvers<HealthOutcome>()
    const check = () => {
      const outcome = verdict(this.assess(subject, objects))
      if (outcome) resolve(outcome)
    }
    using _entry = this.#enter({ subject, objects, check })
    using _held = this.#watches().hold(subject, objects)
    check()
    const timer = new AbortController()
    const signal = AbortSignal.any([o.signal, timer.signal])
    try {
      const late = this.#clock
        .sleep(o.timeoutMs, signal)
        .then((): HealthOutcome => ({ kind: 'timeout', objects: this.#unhealthy(subject, objects) }))
      return await Promise.race([promise, late])
    } finally {
      timer.abort()
    }
  }

  /** Tells when the health of one of the objects may be another. Kinds that are never late cost nothing. */
  follow(subject: string, objects: readonly Awaited[], changed: () => void): Followed {
    const followed = objects.filter(({ ref }) => canBeLate(ref))
    const entry = this.#enter({ subject, objects: followed, check: changed })
    return {
      together: () => together(this.assess(subject, followed)),
      [Symbol.dispose]: () => entry[Symbol.dispose](),
    }
  }

  /** The health of objects as far as it is known now. */
  assess(subject: string, objects: readonly Pick<Awaited, 'ref' | 'label'>[]): readonly ObjectHealth[] {
    return objects.map((object) => ({ ref: object.ref, health: this.#healthOf(subject, object) }))
  }

  observed(subject: string, live: Manifest): void {
    const key = keyOf(subject, refOf(live))
    const { uid = '', resourceVersion = '' } = live.metadata
    const held = this.#facts.get(key)
    if (held && held.uid === uid && Number(resourceVersion) < Number(held.resourceVersion)) return
    const health = computeHealth(live, this.#clock.now())
    this.#facts.set(key, {
      health,
      resourceVersion,
      uid,
      vanishes: live.kind === 'Job' && at(live, 'spec', 'ttlSecondsAfterFinished') !== undefined,
    })
    this.#tell(key)
  }

  vanished(subject: string, ref: ObjectRef): void {
    const key = keyOf(subject, ref)
    if (!this.#facts.get(key)?.vanishes) this.#facts.delete(key)
    else if (this.#waiters.has(key))
      this.#facts.set(key, { health: { status: 'Current', message: '' }, resourceVersion: '0', uid: '', vanishes: false })
    this.#tell(key)
  }

  covered(subject: string, scope: Scope, isLive: boolean): void {
    if (isLive) this.#covered.add(scopeKey(subject, scope))
    else {
      this.#covered.delete(scopeKey(subject, scope))
      if (scope.name) this.#facts.delete(keyOf(subject, { ...scope, name: scope.name }))
    }
    if (!isLive) return
    const within = `${subject}|${scope.group}/${scope.kind}/${scope.namespace && `${scope.namespace}/`}`
    for (const key of this.#waiters.keys()) if (key.startsWith(within)) this.#tell(key)
  }

  /** Polling, which the watches do instead, tells in the same words. */
  refused(): void {}

  /** Forgets objects that nobody owns any more. */
  forget(subject: string, refs: readonly ObjectRef[]): void {
    for (const ref of refs) this.#facts.delete(keyOf(subject, ref))
  }

  #healthOf(subject: string, { label, ref }: Pick<Awaited, 'ref' | 'label'>): Health {
    const isCovered = [ref, { ...ref, namespace: '' }].some(({ group, kind, namespace }) =>
      this.#covered.has(scopeKey(subject, { group, kind, namespace, ...(label === undefined ? {} : { label }) })),
    )
    const isNamed = this.#covered.has(scopeKey(subject, ref))
    const fact = this.#facts.get(keyOf(subject, ref))
    return isCovered || isNamed ? (fact?.health ?? MISSING) : UNSEEN
  }

  #unhealthy(subject: string, objects: readonly Awaited[]): readonly ObjectHealth[] {
    return this.assess(subject, objects).filter(({ health }) => health.status !== 'Current')
  }

  #enter(waiter: Waiter): Disposable {
    const keys = waiter.objects.map(({ ref }) => keyOf(waiter.subject, ref))
    for (const key of keys) this.#waiters.set(key, (this.#waiters.get(key) ?? new Set()).add(waiter))
    return {
      [Symbol.dispose]: () => {
        for (const key of keys) {
          const left = this.#waiters.get(key)
          left?.delete(waiter)
          if (left?.size === 0) this.#waiters.delete(key)
        }
      },
    }
  }

  #tell(key: string): void {
    for (const waiter of this.#waiters.get(key) ?? []) waiter.check()
  }
}

function keyOf(subject: string, ref: ObjectRef): string {
  return `${subject}|${refKey(ref)}`
}

function scopeKey(subject: string, scope: Scope): string {
  return `${subject}|${scope.group}/${scope.kind}/${scope.namespace}/${scope.name ?? `@${scope.label ?? ''}`}`
}
