import { refKey } from '../../proto/model/object-ref.ts'
import {
  EMPTY_REPORT,
  type EventReport,
  type ReachedReport,
  type Report,
  type StragglerReport,
  type VersionedRef,
} from '../../proto/model/report.ts'
import type { Lane } from '../../proto/model/subjects.ts'
import type { Describe, Told } from './model.ts'

/** Objects in one message; together they stay far below what a message may hold. */
const OBJECTS_A_MESSAGE = 100
const EVENTS_A_MESSAGE = 200
const EVENTS_WAITING = 2000
const MESSAGE_BYTES = 1 << 20

/**
 * What is still to be told to the hub. State coalesces by object; events wait in order, up to a bound, and what the
 * bound drops is counted. A message that is on its way stays as it is until it is acknowledged, so that a repeat is the same message.
 */
export class Outbox {
  readonly #describe: Describe
  readonly #boot: bigint
  readonly #sequences: Record<Lane, bigint> = { objects: 0n, status: 0n, events: 0n, inventory: 0n }
  readonly #objects = new Set<string>()
  readonly #deletions = new Map<string, VersionedRef>()
  readonly #reached = new Map<string, ReachedReport>()
  readonly #stragglers = new Map<string, StragglerReport>()
  readonly #events: EventReport[] = []
  readonly #told = new Map<string, Told>()
  #list: string | undefined
  #dropped = 0

  constructor(boot: bigint, describe: Describe) {
    this.#boot = boot
    this.#describe = describe
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

  event(event: EventReport): void {
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

  async #content(lane: Lane): Promise<Partial<Report> | undefined> {
    switch (lane) {
      case 'objects':
        return this.#nextObjects()
      case 'status':
        return this.#nextStatus()
      case 'events':
        return this.#events.length === 0 ? undefined : { events: this.#events.splice(0, EVENTS_A_MESSAGE) }
      case 'inventory':
        return undefined
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
    if (this.#reached.size + this.#stragglers.size === 0) return undefined
    const content = { reached: [...this.#reached.values()], stragglers: [...this.#stragglers.values()] }
    this.#reached.clear()
    this.#stragglers.clear()
    return content
  }

  /** Forgets what was told, of one object or of all, so that it is told again. */
  forgetTold(key?: string): void {
    if (key === undefined) this.#told.clear()
    else this.#told.delete(key)
  }
}
