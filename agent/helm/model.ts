/** Values of a chart, as JSON has them. */
export type Values = Readonly<Record<string, unknown>>

/** Helm's own words for where a release is. */
export const RELEASE_STATUS = [
  'unknown',
  'deployed',
  'uninstalled',
  'superseded',
  'failed',
  'uninstalling',
  'pending-install',
  'pending-upgrade',
  'pending-rollback',
] as const
export type ReleaseStatus = (typeof RELEASE_STATUS)[number]

/** A hook of a stored release, as Helm's storage has it. */
export interface StoredHook {
  readonly name: string
  readonly kind?: string
  readonly path?: string
  readonly manifest?: string
  readonly events?: readonly string[]
  readonly last_run?: { readonly started_at?: string; readonly completed_at?: string; readonly phase?: string }
  readonly weight?: number
  readonly delete_policies?: readonly string[]
  readonly output_log_policies?: readonly string[]
}

/** One version of a release in Helm's storage; members are named as there. */
export interface StoredRelease {
  readonly name: string
  readonly namespace: string
  readonly version: number
  readonly info: {
    readonly first_deployed?: string
    readonly last_deployed?: string
    readonly deleted?: string
    readonly description?: string
    readonly status: ReleaseStatus
    readonly notes?: string
  }
  /** `Chart.yaml` of the chart. */
  readonly metadata: ChartMetadata
  /** Values beside the chart's own; undefined where there are none. */
  readonly config: Values | undefined
  readonly manifest: string
  readonly hooks: readonly StoredHook[]
  /** `ssa` or `csa`; absent for releases of older programs, which are `csa`. */
  readonly applyMethod?: string
}

export interface ChartMetadata {
  readonly name: string
  readonly version: string
  readonly appVersion?: string
  readonly [member: string]: unknown
}

/** Where a release is kept and where its objects go. */
export interface ReleaseTarget {
  readonly name: string
  readonly namespace: string
  readonly storageNamespace: string
}

/** What was last found of a release, beside what it should be. */
export type ReleaseState =
  | { readonly kind: 'absent' | 'unmanaged' | 'out-of-sync' | 'failed' | 'locked'; readonly reason: string }
  | { readonly kind: 'untested' | 'in-sync' }

/** What may be done to a release. */
export const HELM_ACTION = ['install', 'upgrade', 'test', 'rollback', 'uninstall', 'unlock', 'correct drift'] as const
export type HelmActionName = (typeof HELM_ACTION)[number]

/** The one thing to do next. */
export type NextAction =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'install' | 'upgrade' | 'test' | 'unlock' }
  /** Takes back a failure. */
  | { readonly kind: 'rollback'; readonly to: number }
  | { readonly kind: 'uninstall' }
  /** Only a change, or a request, can help. */
  | { readonly kind: 'stalled'; readonly reason: 'RetriesExceeded' | 'MissingRollbackTarget'; readonly message: string }
