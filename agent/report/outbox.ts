import { refKey } from '../../proto/model/object-ref.ts'
import {
  type AppliedReport,
  EMPTY_REPORT,
  type EventReport,
  type PlacedReport,
  type ReachedReport,
  type Report,
  type StragglerReport,
  type TenantSetupReport,
  type VersionedRef,
} from '../../proto/model/report.ts'
import type { Lane } from '../../proto/model/subjects.ts'
import type { Describe, EventJournal, Told } from './model.ts'

/** Objects in one message; together they stay far below what a message may hold. */
const OBJECTS_A_MESSAGE = 100
const EVENTS_A_MESSAGE = 200
const TENANTS_A_MESSAGE = 500
/** Objects that words on what was applied name in one message. */
const NAMED_A_MESSAGE = 2000
const EVENTS_WAITING = 2000
const MESSAGE_BYTES = 1 << 20

/**
 * What is still to be told to the hub. State coalesces by object; events wait in order and in a journal, up to a bound, and what
 * the bound drops is counted. A message that is on its way stays as it is until it is acknowledged, so that a repeat is the same message.
 */
export class Outbox {
  readonly #describe: Describe
  readonly #boot: bigint
  readonly #sequences: Record<Lane, bigint> = { objects: 0n, status: 0n, events: 0n }
  readonly #objects = new Set<string>()
  readonly #deletions = new Map<string, VersionedRef>()
  readonly #reached = new Map<string, ReachedReport>()
  readonly #stragglers = new Map<string, StragglerReport>()
  readonly #tenants = new Map<string, TenantSetupReport>()
  readonly #untoldTenants = new Set<string>()
  readonly #placed = new Map<string, PlacedReport>()
  readonly #untoldPlaced = new Set<string>()
  readonly #applied = new Map<string, AppliedReport>()
  readonly #untoldApplied = new Set<string>()
  readonly #journal: EventJournal
  readonly #events: EventReport[]
  readonly #told = new Map<string, Told>()
  #list: string | undefined
  #dropped = 0

  /** @param left  events that an earlier process did not get to tell */
  constructor(
    boot: bigint,
    describe: Describe,
    { journal, left }: { readonly journal: EventJournal; readonly left: readonly EventReport[] },
  ) {
    this.#boot = boot
    this.#describe = describe
    this.#journal = journal
    this.#events = left.slice(-EVENTS_WAITING)
    this.#dropped = left.length - this.#events.length
  }

  /** What the hub was told of each object: the mirrored set as the hub should hold it. */
  get told(): ReadonlyMap<string, Told> {
    return this.#told
  }

  /** Number of the last message of each lane that was made. */
  get sequences(): Readonly<Record<Lane, bigint>> {
    return this.#sequences
  }

  /** Events that the bound dropped since the last call. */
  takeDropped(): number {
    const dropped = this.#dropped
    this.#dropped = 0
    return dropped
  }

  object(key: string): void {
    this.#objects.add(key)
    this.#deletions.delete(key)
  }

  deletion(gone: VersionedRef): void {
    const key = refKey(gone.ref)
    this.#objects.delete(key)
    this.#applied.delete(key)
    this.#untoldApplied.delete(key)
    this.#deletions.set(key, gone)
  }

  /** Sends a complete list after everything that waits: what it does not name is gone. */
  list(id: string): void {
    this.#list = id
  }

  revision(reached: ReachedReport, stragglers: readonly StragglerReport[]): void {
    this.#reached.set(refKey(reached.source), reached)
    for (const one of stragglers) this.#stragglers.set(refKey(one.object), one)
  }

  /** What became of a tenant; the same word again is not told again. */
  tenant(setup: TenantSetupReport): void {
    const known = this.#tenants.get(setup.tenant)
    if (known?.position === setup.position && known.problem === setup.problem) return
    this.#tenants.set(setup.tenant, setup)
    this.#untoldTenants.add(setup.tenant)
  }

  /** What became of a placed object; the same word again is not told again. */
  placed(word: PlacedReport): void {
    const key = refKey(word.object)
    const known = this.#placed.get(key)
    if (known?.position === word.position && known.state === word.state && known.message === word.message) return
    this.#placed.set(key, word)
    this.#untoldPlaced.add(key)
  }

  /** The hub knows that a placed object is gone. */
  forgetPlaced(key: string): void {
    this.#placed.delete(key)
    this.#untoldPlaced.delete(key)
  }

