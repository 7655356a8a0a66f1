import { canonicalJson } from '../../proto/base/canonical.ts'
import type { Clock } from '../../proto/base/clock.ts'
import { type Manifest, refOf } from '../../proto/model/manifest.ts'
import { RELEASE_NAME_LABEL } from '../../proto/model/names.ts'
import { type ObjectRef, refKey } from '../../proto/model/object-ref.ts'
import { hashAt, releasedFields } from './facts.ts'
import { without } from './fields.ts'
import { nextRound } from './fight.ts'
import type { Fight, Left, LiveListener, Scope } from './model.ts'

interface Fact {
  /** Hash of its values at the fields that the release wants; undefined where the object is not there. */
  readonly values: string | undefined
  readonly resourceVersion: string
}

interface Entry {
  readonly release: string
  readonly subject: string
  readonly ref: ObjectRef
  /** The fields that the release wants, as text. */
  fields: string
  /** As it was left when the release was looked at. */
  left: Fact
  /** As it was last seen. */
  seen: Fact
  /** Told, or being looked at: nothing is told of it until it is recorded. */
  isSilent: boolean
  fight: Fight | undefined
}

interface Release {
  readonly keys: ReadonlySet<string>
  /** What was in order when it was looked at, as text; undefined where it was not, or no watch would have told of a change since. */
  order: string | undefined
}

/** What is told of a release whose objects are not as they were left. */
export type ReleaseDrifted = (release: string, waitMs: number) => void

const NOTHING: Fact = { values: undefined, resourceVersion: '' }

/**
 * How the objects of releases were left, and who notices when they change. Releases whose drift is nobody's concern have no
 * entries here, and cost nothing.
 *
 * 1. Names of fields and hashes of their values are kept, never objects.
 * 2. What was left as it is, corrected or not, is told only when it changes from that.
 * 3. A change is told once, until the release is looked at again; and only while a watch of the same identity covers the object.
 * 4. What happens to an object while its release is looked at is judged when it is recorded.
 */
export class ReleaseMemory implements LiveListener {
  readonly #clock: Clock
  readonly #drifted: ReleaseDrifted
  readonly #entries = new Map<string, Entry>()
  readonly #releases = new Map<string, Release>()
  readonly #covered = new Set<string>()

  constructor(deps: { readonly clock: Clock; readonly drifted: ReleaseDrifted }) {
    this.#clock = deps.clock
    this.#drifted = deps.drifted
  }

  /** The objects of a release are going to be looked at: those that it had and has no more are forgotten. */
  expect(subject: string, release: string, refs: readonly ObjectRef[]): void {
    const keys = new Set(refs.map((ref) => keyOf(subject, ref)))
    for (const key of this.#releases.get(release)?.keys ?? []) if (!keys.has(key)) this.#entries.delete(key)
    this.#releases.set(release, { keys, order: undefined })
    for (const ref of refs) {
      const { fight, fields = '{}', seen = NOTHING } = this.#entries.get(keyOf(subject, ref)) ?? {}
      this.#entries.set(keyOf(subject, ref), { release, subject, ref, fields, left: NOTHING, seen, isSilent: true, fight })
    }
  }

  /** How an object that was expected was left. */
  record(subject: string, ref: ObjectRef, { ignored = [], live, wanted = live }: Left): void {
    const entry = this.#entries.get(keyOf(subject, ref))
    if (!entry) return
    const fields = wanted ? canonicalJson(ignored.reduce(without, releasedFields(wanted))) : entry.fields
    const isComparable = fields === entry.fields
    entry.fields = fields
    entry.left = live ? factOf(entry, live) : NOTHING
    if (!live || !isComparable || entry.seen.values === undefined || isOlder(entry.seen, entry.left)) entry.seen = entry.left
    entry.isSilent = false
    this.#judge(entry)
  }

  /** All objects of a release were found in order, under what `order` says it is. */
  confirm(release: string, order: string): void {
    const known = this.#releases.get(release)
    if (known && this.#entriesOf(release).every((entry) => this.#isCovered(entry))) known.order = order
  }

  /** True where watches tell that a release is in order as it was confirmed to be: then what happens to it is told of again. */
  isInOrder(release: string, order: string): boolean {
    const entries = this.#entriesOf(release)
    if (this.#releases.get(release)?.order !== order || !entries.every((entry) => this.#isCovered(entry) && isAsLeft(entry))) return false
    for (const entry of entries) entry.isSilent = false
    return true
  }

  /** A release is worked on: what happens to its objects from now on is that, or is seen when they are looked at again. */
  silence(release: string): void {
    for (const entry of this.#entriesOf(release)) entry.isSilent = true
  }

  forget(release: string): void {
    for (const key of this.#releases.get(release)?.keys ?? []) this.#entries.delete(key)
    this.#releases.delete(release)
  }

  observed(subject: string, live: Manifest): void {
    const entry = this.#entries.get(keyOf(subject, refOf(live)))
    if (!entry) return
    const fact = factOf(entry, live)
    if (isOlder(fact, entry.seen)) return
    entry.seen = fact
    this.#judge(entry)
  }

  vanished(subject: string, ref: ObjectRef): void {
    const entry = this.#entries.get(keyOf(subject, ref))
    if (!entry) return
    entry.seen = NOTHING
    this.#judge(entry)
  }

  covered(subject: string, scope: Scope, isLive: boolean): void {
    if (scope.label !== RELEASE_NAME_LABEL || scope.name) return
    if (!isLive) this.#covered.delete(scopeKey(subject, scope))
    else if (!this.#covered.has(scopeKey(subject, scope))) {
      this.#covered.add(scopeKey(subject, scope))
      for (const entry of this.#entries.values()) this.#judge(entry)
    }
  }

  /** What cannot be watched is looked at once per interval. */
  refused(subject: string, scope: Scope): void {
    this.covered(subject, scope, false)
  }

  #judge(entry: Entry): void {
    if (entry.isSilent || !this.#isCovered(entry) || isAsLeft(entry)) return
    const { fight, waitMs } = nextRound(entry.fight, this.#clock.now())
    entry.fight = fight
    entry.isSilent = true
    this.#drifted(entry.release, waitMs)
  }

  #entriesOf(release: string): readonly Entry[] {
    return Array.from(this.#releases.get(release)?.keys ?? []).flatMap((key) => this.#entries.get(key) ?? [])
  }

  #isCovered({ ref, subject }: Entry): boolean {
    return this.#covered.has(scopeKey(subject, ref)) || this.#covered.has(scopeKey(subject, { ...ref, namespace: '' }))
  }
}

/** What is seen may be older than what was left. */
function isAsLeft({ left, seen }: Entry): boolean {
  return seen.values === left.values || (seen.values !== undefined && isOlder(seen, left))
}

function factOf({ fields }: Entry, live: Manifest): Fact {
  return { values: hashAt(live, JSON.parse(fields)), resourceVersion: live.metadata.resourceVersion ?? '' }
}

function keyOf(subject: string, ref: ObjectRef): string {
  return `${subject}|${refKey(ref)}`
}

function scopeKey(subject: string, { group, kind, namespace }: Scope): string {
  return `${subject}|${group}/${kind}/${namespace}`
}

/** Versions of one kind are numbers that only grow (KEP-5504). */
function isOlder(a: Fact, b: Fact): boolean {
  return Number(a.resourceVersion) < Number(b.resourceVersion)
}
