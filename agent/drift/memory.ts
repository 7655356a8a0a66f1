import type { Clock } from '../../proto/base/clock.ts'
import { type Manifest, refOf } from '../../proto/model/manifest.ts'
import { OWNER_NAME_LABEL } from '../../proto/model/names.ts'
import { type ObjectRef, parseRefKey, refKey } from '../../proto/model/object-ref.ts'
import { factOf } from './facts.ts'
import { nextRound } from './fight.ts'
import type { Drift, Fight, Known, LiveFact, LiveListener, Owner, Remembered, Scope } from './model.ts'

interface Entry extends Remembered {
  readonly owner: Owner | undefined
  readonly resourceVersion: string
  /** Told as drift and not corrected yet. */
  reported: boolean
  fight: Fight | undefined
}

/** One entry in the form that is kept on disk. */
export interface StoredMemory extends Remembered {
  readonly key: string
  readonly owner?: Owner
  readonly resourceVersion: string
}

/**
 * What is known of applied objects, and who notices when they change.
 *
 * 1. Only hashes are kept, never objects.
 * 2. An object is `present` only while a watch of the same identity covers its kind and namespace.
 * 3. A change by somebody else is told once, until the object is recorded in order again.
 * 4. What happens to an object during a run of ours is judged when the run ends.
 */
export class DriftMemory implements LiveListener {
  readonly #clock: Clock
  readonly #drifted: (drift: Drift) => void
  readonly #entries = new Map<string, Entry>()
  readonly #facts = new Map<string, LiveFact>()
  readonly #covered = new Set<string>()
  readonly #running = new Map<string, number>()

  constructor(deps: { readonly clock: Clock; readonly drifted: (drift: Drift) => void }) {
    this.#clock = deps.clock
    this.#drifted = deps.drifted
  }

  known(subject: string, ref: ObjectRef): Known {
    const fact = this.#isCovered(subject, ref) ? this.#facts.get(keyOf(subject, ref)) : undefined
    return fact ? { kind: 'present', fact } : { kind: 'unknown' }
  }

  remembered(subject: string, ref: ObjectRef): Remembered | undefined {
    return this.#entries.get(keyOf(subject, ref))
  }

  during(subject: string, refs: readonly ObjectRef[]): Disposable {
    const keys = refs.map((ref) => keyOf(subject, ref))
    for (const key of keys) this.#running.set(key, (this.#running.get(key) ?? 0) + 1)
    return {
      [Symbol.dispose]: () => {
        for (const key of keys) this.#finish(key)
      },
    }
  }

  record(subject: string, { desired, live }: { readonly desired: string; readonly live: Manifest }): void {
    const key = keyOf(subject, refOf(live))
    const fact = factOf(live)
    const fight = this.#entries.get(key)?.fight
    this.#entries.set(key, { desired, owned: fact.owned, owner: fact.owner, resourceVersion: fact.resourceVersion, reported: false, fight })
    this.#keep(key, fact)
  }

  observed(subject: string, live: Manifest): void {
    if (live.metadata.labels?.[OWNER_NAME_LABEL] === undefined) return
    const key = keyOf(subject, refOf(live))
    this.#keep(key, factOf(live))
    this.#judge(key)
  }

  vanished(subject: string, ref: ObjectRef): void {
    const key = keyOf(subject, ref)
    this.#facts.delete(key)
    this.#judge(key)
  }

  covered(subject: string, scope: Scope, isLive: boolean): void {
    if (scope.name || scope.label) return
    if (!isLive) this.#covered.delete(scopeKey(subject, scope))
    else if (!this.#covered.has(scopeKey(subject, scope))) {
      this.#covered.add(scopeKey(subject, scope))
      for (const key of this.#entries.keys()) if (isWithin(key, subject, scope)) this.#judge(key)
    }
  }

  /** What cannot be watched is compared by requests instead, once per interval. */
  refused(subject: string, scope: Scope): void {
    this.covered(subject, scope, false)
  }

  /** Forgets objects that are not applied any more. */
  forget(subject: string, refs: readonly ObjectRef[]): void {
    for (const ref of refs) {
      this.#entries.delete(keyOf(subject, ref))
      this.#facts.delete(keyOf(subject, ref))
    }
  }

  /** What to keep across a restart, so that it needs no dry-run of everything. */
  snapshot(): readonly StoredMemory[] {
    return [...this.#entries].map(([key, { desired, owned, owner, resourceVersion }]) => ({
      key,
      desired,
      owned,
      resourceVersion,
      ...(owner ? { owner } : {}),
    }))
  }

  restore(stored: readonly StoredMemory[]): void {
    for (const { key, ...entry } of stored)
      if (!this.#entries.has(key)) this.#entries.set(key, { ...entry, owner: entry.owner, reported: false, fight: undefined })
  }

  #keep(key: string, fact: LiveFact): void {
    const held = this.#facts.get(key)
    if (!held || held.uid !== fact.uid || !isOlder(fact, held)) this.#facts.set(key, fact)
  }

  #finish(key: string): void {
    const left = (this.#running.get(key) ?? 1) - 1
    if (left > 0) this.#running.set(key, left)
    else {
      this.#running.delete(key)
      this.#judge(key)
    }
  }

  #judge(key: string): void {
    const entry = this.#entries.get(key)
    const at = splitKey(key)
    if (!entry?.owner || entry.reported || !at || this.#running.has(key) || !this.#isCovered(at.subject, at.ref)) return
    const fact = this.#facts.get(key)
    if (fact && ((fact.owned === entry.owned && !fact.foreign) || isOlder(fact, entry))) return
    const { fight, waitMs } = nextRound(entry.fight, this.#clock.now())
    entry.fight = fight
    entry.reported = true
    this.#drifted({ ...at, owner: entry.owner, what: fact ? 'changed' : 'deleted', waitMs })
  }

  #isCovered(subject: string, ref: ObjectRef): boolean {
    return this.#covered.has(scopeKey(subject, ref)) || this.#covered.has(scopeKey(subject, { ...ref, namespace: '' }))
  }
}

function keyOf(subject: string, ref: ObjectRef): string {
  return `${subject}|${refKey(ref)}`
}

function splitKey(key: string): { readonly subject: string; readonly ref: ObjectRef } | undefined {
  const bar = key.indexOf('|')
  const ref = parseRefKey(key.slice(bar + 1))
  return ref ? { subject: key.slice(0, bar), ref } : undefined
}

function scopeKey(subject: string, { group, kind, namespace }: Scope): string {
  return `${subject}|${group}/${kind}/${namespace}`
}

function isWithin(key: string, subject: string, scope: Scope): boolean {
  return key.startsWith(scope.namespace === '' ? `${subject}|${scope.group}/${scope.kind}/` : `${scopeKey(subject, scope)}/`)
}

/** Versions of one kind are numbers that only grow (KEP-5504). */
function isOlder(a: { readonly resourceVersion: string }, b: { readonly resourceVersion: string }): boolean {
  return Number(a.resourceVersion) < Number(b.resourceVersion)
}
