import type { FactProblem } from './facts.ts'
import type { Manifest } from './manifest.ts'
import type { ObjectRef } from './object-ref.ts'

/** An object of a cluster as its agent saw it: without managedFields, status without what follows from the revision. */
export interface MirroredReport {
  readonly ref: ObjectRef
  readonly uid: string
  readonly generation: number
  /** The cluster's own resourceVersion. */
  readonly resourceVersion: string
  readonly manifest: Manifest
  /** A source object's credential, sealed to the hub's key. */
  readonly sealedCredential: Uint8Array | undefined
  readonly credentialProblem: FactProblem | undefined
}

export interface VersionedRef {
  readonly ref: ObjectRef
  readonly uid: string
  readonly resourceVersion: string
}

/** A page of a complete list; what no page names is gone once the last one is folded. */
export interface ListPage {
  readonly id: string
  readonly listed: readonly VersionedRef[]
  readonly last: boolean
}

/** All consumers of a source object but the stragglers are at `revision`. */
export interface ReachedReport {
  readonly source: ObjectRef
  readonly revision: string
  readonly ready: number
  readonly notReady: number
  readonly setDigest: string
  readonly at: Date
}

/** An object that is not where `ReachedReport` says, or is again (`inLine`). */
export interface StragglerReport {
  readonly object: ObjectRef
  readonly lastAppliedRevision: string
  readonly lastAttemptedRevision: string
  readonly inLine: boolean
}

export interface EventReport {
  readonly id: string
  readonly object: ObjectRef
  readonly severity: string
  readonly reason: string
  readonly message: string
  readonly revision: string
  readonly at: Date
}

/** What became of a tenant's access: it is set up, or `problem` says what is in the way. */
export interface TenantSetupReport {
  readonly tenant: string
  /** Position of the fact that this answers. */
  readonly position: bigint
  readonly problem: string | undefined
}

/** What became of an object that a Placement puts into the cluster. */
export const PLACED_STATES = ['placed', 'refused', 'removing', 'gone'] as const
export type PlacedState = (typeof PLACED_STATES)[number]

/** The agent's word on one placed object. */
export interface PlacedReport {
  readonly object: ObjectRef
  /** Position of the fact that this answers. */
  readonly position: bigint
  readonly state: PlacedState
  /** What is in the way; empty where nothing is. */
  readonly message: string
}

/** How everything that an object applied is doing together, by kstatus' words; `NotAssessed` where somebody else than the agent applies. */
export const APPLIED_HEALTH = ['Current', 'InProgress', 'Failed', 'NotAssessed'] as const
export type AppliedHealth = (typeof APPLIED_HEALTH)[number]

/** A Flux object among what was applied, as that left it; it may have moved on since. */
export interface AppliedObject {
  readonly ref: ObjectRef
  readonly uid: string
  readonly generation: number
}

/** What an object applied last without failing, and how that is doing by now. */
export interface AppliedReport {
  readonly object: ObjectRef
  readonly uid: string
  readonly generation: number
  /** Digest of the bundle. */
  readonly bundle: string
  readonly health: AppliedHealth
  /** The first object that is to blame, and why; empty when Current. */
  readonly message: string
  readonly fluxObjects: readonly AppliedObject[]
}

/** One message of an agent. (boot, sequence) per cluster and lane orders it and is its de-duplication. */
export interface Report {
  readonly boot: bigint
  readonly sequence: bigint
  readonly objects: readonly MirroredReport[]
  readonly deletions: readonly VersionedRef[]
  readonly list: ListPage | undefined
  readonly reached: readonly ReachedReport[]
  readonly stragglers: readonly StragglerReport[]
  readonly events: readonly EventReport[]
  readonly tenants: readonly TenantSetupReport[]
  readonly placed: readonly PlacedReport[]
  readonly applied: readonly AppliedReport[]
}

/** A report that says nothing; a start for those that say something. */
export const EMPTY_REPORT: Report = {
  boot: 0n,
  sequence: 0n,
  objects: [],
  deletions: [],
  list: undefined,
  reached: [],
  stragglers: [],
  events: [],
  tenants: [],
  placed: [],
  applied: [],
}
