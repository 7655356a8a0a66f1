import type { Clock } from '../../proto/base/clock.ts'
import { anyOf } from '../../proto/base/signals.ts'
import type { HealthChecks } from '../../proto/model/flux/health-checks.ts'
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
  /** How it judges some of its objects itself; undefined where it takes the common word. */
  readonly judge: (live: Manifest) => Health | undefined
  /** What it judged, by key. */
  readonly judged: Map<string, Health>
  readonly judges: (ref: ObjectRef) => boolean
}

const UNSEEN: Health = { status: 'Unknown', message: 'not seen yet' }
const MISSING: Health = { status: 'NotFound', message: 'Resource not found' }

/**
 * The health of objects as watches tell it, and those who wait for it. A wait is an entry in a table, not a worker.
 *
 * 1. An object is judged by its newest state seen; an older one that arrives late changes nothing.
 * 2. An object not seen is NotFound only once a watch covers it, before that Unknown.
 * 3. A wait ends healthy when all are Current, failed with the first Failed one, or at its deadline.
 * 4. Who waits may judge some objects by expressions of its own; nobody else hears of that.
 */
export class HealthWaits implements LiveListener {
  readonly #clock: Clock
  readonly #watches: () => HealthWatches
  readonly #keeps: 'all' | 'awaited'
  readonly #facts = new Map<string, Fact>()
  readonly #covered = new Set<string>()
  readonly #waiters = new Map<string, Set<Waiter>>()

  /**
   * `watches` is a function because the watches tell what they see to this very object.
   * @param deps.keeps  `awaited` where watches come and go with the waits: what nobody waits for is not kept, and read anew
   */
  constructor(deps: { readonly clock: Clock; readonly watches: () => HealthWatches; readonly keeps?: 'all' | 'awaited' }) {
    this.#clock = deps.clock
    this.#watches = deps.watches
    this.#keeps = deps.keeps ?? 'all'
  }

