import type { Condition } from '../../proto/model/condition.ts'
import type { HelmReleaseStatus } from '../../proto/model/flux/helm/helm-release.ts'
import type { FluxObject } from '../../proto/model/flux/kinds.ts'
import type { InventoryEntry } from '../../proto/model/flux/kustomize/kustomization.ts'
import type { Artifact } from '../../proto/model/flux/source/artifact.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import type { ObjectRef } from '../../proto/model/object-ref.ts'
import type { Parsed } from '../../proto/model/resource/parse.ts'

/** A Flux object of this cluster, as it was last seen. */
export interface MirroredObject {
  readonly ref: ObjectRef
  readonly manifest: Manifest
  /** The manifest parsed, or why it cannot be: CRDs of another version may let through what ours do not. */
  readonly parsed: Parsed<FluxObject>
}

/** What may differ between two sightings of an object. */
export const CHANGE = ['added', 'replaced', 'spec', 'requested', 'metadata', 'status', 'deleting', 'removed'] as const
export type Change = (typeof CHANGE)[number]

/** When and of what a status is written. */
export interface StatusMoment {
  readonly generation: number
  readonly now: Date
  /** Value of the annotation `reconcile.fluxcd.io/requestedAt`. */
  readonly requestedAt?: string
}

export const FAILURE = [
  'ArtifactFailed',
  'BuildFailed',
  'ReconciliationFailed',
  'PruneFailed',
  'HealthCheckFailed',
  'HealthCheckCanceled',
  'DependencyNotReady',
] as const
export type FailureReason = (typeof FAILURE)[number]

export const STALLED = ['InvalidCELExpression', 'FeatureGateDisabled', 'AccessDenied', 'InvalidPath', 'InvalidURL', 'URLInvalid'] as const
export type StalledReason = (typeof STALLED)[number]

/** What was applied or tried, for the history. */
export interface Attempt {
  readonly revision: string
  readonly originRevision?: string
  /** Digest of the final manifests. */
  readonly digest: string
  readonly durationMs: number
}

/** What health checks said; absent where there are none. */
export type HealthSaid = { readonly kind: 'passed'; readonly durationMs: number } | { readonly kind: 'unchecked' }

/** How one reconcile of a Kustomization ended, or how far it is. */
export type KustomizationOutcome =
  | { readonly kind: 'suspended' }
  | {
      readonly kind: 'progressing'
      readonly message: string
      readonly attemptedRevision?: string
      /** True while health checks run. */
      readonly checkingHealth?: boolean
      /** What has been applied so far, so that nothing is lost track of while health checks run. */
      readonly inventory?: readonly InventoryEntry[]
    }
  | {
      readonly kind: 'succeeded'
      readonly attempt: Attempt
      readonly inventory: readonly InventoryEntry[]
      readonly health: HealthSaid
      /** False when nothing in the cluster had to be touched. */
      readonly changed: boolean
    }
  | {
      readonly kind: 'failed'
      readonly reason: FailureReason
      readonly message: string
      /** What it was doing, where it had begun; absent where it did not get to try. */
      readonly progress?: string
      readonly attemptedRevision?: string
      /** Absent where the build did not end. */
      readonly attempt?: Attempt
      /** Absent where the inventory stays as it was. */
      readonly inventory?: readonly InventoryEntry[]
    }
  | { readonly kind: 'stalled'; readonly reason: StalledReason; readonly message: string }

/** What went wrong with a source, as the condition that says so. */
export const SOURCE_FAULT = ['FetchFailed', 'BuildFailed', 'StorageOperationFailed', 'IncludeUnavailable'] as const
export type SourceFault = (typeof SOURCE_FAULT)[number] | 'SourceVerified'

/** What a status says beside its artifact, by the kinds that have it. */
export interface SourceObservations {
  readonly url?: string
  readonly observedIgnore?: string
  readonly observedLayerSelector?: { readonly mediaType?: string; readonly operation?: 'extract' | 'copy' }
  readonly observedChartName?: string
  readonly observedSourceArtifactRevision?: string
  readonly observedValuesFiles?: readonly string[]
}