  /** What an object applied and how that is doing; the same word again is not told again. */
  applied(word: AppliedReport): void {
    const key = refKey(word.object)
    if (JSON.stringify(this.#applied.get(key)) === JSON.stringify(word)) return
    this.#applied.set(key, word)
    this.#untoldApplied.add(key)
  }

  event(event: EventReport): void {
    this.#journal.add(event)
    this.#events.push(event)
    if (this.#events.length <= EVENTS_WAITING) return
    this.#events.shift()
    this.#dropped++
  }

  /** The next message of a lane, or undefined when there is nothing to tell. It counts as told; repeat it until it is acknowledged. */
  async next(lane: Lane): Promise<Report | undefined> {
    const content = await this.#content(lane)
    if (!content) return undefined
    this.#sequences[lane] += 1n
    return { ...EMPTY_REPORT, boot: this.#boot, sequence: this.#sequences[lane], ...content }
  }

  /** The last message of a lane is with the hub. */
  taken(lane: Lane): void {
    if (lane === 'events') this.#journal.told(this.#events)
  }

  async #content(lane: Lane): Promise<Partial<Report> | undefined> {
    switch (lane) {
      case 'objects':
        return this.#nextObjects()
      case 'status':
        return this.#nextStatus()
      case 'events':
        return this.#events.length === 0 ? undefined : { events: this.#events.splice(0, EVENTS_A_MESSAGE) }
      default:
        return lane satisfies never
    }
  }

  async #nextObjects(): Promise<Partial<Report> | undefined> {
    const objects: Report['objects'][number][] = []
    let bytes = 0
    for (const key of this.#objects) {
      if (objects.length >= OBJECTS_A_MESSAGE || bytes > MESSAGE_BYTES) break
      this.#objects.delete(key)
      const found = await this.#describe(key)
      if (!found || found.hash === this.#told.get(key)?.hash) continue
      const { hash, ...object } = found
      this.#told.set(key, { hash, ref: object.ref, uid: object.uid, resourceVersion: object.resourceVersion })
      objects.push(object)
      bytes += JSON.stringify(object.manifest).length
    }
    const deletions = [...this.#deletions.values()]
    for (const key of this.#deletions.keys()) this.#told.delete(key)
    this.#deletions.clear()
    if (objects.length + deletions.length > 0) return { objects, deletions }
    return this.#nextList()
  }

  #nextList(): Partial<Report> | undefined {
    if (this.#list === undefined) return undefined
    const listed = [...this.#told.values()].map(({ ref, uid, resourceVersion }) => ({ ref, uid, resourceVersion }))
    const list = { id: this.#list, listed, last: true }
    this.#list = undefined
    return { list }
  }

  #nextStatus(): Partial<Report> | undefined {
    const untold = this.#untoldTenants.size + this.#untoldPlaced.size + this.#untoldApplied.size
    if (this.#reached.size + this.#stragglers.size + untold === 0) return undefined
    const names = [...this.#untoldTenants].slice(0, TENANTS_A_MESSAGE)
    const tenants = names.flatMap((name) => this.#tenants.get(name) ?? [])
    const placed = [...this.#untoldPlaced].flatMap((key) => this.#placed.get(key) ?? [])
    const content = {
      reached: [...this.#reached.values()],
      stragglers: [...this.#stragglers.values()],
      tenants,
      placed,
      applied: this.#nextApplied(),
    }
    this.#untoldPlaced.clear()
    for (const name of names) this.#untoldTenants.delete(name)
    this.#reached.clear()
    this.#stragglers.clear()
    return content
  }

  #nextApplied(): readonly AppliedReport[] {
    const words: AppliedReport[] = []
    let named = 0
    for (const key of this.#untoldApplied) {
      if (named >= NAMED_A_MESSAGE) break
      this.#untoldApplied.delete(key)
      const word = this.#applied.get(key)
      if (!word) continue
      words.push(word)
      named += 1 + word.fluxObjects.length
    }
    return words
  }

  /** Forgets what was told, of one object or of all, so that it is told again. */
  forgetTold(key?: string): void {
    if (key !== undefined) {
      this.#told.delete(key)
      return
    }
    this.#told.clear()
    for (const tenant of this.#tenants.keys()) this.#untoldTenants.add(tenant)
    for (const key of this.#placed.keys()) this.#untoldPlaced.add(key)
    for (const key of this.#applied.keys()) this.#untoldApplied.add(key)
  }
}