  /** Waits for all objects; the promise holds no worker. Rejects only with the signal's reason. */
  async wait(
    subject: string,
    objects: readonly Awaited[],
    o: { readonly signal: AbortSignal; readonly timeoutMs: number; readonly checks?: HealthChecks | undefined },
  ): Promise<HealthOutcome> {
    if (objects.length === 0) return { kind: 'healthy' }
    const { promise, resolve } = Promise.withResolvers<HealthOutcome>()
    const check = () => {
      const outcome = verdict(this.#assess(waiter))
      if (outcome) resolve(outcome)
    }
    const waiter: Waiter = { subject, objects, check, ...judging(o.checks), judged: new Map() }
    using _entry = this.#enter(waiter)
    using _held = this.#watches().hold(subject, objects)
    check()
    const timer = new AbortController()
    const signal = anyOf(o.signal, timer.signal)
    try {
      const late = this.#clock
        .sleep(o.timeoutMs, signal)
        .then((): HealthOutcome => ({ kind: 'timeout', objects: this.#assess(waiter).filter(isUnhealthy) }))
      return await Promise.race([promise, late])
    } finally {
      timer.abort()
    }
  }

  /** Tells when the health of one of the objects may be another. Kinds that are never late cost nothing. */
  follow(
    subject: string,
    objects: readonly Awaited[],
    { changed, checks }: { readonly changed: () => void; readonly checks?: HealthChecks | undefined },
  ): Followed {
    const followed = objects.filter(({ ref }) => checks?.covers(ref) || canBeLate(ref))
    const { judge, judges } = judging(checks)
    // An expression over what is not there yet says that it is on its way.
    const patient = (live: Manifest) => {
      const health = judge(live)
      return health?.status === 'Unknown' ? ({ ...health, status: 'InProgress' } as const) : health
    }
    const waiter: Waiter = { subject, objects: followed, check: changed, judge: patient, judges, judged: new Map() }
    const entry = this.#enter(waiter)
    return {
      together: () => together(this.#assess(waiter)),
      [Symbol.dispose]: () => entry[Symbol.dispose](),
    }
  }

  /** The health of objects as far as it is known now. */
  assess(subject: string, objects: readonly Pick<Awaited, 'ref' | 'label'>[]): readonly ObjectHealth[] {
    return objects.map((object) => ({ ref: object.ref, health: this.#healthOf(subject, object) }))
  }

  #assess({ judged, judges, objects, subject }: Waiter): readonly ObjectHealth[] {
    return objects.map((object) => {
      const { ref, since } = object
      const common = this.#healthOf(subject, object)
      if (since !== undefined && this.#isOlder(subject, ref, since)) return { ref, health: UNSEEN }
      const isSeen = common !== UNSEEN && common !== MISSING
      return { ref, health: judges(ref) && isSeen ? (judged.get(keyOf(subject, ref)) ?? UNSEEN) : common }
    })
  }

  observed(subject: string, live: Manifest): void {
    const key = keyOf(subject, refOf(live))
    const { uid = '', resourceVersion = '' } = live.metadata
    if (this.#keeps === 'awaited' && !this.#waiters.has(key)) return
    const held = this.#facts.get(key)
    if (held && held.uid === uid && Number(resourceVersion) < Number(held.resourceVersion)) return
    const health = computeHealth(live, this.#clock.now())
    this.#facts.set(key, {
      health,
      resourceVersion,
      uid,
      vanishes: live.kind === 'Job' && at(live, 'spec', 'ttlSecondsAfterFinished') !== undefined,
    })
    for (const { judge, judged } of this.#waiters.get(key) ?? []) {
      const own = judge(live)
      if (own) judged.set(key, own)
    }
    this.#tell(key)
  }

  vanished(subject: string, ref: ObjectRef): void {
    const key = keyOf(subject, ref)
    if (!this.#facts.get(key)?.vanishes) {
      this.#facts.delete(key)
      for (const { judged } of this.#waiters.get(key) ?? []) judged.delete(key)
    } else if (this.#waiters.has(key))
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

  /** A Job that is gone because it was done has no version any more. */
  #isOlder(subject: string, ref: ObjectRef, since: string): boolean {
    const fact = this.#facts.get(keyOf(subject, ref))
    return fact !== undefined && fact.uid !== '' && Number(fact.resourceVersion) < Number(since)
  }

  #enter(waiter: Waiter): Disposable {
    const { judges, objects, subject } = waiter
    const keys = objects.map(({ ref }) => keyOf(subject, ref))
    for (const key of keys) this.#waiters.set(key, (this.#waiters.get(key) ?? new Set()).add(waiter))
    const left = new AbortController()
    // What was seen before is not kept: who judges by itself has to see it again.
    const unseen = objects.filter(({ ref }) => this.#keeps === 'awaited' || (judges(ref) && this.#facts.has(keyOf(subject, ref))))
    if (unseen.length > 0) this.#watches().look(subject, unseen, left.signal)
    return {
      [Symbol.dispose]: () => {
        left.abort()
        for (const key of keys) {
          const others = this.#waiters.get(key)
          others?.delete(waiter)
          if (others?.size !== 0) continue
          this.#waiters.delete(key)
          if (this.#keeps === 'awaited') this.#facts.delete(key)
        }
      },
    }
  }

  #tell(key: string): void {
    for (const waiter of this.#waiters.get(key) ?? []) waiter.check()
  }
}

function judging(checks: HealthChecks | undefined): Pick<Waiter, 'judge' | 'judges'> {
  return { judge: (live) => checks?.judge(live), judges: (ref) => checks?.covers(ref) ?? false }
}

function isUnhealthy({ health }: ObjectHealth): boolean {
  return health.status !== 'Current'
}

function keyOf(subject: string, ref: ObjectRef): string {
  return `${subject}|${refKey(ref)}`
}

function scopeKey(subject: string, scope: Scope): string {
  return `${subject}|${scope.group}/${scope.kind}/${scope.namespace}/${scope.name ?? `@${scope.label ?? ''}`}`
}
