import type { Rest } from '../../../proto/base/work-queue.ts'
import type { HelmReleaseStatus } from '../../../proto/model/flux/helm/helm-release.ts'
import type { HelmRelease } from '../../../proto/model/flux/helm/kinds.ts'
import type { ServiceAccountRef } from '../../../proto/model/identities.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import type { ObjectRef } from '../../../proto/model/object-ref.ts'
import type { ReleasedObject } from '../../helm/model.ts'
import type { HelmReleaseOutcome, ReleaseAttempt, StatusMoment } from '../../mirror/model.ts'
import type { HelmPlan } from './model.ts'

/** What the agent sees and holds at this moment. */
export interface HelmView {
  release(key: string): HelmRelease | undefined
  plan(object: HelmRelease): HelmPlan
  chart(ref: ObjectRef): Manifest | undefined
}

type As = { readonly account: ServiceAccountRef; readonly signal: AbortSignal }
export type Outcome<T> = T | { readonly reason: string; readonly problem: string }

/** HelmCharts in the cluster, each written as the default identity of its namespace. */
export interface ChartDesk {
  /** @returns why it could not be; undefined where it is in place */
  put(chart: Manifest, signal: AbortSignal): Promise<string | undefined>
  remove(ref: ObjectRef, signal: AbortSignal): Promise<string | undefined>
}

/** A chart that is here, with what this concept looks at. */
export interface FoundChart {
  readonly name: string
  readonly version: string
  readonly appVersion: string
  readonly ociDigest?: string
}

/** The release itself: decisions and actions of `helm`, with one chart type between them. */
export interface Releases<Chart extends FoundChart = FoundChart> {
  /** The chart of a digest under the version it is released as. */
  chart(o: {
    readonly digest: string
    readonly revision: string
    readonly isOci: boolean
    readonly signal: AbortSignal
  }): Promise<Outcome<{ readonly chart: Chart }>>
  values(
    object: HelmRelease,
    as: As,
  ): Promise<Outcome<{ readonly values: Readonly<Record<string, unknown>>; readonly secrets: readonly string[] }>>
  /** Why the present release is to be taken away first. */
  targetChange(object: HelmRelease, chartName: string): string | undefined
  attempt(object: HelmRelease, chart: Chart, values: Readonly<Record<string, unknown>>): ReleaseAttempt
  forces(object: HelmRelease): boolean
  release(job: {
    readonly object: HelmRelease
    readonly account: ServiceAccountRef
    readonly chart: Chart
    readonly values: Readonly<Record<string, unknown>>
    readonly secrets: readonly string[]
    readonly voice: JobVoice
    readonly isForced: boolean
    readonly signal: AbortSignal
    readonly rest: Rest
  }): Promise<ReleaseEnd>
  /** Uninstalls what the history tells of. @returns whether it is gone */
  leave(o: As & { readonly object: HelmRelease; readonly voice: JobVoice }): Promise<boolean>
}

/** How a job ended: when it is to be looked at again. */
type ReleaseEnd =
  | { readonly kind: 'settled'; readonly objects: readonly ReleasedObject[] }
  | { readonly kind: 'stalled' }
  | { readonly kind: 'again'; readonly afterMs: number }

/** A release that is as it should be. */
export interface SettledRelease {
  readonly key: string
  readonly object: HelmRelease
  readonly account: ServiceAccountRef
  /** Digest of the chart archive. */
  readonly bundle: string
  readonly objects: readonly ReleasedObject[]
  /** True where Helm has just changed the cluster. */
  readonly isActed: boolean
}

/** Follows what releases hold: for drift, and so that the hub is told how it is doing. */
export interface ReleaseWatch {
  /** A release is worked on: what happens to its objects from now on is that, or is seen when they are looked at again. */
  silence(key: string): void
  /** Follows what the release holds by now, instead of what it held before. */
  settled(release: SettledRelease, signal: AbortSignal): Promise<void>
  forget(key: string): void
}

export interface JobVoice {
  say(outcome: HelmReleaseOutcome): Promise<HelmRelease>
  note(outcome: HelmReleaseOutcome): HelmRelease
  written(): Promise<void>
  event(event: { readonly severity: 'info' | 'error'; readonly reason: string; readonly message: string }): void
}

/** Everything that is written about HelmReleases. */
export interface HelmVoice {
  helmStatus(key: string, status: HelmReleaseStatus, signal: AbortSignal): Promise<void>
  finalizer(key: string, wanted: 'present' | 'absent', signal: AbortSignal): Promise<void>
  event(
    key: string,
    event: {
      readonly severity: 'info' | 'error'
      readonly reason: string
      readonly message: string
      readonly revision: string
      readonly notes?: Readonly<Record<string, string>>
    },
  ): void
}

export type NextStatus = (old: HelmReleaseStatus, outcome: HelmReleaseOutcome, at: StatusMoment) => HelmReleaseStatus

/** Whether what a release needs to be taken away is there. */
export interface Ground {
  /** False only when the ServiceAccount is gone for good, or its namespace is going. */
  accountExists(account: ServiceAccountRef, signal: AbortSignal): Promise<boolean>
  namespaceExists(namespace: string, signal: AbortSignal): Promise<boolean>
}
