import type { OnUnmatch, PlacementSpec } from '../../proto/model/fleet/placement.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import type { ObjectRef } from '../../proto/model/object-ref.ts'

/** A Placement as it is to be carried out. */
export interface PlacementFacts {
  readonly uid: string
  readonly namespace: string
  readonly name: string
  readonly generation: number
  /** The tenant of its namespace; undefined where the namespace is nobody's (any more). */
  readonly tenant: string | undefined
  /** Where objects go that name no namespace. */
  readonly firstNamespace: string
  /** True once it is deleted or gone: its objects leave every cluster. */
  readonly leaving: boolean
  readonly spec: PlacementSpec
}

/** What placements read of a cluster. */
export interface ClusterFacts {
  readonly id: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly facts: Readonly<Record<string, string | number | boolean>>
  readonly variables: Readonly<Record<string, string>>
  /** What its agent can do; undefined while it has said nothing. */
  readonly capabilities: readonly string[] | undefined
  /** Namespaces by tenant that the cluster serves, the platform apart. */
  readonly tenants: ReadonlyMap<string, readonly string[]>
}

/** Why something of a Placement is not sent to a cluster. */
export interface TargetProblem {
  /** `Kind/namespace/name`, where it is about one object. */
  readonly object?: string
  readonly message: string
}

/** A cluster that a Placement chooses, and what it is to have of it. */
export interface Target {
  readonly placement: string
  readonly clusterId: string
  /** The revision that it is to have; undefined while it is to have none. */
  readonly revision: string | undefined
  readonly problems: readonly TargetProblem[]
  /** True where another Placement gives the cluster one of the objects. */
  readonly blocked: boolean
}

/** An object in a cluster by the word of a Placement. */
export interface PlacedRow {
  readonly clusterId: string
  readonly ref: ObjectRef
  /** uid of the Placement, and its `namespace/name`. */
  readonly placement: string
  readonly owner: string
  /** Digest of the manifest; undefined while the object is to go. */
  readonly manifest: string | undefined
  readonly leaving: OnUnmatch | undefined
}

/** An object for one cluster. */
export interface Expanded {
  readonly ref: ObjectRef
  readonly manifest: Manifest
  readonly digest: string
}

export const TARGET_STATES = ['placed', 'pending', 'offline', 'failed', 'removing'] as const
export type TargetState = (typeof TARGET_STATES)[number]

export const PLACEMENT_EVENTS = ['placement.changed', 'placement.placed', 'placement.failed', 'placement.gone'] as const

/** Something of a Placement that people may want to hear of. */
export interface PlacementNews {
  readonly event: (typeof PLACEMENT_EVENTS)[number]
  readonly severity: 'info' | 'error'
  readonly message: string
}
