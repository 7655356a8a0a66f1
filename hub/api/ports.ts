import type { Clock } from '../../proto/base/clock.ts'
import type { Log } from '../../proto/base/log.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import type { ObjectRef } from '../../proto/model/object-ref.ts'
import type { ClusterService } from '../clusters/service.ts'
import type { EventService } from '../events/service.ts'
import type { ObjectService } from '../objects/service.ts'
import type { PlacementService } from '../placement/service.ts'
import type { RolloutService } from '../rollout/service.ts'
import type { TenantService } from '../tenants/service.ts'

export const CALL_VERBS = ['create', 'update', 'patch-merge', 'patch-json', 'delete', 'diff'] as const

/** A write, or a question that the mirror cannot answer, that a cluster's agent carries out as `as` (`namespace/name` of a ServiceAccount). */
export interface ClusterCall {
  readonly verb: (typeof CALL_VERBS)[number]
  readonly object: ObjectRef
  readonly apiVersion: string
  readonly as: string
  /** The object, the patch or the delete options, as JSON. */
  readonly body: unknown
  readonly dryRun: boolean
  /** The cluster's resourceVersion that the caller saw; empty when it does not matter. */
  readonly resourceVersion: string
  readonly fieldManager: string
}

/** The cluster's answer: an HTTP status, and the object or a Status. */
export interface CallAnswer {
  readonly code: number
  readonly body: unknown
}

/** @throws `unavailable` when no agent of the cluster is connected, `deadline-exceeded` when no answer came in time */
export type CallCluster = (clusterId: string, call: ClusterCall, options: { readonly signal: AbortSignal }) => Promise<CallAnswer>

/** The mirror as writes leave it: results are in it before their answer goes out. */
export interface MirrorWriter {
  fold(clusterId: string, manifest: Manifest): Promise<void>
  forget(clusterId: string, manifest: Manifest, originVersion: string): Promise<void>
}

/** Names and ids of clusters. */
export interface ClusterIndex {
  idOf(name: string): Promise<string | undefined>
  namesOf(ids: readonly string[]): Promise<ReadonlyMap<string, string>>
  /** Of these names, or of all clusters. */
  idsOf(names?: readonly string[]): Promise<readonly string[]>
  /** Namespaces with objects of the cluster. */
  namespacesIn(clusterId: string): Promise<readonly string[]>
  /** Namespaces that are some tenant's. */
  tenantNamespaces(): Promise<readonly string[]>
}

export interface AuditEntry {
  readonly subject: string
  readonly verb: string
  readonly object: string
  readonly outcome: string
  readonly detail?: string
}

export type Audit = (entry: AuditEntry) => Promise<void>

/** What the API is made of. */
export interface ApiParts {
  readonly objects: ObjectService
  readonly tenants: TenantService
  readonly members: Pick<ClusterService, 'approve' | 'remove' | 'createToken' | 'tokens' | 'revokeToken'>
  readonly events: EventService
  readonly placements: Pick<PlacementService, 'admit' | 'explain' | 'held'>
  readonly rollouts: Pick<RolloutService, 'act' | 'leftOut' | 'why' | 'whyLeftOut'>
  readonly clusters: ClusterIndex
  readonly call: CallCluster
  readonly mirror: MirrorWriter
  readonly audit: Audit
  readonly clock: Clock
  readonly log: Log
  readonly version: string
}
