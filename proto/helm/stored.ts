import type { HelmStatus } from './protocol.ts'

/** A hook as Helm stores it, under Helm's own names. */
export interface StoredHook {
  readonly name: string
  readonly kind: string
  readonly path?: string
  readonly manifest?: string
  readonly events?: readonly string[]
  readonly weight?: number
  readonly delete_policies?: readonly string[]
  readonly last_run?: { readonly started_at?: string; readonly completed_at?: string; readonly phase?: string }
}

/** One version of a release as it is in Helm's storage, under Helm's own names; of the chart, only its metadata. */
export interface StoredRelease {
  readonly name: string
  readonly namespace: string
  readonly version: number
  readonly info: {
    readonly status: HelmStatus
    readonly first_deployed?: string
    readonly last_deployed?: string
    readonly deleted?: string
    /** May hold values that Helm or the API server repeated: not to be shown. */
    readonly description?: string
    readonly notes?: string
  }
  readonly chart: { readonly name: string; readonly version: string; readonly appVersion?: string; readonly [more: string]: unknown }
  readonly config: Readonly<Record<string, unknown>>
  readonly manifest: string
  readonly hooks: readonly StoredHook[]
  /** Empty for releases of Helm 3, which applied on the client's side. */
  readonly applyMethod: 'ssa' | 'csa' | ''
  /** The Secret it was read from. */
  readonly secret: { readonly namespace: string; readonly name: string; readonly resourceVersion: string }
}
