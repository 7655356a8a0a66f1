import type { Cursor, Fact } from '../../proto/model/facts.ts'
import type { ClusterId } from '../../proto/model/ids.ts'
import type { ObjectRef } from '../../proto/model/object-ref.ts'

/** What an agent says of itself when it opens a session. */
export interface Greeting {
  readonly agentVersion: string
  readonly boot: bigint
  readonly facts: Readonly<Record<string, string>>
  readonly capabilities: readonly string[]
  /** Up to where it holds what was sent; undefined when it holds nothing. */
  readonly cursor: Cursor | undefined
  readonly heldDigest: string
}

/** What an agent says with each heartbeat. */
export interface Pulse {
  /** Last sequence reported per lane. */
  readonly sequences: Readonly<Record<string, bigint>>
  readonly mirrorDigest: string
  readonly mirrorCount: number
}

/** Where a cluster's facts stand in the database. */
export interface Head {
  readonly lineage: string
  readonly position: bigint
  /** Digest over all facts, as `proto/model/set-digest` computes it. */
  readonly digest: string
}

/** Facts of one cluster in the order of their positions. */
export interface Page {
  readonly clusterId: ClusterId
  readonly facts: readonly Fact[]
  /** Everything up to here is in the page or was before it. */
  readonly upTo: bigint
  /** True when nothing was left to read. */
  readonly complete: boolean
  /** Digest over all facts at `upTo`, where it was asked for and the page is complete. */
  readonly digest: string
}

/** What replicas tell each other about sessions. */
export type Notice =
  | { readonly kind: 'superseded'; readonly clusterId: ClusterId; readonly epoch: string }
  | { readonly kind: 'expelled'; readonly clusterId: ClusterId }
  | { readonly kind: 'resync'; readonly clusterId: ClusterId; readonly object?: ObjectRef }
