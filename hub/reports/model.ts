import type { ClusterId } from '../../proto/model/ids.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import type { MirroredReport, Report, VersionedRef } from '../../proto/model/report.ts'
import type { Lane } from '../../proto/model/subjects.ts'

/** A message as it came from the stream: who sent it is what the subject says, which the broker checked. */
export interface Received {
  readonly clusterId: ClusterId
  readonly lane: Lane
  readonly report: Report
}

/** A Kustomization, or whatever else is built from a source, and what its build depends on. */
export interface ConsumerRow {
  readonly clusterId: string
  readonly group: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly sourceKind: string
  readonly sourceNamespace: string
  readonly sourceName: string
  readonly optionsDigest: string
  readonly options: unknown
  readonly suspended: boolean
}

/** What is fetched for a source object; `undefined` while it cannot be: then `problem` says why. */
export interface SourceObjectRow {
  readonly clusterId: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly generation: number
  readonly suspended: boolean
  readonly intervalMs: number
  readonly requestedAt: string
  readonly source: SourceRow | undefined
  readonly problem: { readonly reason: string; readonly message: string; readonly stalled: boolean } | undefined
  /** What the agent sent with the object: looked at again when the object is, without the agent. */
  readonly credentialId: string | undefined
  readonly credentialProblem: SourceObjectRow['problem']
}

/** A source object as it was reported. */
export type SourceSighting = Pick<SourceObjectRow, 'clusterId' | 'generation' | 'credentialId' | 'credentialProblem'> & {
  readonly manifest: Manifest
  /** What a chart is taken from, in the same cluster; undefined for other kinds, and while it is not there. */
  readonly upstream?: UpstreamSighting | undefined
}

type UpstreamSighting = Pick<SourceSighting, 'manifest' | 'credentialId' | 'credentialProblem'> & {
  /** What its cluster was given of it last. */
  readonly released?: { readonly revision: string; readonly artifact: string } | undefined
}

export interface SourceRow {
  readonly key: string
  /** Of the source that this one keeps the content of, as far as the object has it from there. */
  readonly thawed?: string
  readonly kind: string
  readonly url: string
  readonly options: unknown
  readonly credentialId: string | undefined
  /** An object of the platform refers to it: private addresses may be fetched. */
  readonly trusted: boolean
  /** The only hosts that it may be fetched from; undefined for every one. */
  readonly hosts: readonly string[] | undefined
  readonly intervalMs: number
  readonly timeoutMs: number
}

/** What an object's Ready condition says. */
export interface ObservedRow {
  readonly clusterId: string
  readonly group: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly generation: number
  readonly ready: string
  readonly reason: string
  readonly message: string
  readonly suspended: boolean
}

export interface ClusterReport<T> {
  readonly clusterId: ClusterId
  readonly value: T
}

/** What the agent sent with a chart: the public keys that must have signed it. */
export type ChartCredential = Pick<SourceObjectRow, 'clusterId' | 'namespace' | 'name' | 'credentialId' | 'credentialProblem'>

/** Everything that a batch of reports changes, last word per object. */
export interface Projection {
  readonly mirrors: readonly ClusterReport<MirroredReport>[]
  readonly deletions: readonly ClusterReport<VersionedRef>[]
  /** Complete lists: what of a cluster's mirror they do not name is gone. */
  readonly lists: readonly ClusterReport<readonly VersionedRef[]>[]
  readonly consumers: readonly ConsumerRow[]
  readonly sourceObjects: readonly SourceObjectRow[]
  /** Charts, whose Sources are found out once it is known what they are taken from. */
  readonly charts: readonly ChartCredential[]
  readonly observed: readonly ObservedRow[]
  readonly reached: readonly ClusterReport<Report['reached'][number]>[]
  readonly stragglers: readonly ClusterReport<Report['stragglers'][number]>[]
  readonly events: readonly ClusterReport<Report['events'][number]>[]
  readonly tenants: readonly ClusterReport<Report['tenants'][number]>[]
  readonly placed: readonly ClusterReport<Report['placed'][number]>[]
  readonly applied: readonly ClusterReport<Report['applied'][number]>[]
}
