import type { ObjectRef } from '../../proto/model/object-ref.ts'

export interface ClusterEvent {
  readonly clusterId: string
  /** uid of the core/v1 Event in the cluster. */
  readonly id: string
  readonly object: ObjectRef
  /** uid of the object, where the mirror has it. */
  readonly objectUid: string | undefined
  readonly severity: string
  readonly reason: string
  readonly message: string
  readonly revision: string
  readonly at: Date
}

export interface EventQuery {
  /** Cluster ids; every cluster where absent. */
  readonly clusters: readonly string[] | undefined
  readonly namespaces: readonly string[] | undefined
  readonly kind?: string | undefined
  readonly name?: string | undefined
  readonly limit: number
}

/** Events, oldest first, and where those that follow begin. */
export interface EventPage {
  readonly events: readonly ClusterEvent[]
  readonly position: bigint
}
