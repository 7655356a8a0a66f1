import type { ObjectDiff, ReleaseStep } from '../../../proto/model/diff.ts'
import type { HelmRelease } from '../../../proto/model/flux/helm/kinds.ts'
import type { ServiceAccountRef } from '../../../proto/model/identities.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import type { FoundChart } from '../helm/ports.ts'

type Values = Readonly<Record<string, unknown>>
type IgnoreRules = NonNullable<NonNullable<HelmRelease['spec']['driftDetection']>['ignore']>

/** A manifest, and where its release is. */
export interface Released {
  readonly name: string
  readonly namespace: string
  readonly manifest: string
}

/** What a reconcile would do next with a release, as Helm and its storage have it. */
export interface Previewed {
  readonly step: ReleaseStep
  readonly reason: string
  readonly held?: string
  /** Values of the versions that are in Helm's storage. */
  readonly configs: readonly Values[]
  readonly from:
    | (Released & {
        readonly version: number
        readonly chart: { readonly name: string; readonly version: string }
        readonly applyMethod: string
      })
    | undefined
  readonly to: Released | undefined
  readonly chart: string
  readonly hooks: readonly { readonly name: string; readonly events: readonly string[] }[]
  readonly lookedUp: readonly string[]
  readonly crds: { readonly names: readonly string[]; readonly are: 'created' | 'replaced' }
}

export type PreviewRelease<Chart extends FoundChart> = (job: {
  readonly object: HelmRelease
  readonly account: ServiceAccountRef
  readonly chart: Chart
  readonly values: Values
  readonly secrets: readonly string[]
  readonly isForced: boolean
  readonly signal: AbortSignal
}) => Promise<Previewed | { readonly problem: string }>

/** An object of a release beside the cluster's; `paths` are where live and wanted one differ. */
export interface Compared {
  readonly object: Manifest
  readonly what: ObjectDiff['what'] | 'same'
  readonly live?: Manifest
  readonly wanted?: Manifest
  readonly paths?: readonly string[]
  readonly message?: string
}

export type CompareRelease = (asked: {
  readonly to: Released
  /** The release that is there: what only it has is deleted. */
  readonly from: Released | undefined
  /** The release that is there is taken away before. */
  readonly replaces: boolean
  /** Fields that may differ: for a release that is only looked at for drift. */
  readonly ignore: IgnoreRules | undefined
  readonly account: ServiceAccountRef
  readonly signal: AbortSignal
}) => Promise<readonly Compared[]>
