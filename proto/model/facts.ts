import type { Manifest } from './manifest.ts'
import type { ObjectRef } from './object-ref.ts'

/** Why something could not be done; `reason` is a Flux condition reason, `stalled` means that trying again cannot help. */
export interface FactProblem {
  readonly reason: string
  readonly message: string
  readonly stalled: boolean
}

/** What an object of a cluster should be: a bundle of content, or why there is none. */
export interface DesiredFact {
  readonly kind: 'desired'
  readonly object: ObjectRef
  readonly source: ObjectRef
  readonly optionsDigest: string
  readonly content: { readonly bundle: string } | { readonly problem: FactProblem }
  readonly position: bigint
}

/** The revision that a source object is given; it covers all desired facts of its consumers. */
export interface ReleaseFact {
  readonly kind: 'release'
  readonly source: ObjectRef
  readonly revision: string
  readonly setDigest: string
  readonly position: bigint
}

/** What the hub found at a source. */
export interface SourceStatusFact {
  readonly kind: 'source-status'
  readonly source: ObjectRef
  readonly generation: number
  readonly revision: string
  readonly artifactDigest: string
  readonly artifactBytes: number
  readonly artifactAt: Date
  /** What else is told of the artifact: annotations of an OCI artifact, name and making of a chart. */
  readonly metadata?: Readonly<Record<string, string>>
  readonly problem: FactProblem | undefined
  readonly handledAt: string
  readonly position: bigint
}

/** A tenant that the cluster serves, or no longer does. */
export interface TenantFact {
  readonly kind: 'tenant'
  readonly tenant: string
  readonly namespaces: readonly string[]
  readonly clusterRole: string
  readonly serviceAccount: string
  readonly removed: boolean
  readonly position: bigint
}

/** An object that a Placement puts into the cluster; what is to go stays a fact until the agent has said that it is gone. */
export interface PlacedFact {
  readonly kind: 'placed'
  readonly object: ObjectRef
  /** The Placement, `namespace/name`. */
  readonly placement: string
  readonly content: { readonly manifest: Manifest } | { readonly leaving: 'delete' | 'orphan' }
  readonly position: bigint
}

/** What the fleet knows of the cluster itself. */
export interface ClusterFact {
  readonly kind: 'cluster'
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly variables: Readonly<Record<string, string>>
  readonly position: bigint
}

/** A fact that is no longer there. */
export interface RemovedFact {
  readonly kind: 'removed'
  readonly fact: 'desired' | 'release' | 'source-status' | 'placed'
  readonly object: ObjectRef
  readonly position: bigint
}

/** Everything that is numbered on the way down to a cluster. */
export type Fact = DesiredFact | ReleaseFact | SourceStatusFact | TenantFact | PlacedFact | ClusterFact | RemovedFact

/** A place in a cluster's numbered facts; a cursor of another lineage belongs to another database. */
export interface Cursor {
  readonly lineage: string
  readonly position: bigint
}
