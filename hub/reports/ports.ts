import type { ClusterId } from '../../proto/model/ids.ts'
import type { Lane } from '../../proto/model/subjects.ts'
import type { Projection, Received, SourceObjectRow, SourceRow, SourceSighting } from './model.ts'

/** What a fold set in motion. */
export interface Folded {
  /** Sources to look at now: new, changed, or asked for. */
  readonly fetch: readonly string[]
  /** Sources whose consumers changed. */
  readonly settle: readonly string[]
  /** Sources whose objects came, went, went over to another one, were suspended or resumed. */
  readonly moved: readonly string[]
  /** Tenants of which a cluster said something new. */
  readonly tenants: readonly string[]
  /** Placements that are doing otherwise. */
  readonly placements: readonly string[]
  /** True when placements are to be settled. */
  readonly place: boolean
}

/** Sources that a fold has something to do about, while it goes on. */
export interface SourceWork {
  readonly fetch: Set<string>
  readonly settle: Set<string>
  readonly moved: Set<string>
}

/** What sets nothing in motion. */
export const NOTHING_FOLDED: Folded = { fetch: [], settle: [], moved: [], tenants: [], placements: [], place: false }

/** Where reports end: all of a batch in one transaction, or nothing of it. */
export interface ReportStore {
  /**
   * Folds what of the batch was not folded before; `project` is given the messages that are news, `serve` the charts
   * that are new or whose repository is.
   */
  fold(batch: readonly Received[], project: (news: readonly Received[]) => Promise<Projection>, serve: ServeSightings): Promise<Folded>
  /** Gives one namespace that another tenant has now, or one with other hosts, its sources anew. @returns undefined when none waits */
  readonly review: Reviewed
  reject(rejected: Rejected): Promise<void>
}

/** What is fetched for source objects as they were seen. */
export type ServeSightings = (sightings: readonly SourceSighting[]) => Promise<readonly SourceObjectRow[]>

export type Reviewed = (serve: ServeSightings) => Promise<Folded | undefined>

export interface Rejected {
  readonly clusterId: ClusterId
  readonly lane: Lane
  readonly reason: string
  readonly bytes: number
}

/** Whose a namespace is, and the hosts that its sources may come from; undefined for every public one. */
export interface Owner {
  readonly tenant: string
  readonly hosts: readonly string[] | undefined
}
/** The owners of those of the namespaces that have one. */
export type OwnersOf = (namespaces: readonly string[]) => Promise<ReadonlyMap<string, Owner>>

/** Opens and keeps the credential in a sealed box; answers its id. */
export type ReceiveCredential = (sealed: Uint8Array) => Promise<string>

/** Which Source serves a source object, or why none can, or that it is only looked up; undefined for kinds that are not fetched. */
export type SourceOf = (
  sighting: Omit<SourceSighting, 'clusterId'>,
  owner: Owner | undefined,
) =>
  | SourceRow
  | { readonly problem: { readonly reason: string; readonly message: string; readonly stalled: boolean } }
  | { readonly static: true }
  | undefined

/** Asks the cluster's agent to report all again. */
export type AskResync = (clusterId: ClusterId) => Promise<void>
