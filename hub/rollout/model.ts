import type { Amount } from '../../proto/model/fleet/amount.ts'
import type { ClusterChoice } from '../../proto/model/fleet/clusters.ts'
import type { OnNewRevision, RolloutAction } from '../../proto/model/fleet/rollout.ts'
import type { RunCause, RunState } from '../../proto/model/fleet/rollout-status.ts'
import type { ClusterId } from '../../proto/model/ids.ts'

/** What a source object is given: an immutable revision and the digest of the filtered tree that it names. */
export interface Content {
  readonly revision: string
  readonly artifact: string
}

/** What a Rollout moves: the object of this kind, namespace and name in each of its clusters. */
export interface SourceObject {
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/** A source, or a Placement, with something to settle; in these clusters alone where they are named. */
export interface Settle {
  readonly key: string
  readonly clusters?: readonly string[]
}

/** Before the uid of a Placement in what is to be settled; everything else there is the key of a source. Persisted nowhere. */
export const PLACEMENT_KEY = 'placement:'

/** The uid, where it is a Placement that is to be settled. */
export function placementOf(key: string): string | undefined {
  return key.startsWith(PLACEMENT_KEY) ? key.slice(PLACEMENT_KEY.length) : undefined
}

/** States in which a run does nothing more. */
export const RUN_ENDS = ['succeeded', 'stopped', 'rolled-back', 'superseded'] as const satisfies readonly RunState[]

/** One cluster in one run. */
export const TARGET_STATES = ['waiting', 'released', 'healthy', 'failed', 'offline', 'rolled-back', 'gone'] as const
export type TargetState = (typeof TARGET_STATES)[number]

export const WAVE_STATES = ['waiting', 'pending', 'progressing', 'soaking', 'complete', 'skipped'] as const
export type WaveState = (typeof WAVE_STATES)[number]

/** A wave as the run pinned it when it started. */
export interface WavePlan {
  readonly name: string
  /** Undefined takes every cluster that is in no wave before, up to `max`. */
  readonly clusters?: ClusterChoice | undefined
  readonly max?: Amount | undefined
  readonly maxConcurrent: Amount
  readonly soakMs: number
  readonly approval: boolean
}

/** A wave of a run and how far it is. */
export interface Wave {
  readonly plan: WavePlan
  readonly state: WaveState
  /** When its first cluster was released, or it was complete without any. */
  readonly startedAt?: Date | undefined
  readonly completedAt?: Date | undefined
  readonly approvedBy?: string | undefined
  readonly skippedBy?: string | undefined
}

/** What a cluster was given by the run: nothing, the run's content, or what it had before. */
export const GIVEN = ['nothing', 'content', 'before'] as const
export type Given = (typeof GIVEN)[number]

/** Why a cluster is not healthy: the first object that says so. */
export interface Complaint {
  /** `Kind/namespace/name` */
  readonly object?: string | undefined
  readonly reason?: string | undefined
  readonly message: string
}

export interface Target {
  readonly cluster: ClusterId
  readonly name: string
  /** Index of its wave. */
  readonly wave: number
  readonly state: TargetState
  /** With `before` it is on its way back: `released` until its agent acknowledged that. */
  readonly given: Given
  /** The look at which it was given that: what was known then says nothing of it yet. */
  readonly givenAt?: Date | undefined
  /** What it goes back to, as it was when the run gave it something; undefined where it had nothing. */
  readonly before?: Content | undefined
  /**
   * Reading of the run's watched clock from which its state counts, moved on by what was not watched: for `released` since
   * the agent's acknowledgement (undefined until then), for `healthy` since it was first seen so.
   */
  readonly sinceMs?: number | undefined
  /** What it was before it went offline, and is again when it is back. */
  readonly was?: TargetState | undefined
  readonly complaint?: Complaint | undefined
  /** True once it failed in this run, also where it recovered: failures count over the whole run. */
  readonly failedOnce?: boolean | undefined
}

/** What a run does about failures, pinned when it starts. */
export interface Policy {
  readonly maxFailures: Amount
  readonly progressDeadlineMs: number
  readonly action: RolloutAction
  readonly onNewRevision: OnNewRevision
}

/** One revision on its way through the waves. */
export interface Run {
  readonly id: string
  readonly cause: RunCause
  readonly content: Content
  readonly policy: Policy
  readonly waves: readonly Wave[]
  readonly targets: ReadonlyMap<ClusterId, Target>
  readonly state: RunState
  /** Milliseconds that the run was watched for. */
  readonly clockMs: number
  /** When it was last looked at; undefined before the first look. */
  readonly lookedAt?: Date | undefined
  readonly startedAt: Date
  readonly endedAt?: Date | undefined
  /** How it ended, in a sentence. */
  readonly outcome?: string | undefined
}

/** How a cluster does at the run's revision; see `judge`. `offline` is also a suspended source. */
export const TARGET_HEALTH = ['healthy', 'progressing', 'failed', 'offline', 'unknown'] as const
export type TargetHealth = (typeof TARGET_HEALTH)[number]

/** A cluster that the Rollout governs, as it is now. */
export interface ClusterFacts {
  readonly cluster: ClusterId
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly health: TargetHealth
  readonly complaint?: Complaint | undefined
  /**
   * What a rollback gives it: the content that it has, or, where that is the run's own revision or one marked bad, the
   * last one that it had before. Read only when the cluster is given something.
   */
  readonly before?: Content | undefined
  /** The revision of its Release, once its agent acknowledged that Release; undefined until then. */
  readonly acked?: string | undefined
  /** Milliseconds since the run's last look in which its session was live and its reports were folded. */
  readonly watchedMs: number
}

/** What `advance` decides by, beside the run itself. */
export interface Facts {
  /** Every cluster that the Rollout governs; a target that is not among them is gone. */
  readonly clusters: readonly ClusterFacts[]
  /** Whether windows let clusters be released now, and when that changes; always open without windows. */
  readonly window: WindowState
  /** True while a person has stopped releases, or `spec.suspend` does. */
  readonly paused: boolean
  /** Who approved which wave, by its name. */
  readonly approvals: ReadonlyMap<string, string>
  /** Who skipped which wave, by its name. */
  readonly skips: ReadonlyMap<string, string>
  /** The run that is to come: see `nextRun`. One that a person started ends any other. */
  readonly next?: NextRun | undefined
}

export interface WindowState {
  readonly open: boolean
  /** When it opens or closes next; undefined when it never does. */
  readonly changesAt?: Date | undefined
}

/** A run that is to start. */
export interface NextRun {
  readonly content: Content
  readonly cause: RunCause
}

/** What the service carries out, in one transaction with the run. */
export type Step =
  /** Give these clusters the run's content. */
  | { readonly kind: 'release'; readonly content: Content; readonly clusters: readonly ClusterId[] }
  /** Give these clusters what they had; one step for each content. */
  | { readonly kind: 'take-back'; readonly content: Content; readonly clusters: readonly ClusterId[] }
  /** Never start a run of this revision by itself again. */
  | { readonly kind: 'mark-bad'; readonly revision: string }
  /** It went well everywhere: where it was marked before, it is not any more. */
  | { readonly kind: 'unmark'; readonly revision: string }
  /** Write an event of the run; `people` says that someone should hear of it. */
  | {
      readonly kind: 'record'
      readonly event: RunEvent
      readonly severity: 'info' | 'error'
      readonly people: boolean
      readonly message: string
      readonly wave?: string | undefined
      readonly cluster?: string | undefined
      /** How many clusters it is about, where that is more than one. */
      readonly count?: number | undefined
    }
  /** Look again at this time, also if nothing is heard. */
  | { readonly kind: 'look-again'; readonly at: Date }

export const RUN_EVENTS = [
  'rollout.wave.started',
  'rollout.wave.approval-needed',
  'rollout.wave.completed',
  'rollout.wave.skipped',
  'rollout.cluster.failed',
  'rollout.run.rolling-back',
  'rollout.run.succeeded',
  'rollout.run.stopped',
  'rollout.run.rolled-back',
  'rollout.run.superseded',
] as const
export type RunEvent = (typeof RUN_EVENTS)[number]

/** What `advance` gives back; the same `run` when nothing changed, and the same target for each that did not. */
export interface Advanced {
  readonly run: Run
  readonly steps: readonly Step[]
}

/** What outlives the runs of a Rollout and decides which one starts. */
export interface Standing {
  /** The newest content that every Source resolved, if any. */
  readonly newest?: Content | undefined
  /**
   * The newest revision there was when the last run started: it does not start another one. Undefined before the first run;
   * after the end of a hold what the last run moved.
   */
  readonly seen?: string | undefined
  /** Revisions that a rollback marked. */
  readonly bad: ReadonlySet<string>
  /** Set by a rollback by hand, until `resume`. */
  readonly held: boolean
  /** `spec.suspend`. */
  readonly suspended: boolean
  /** What a person asked for, as long as no run was started for it. */
  readonly asked?: { readonly content: Content; readonly cause: 'promote' | 'rollback' } | undefined
}