/** The status of a source object, as far as the kinds have it in common. */
export interface SourceObjectStatus extends SourceObservations {
  readonly artifact?: Artifact
  readonly conditions?: readonly Condition[]
  readonly observedGeneration?: number
  readonly lastHandledReconcileAt?: string
}

/** How one reconcile of a source object ended, or how far it is. */
export type SourceOutcome =
  | { readonly kind: 'suspended' }
  | { readonly kind: 'progressing'; readonly message: string; readonly newRevision?: string }
  | {
      readonly kind: 'stored'
      readonly artifact: Artifact
      /** How its success is told; as of a GitRepository where absent. */
      readonly said?: { readonly reason: string; readonly message: string }
      /** How the signature is told that it has. */
      readonly verified?: string
      /** Members of the status that go with the artifact; those of an earlier one that are not among them are taken out. */
      readonly observed?: SourceObservations
    }
  | { readonly kind: 'failed'; readonly fault: SourceFault; readonly reason: string; readonly message: string }
  | { readonly kind: 'stalled'; readonly reason: string; readonly message: string; readonly fault?: SourceFault }

/** What the status of a HelmRelease keeps of one version of its release. */
export type Snapshot = NonNullable<HelmReleaseStatus['history']>[number]
export type TestHook = NonNullable<Snapshot['testHooks']>[string]

/** What is done to a release; `uninstall` here is the remedy for a failure. */
export type ReleaseAct = 'install' | 'upgrade' | 'test' | 'rollback' | 'uninstall' | 'unlock'

/** Whether tests count, by the spec of a HelmRelease. */
export interface TestRules {
  readonly enabled: boolean
  /** Their failures do not make the object unready. */
  readonly ignored: boolean
}

/** Digests of what a release was rendered with beside its chart and values; empty where there is none. */
export interface Rendered {
  readonly postRenderersDigest: string
  readonly commonMetadataDigest: string
}

/** What is about to be released. */
export interface ReleaseAttempt {
  readonly chartVersion: string
  /** Digest of the OCI artifact; absent for other charts. */
  readonly ociDigest?: string
  readonly configDigest: string
  readonly storageNamespace: string
  /** The counters begin anew: what failed was something else. */
  readonly resets: boolean
  /** Values of the annotations that ask to force and to reset, where they are there. */
  readonly forceAt?: string
  readonly resetAt?: string
}

/** How one step of a HelmRelease ended, or how far it is. */
export type HelmReleaseOutcome =
  | { readonly kind: 'suspended' }
  | {
      readonly kind: 'progressing'
      readonly message: string
      /** The release action that begins; absent for other steps. */
      readonly action?: 'install' | 'upgrade'
    }
  /** What it needs is there: what is tried from now on. */
  | { readonly kind: 'attempting'; readonly attempt: ReleaseAttempt }
  /** Something it needs is not there, or an error that has nothing to do with the release; it is tried again. */
  | {
      readonly kind: 'failed'
      readonly reason: string
      readonly message: string
      /** How far it is, where that is another one than what was said last. */
      readonly progress?: string
    }
  | { readonly kind: 'stalled'; readonly reason: string; readonly message: string }
  | {
      readonly kind: 'acted'
      readonly act: ReleaseAct
      readonly isGood: boolean
      readonly message: string
      readonly durationMs: number
      readonly history: readonly Snapshot[]
      readonly tests: TestRules
      /** Counts against the strategy of the last release action. */
      readonly isCounted: boolean
      /** What a good release was rendered with. */
      readonly rendered?: Rendered
    }
  /** The old release of another target is gone, or its HelmRelease is being deleted. */
  | { readonly kind: 'left'; readonly isGood: boolean; readonly message: string }
  /** Nothing is left to do for now. */
  | {
      readonly kind: 'settled'
      readonly history: readonly Snapshot[]
      readonly tests: TestRules
      readonly inventory?: readonly InventoryEntry[]
      readonly rendered: Rendered
      /** Where drift is looked for: what was found, in one sentence; empty where nothing was. */
      readonly drift?: string
      /** What to say of the release where nothing was said yet. */
      readonly message: string
    }
