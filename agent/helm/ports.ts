import type { Rest } from '../../proto/base/work-queue.ts'
import type { HelmAction, HelmAwaited, HelmOutcome } from '../../proto/helm/protocol.ts'
import type { StoredRelease } from '../../proto/helm/stored.ts'
import type { HealthChecks } from '../../proto/model/flux/health-checks.ts'
import type { HelmRelease } from '../../proto/model/flux/helm/kinds.ts'
import type { InventoryEntry } from '../../proto/model/flux/kustomize/kustomization.ts'
import type { ServiceAccountRef } from '../../proto/model/identities.ts'
import type { HelmReleaseOutcome } from '../mirror/model.ts'
import type { ReleasedObject, ReleaseRecord, ReleaseTarget, Values } from './model.ts'

/** Helm and its storage, always as one ServiceAccount. */
export interface Helm {
  /** Versions of a release, newest first. */
  history(target: ReleaseTarget, o: { account: ServiceAccountRef; signal: AbortSignal }): Promise<readonly StoredRelease[]>
  markFailed(stored: StoredRelease, o: { account: ServiceAccountRef; description: string; signal: AbortSignal }): Promise<void>
  /** Writes what has become of versions. */
  write(records: readonly ReleaseRecord[], o: { account: ServiceAccountRef; signal: AbortSignal }): Promise<void>
  run(
    action: HelmAction,
    o: {
      account: ServiceAccountRef
      deadlineMs: number
      signal: AbortSignal
      /** Waits where the action goes on after it. */
      wait?: ReleaseWait
    },
  ): Promise<HelmOutcome>
}

/** Waits for objects of a release. @returns why they are not healthy; undefined once they are */
export type ReleaseWait = (objects: readonly HelmAwaited[], stop: AbortSignal) => Promise<string | undefined>

/** How the objects of releases do, as the agent's own watches tell it. */
export interface ReleaseHealth {
  wait(
    objects: readonly HelmAwaited[],
    o: {
      account: ServiceAccountRef
      checks: HealthChecks | undefined
      /** Jobs count once they are done, not once they run. */
      withJobs: boolean
      timeoutMs: number
      signal: AbortSignal
    },
  ): Promise<string | undefined>
}

/** Compares what a release holds with the cluster, and puts it back. */
export interface Drift {
  /** True where watches tell that nothing has changed since all was found as it was released. */
  isInOrder(stored: StoredRelease, object: HelmRelease): boolean
  /** What is not as it was released, one line each; `[]` where all is. With `corrects`, it is put back. */
  look(
    stored: StoredRelease,
    o: { account: ServiceAccountRef; object: HelmRelease; corrects: boolean; signal: AbortSignal },
  ): Promise<{ readonly found: readonly string[]; readonly corrected: readonly string[]; readonly failures: readonly string[] }>
}

/** A chart that is here, and what is known of it without Helm. */
export interface ReadyChart {
  readonly name: string
  /** The version it is released under. */
  readonly version: string
  readonly appVersion: string
  /** Digest of the OCI artifact it came as. */
  readonly ociDigest?: string
  /** Puts the archive on disk until it is disposed. */
  readonly onDisk: () => Promise<AsyncDisposable & { readonly path: string }>
  /** Objects of its `crds` folders, as inventory entries. */
  readonly crds: readonly InventoryEntry[]
}

/** Everything that is said of a release while it is worked on. */
export interface ReleaseVoice {
  /** Writes the status that follows from an outcome. @returns the object with it */
  say(outcome: HelmReleaseOutcome): Promise<HelmRelease>
  /** The same, written with what is said next: for where that follows at once. */
  note(outcome: HelmReleaseOutcome): HelmRelease
  /** Writes what was noted and is not written yet. */
  written(): Promise<void>
  event(event: { readonly severity: 'info' | 'error'; readonly reason: string; readonly message: string }): void
}

/** A HelmRelease with everything that its release takes. */
export interface ReleaseJob {
  readonly object: HelmRelease
  readonly account: ServiceAccountRef
  readonly chart: ReadyChart
  readonly values: Values
  /** Texts in the values that no message may hold. */
  readonly secrets: readonly string[]
  readonly voice: ReleaseVoice
  /** A release action was asked for, needed or not. */
  readonly isForced: boolean
  readonly signal: AbortSignal
  /** Gives its place to other releases for as long as it only waits. */
  readonly rest: Rest
}

/** How a job ended: when it is to be looked at again. */
export type ReleaseEnd =
  | { readonly kind: 'settled'; readonly objects: readonly ReleasedObject[] }
  /** Nothing more can be done until something changes. */
  | { readonly kind: 'stalled' }
  /** Something went wrong that has not to do with Helm's storage, or a remedy is done: go on soon. */
  | { readonly kind: 'again'; readonly afterMs: number }
