import type { AppliedReport, EventReport, MirroredReport, ReachedReport, StragglerReport, VersionedRef } from '../../proto/model/report.ts'

/** What the hub was told last of an object: enough to see that there is nothing new to tell. */
export interface Told extends VersionedRef {
  /** Hash of what was told, without versions and revisions. */
  readonly hash: string
}

/** Where a source's consumers are, as the hub was told. */
export interface ToldRevision {
  readonly reached: ReachedReport
  /** Consumers that were told to be elsewhere, by object key. */
  readonly stragglers: ReadonlyMap<string, StragglerReport>
}

/** What a run applied, as far as it stays the same; how that is doing is told with it. */
export type Applied = Omit<AppliedReport, 'health' | 'message'>

/** A consumer as far as its revision goes. */
export interface ConsumerState {
  readonly key: string
  readonly object: StragglerReport['object']
  readonly ready: boolean
  readonly lastAppliedRevision: string
  readonly lastAttemptedRevision: string
}

/** Where events are kept until the hub has them: they outlive whoever recorded them. */
export interface EventJournal {
  add(event: EventReport): void
  /** The hub has all that were added but these. */
  told(untold: readonly EventReport[]): void
}

/** Looks an object up at the moment it is sent, so that what changed meanwhile is sent once. */
export type Describe = (key: string) => Promise<(MirroredReport & { readonly hash: string }) | undefined>
