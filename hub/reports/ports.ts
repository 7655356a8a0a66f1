import type { ClusterId } from '../../proto/model/ids.ts'
import type { MirroredReport } from '../../proto/model/report.ts'
import type { Lane } from '../../proto/model/subjects.ts'
import type { Projection, Received, SourceRow } from './model.ts'

/** What a fold set in motion. */
export interface Folded {
  /** Sources to look at now: new, changed, or asked for. */
  readonly fetch: readonly string[]
  /** Sources whose consumers changed. */
  readonly settle: readonly string[]
}

/** Where reports end: all of a batch in one transaction, or nothing of it. */
export interface ReportStore {
  /** Folds what of the batch was not folded before; `project` is given the messages that are news. */
  fold(batch: readonly Received[], project: (news: readonly Received[]) => Promise<Projection>): Promise<Folded>
  reject(rejected: Rejected): Promise<void>
}

export interface Rejected {
  readonly clusterId: ClusterId
  readonly lane: Lane
  readonly reason: string
  readonly bytes: number
}

/** Whether a namespace belongs to a tenant other than the platform. */
export type IsTenants = (namespace: string) => Promise<boolean>

/** Opens and keeps the credential in a sealed box; answers its id. */
export type ReceiveCredential = (sealed: Uint8Array) => Promise<string>

/** Which Source serves a GitRepository, or why none can. */
export type SourceOf = (
  object: MirroredReport,
  credentialId: string | undefined,
  trusted: boolean,
) => SourceRow | { readonly problem: { readonly reason: string; readonly message: string; readonly stalled: boolean } } | undefined

/** Asks the cluster's agent to report all again. */
export type AskResync = (clusterId: ClusterId) => Promise<void>
