export const OBJECT_FATES = ['created', 'changed', 'deleted', 'recreated', 'refused'] as const

/** One field, secrets hidden. `from` is absent where the field is new, `to` where it goes. */
export interface FieldDiff {
  /** JSON pointer. */
  readonly path: string
  readonly from?: unknown
  readonly to?: unknown
}

/** What would become of one object. */
export interface ObjectDiff {
  /** `Kind/namespace/name`. */
  readonly object: string
  readonly apiVersion: string
  readonly what: (typeof OBJECT_FATES)[number]
  readonly fields?: readonly FieldDiff[]
  /** Why the API server would not take it. */
  readonly message?: string
}

/** What a reconcile does next with a release; `reinstall` takes the old one away first. */
export const RELEASE_STEPS = ['nothing', 'install', 'upgrade', 'reinstall', 'rollback', 'uninstall', 'unlock', 'test'] as const
export type ReleaseStep = (typeof RELEASE_STEPS)[number]

/** What a reconcile of a HelmRelease would change in its cluster now. It went out of the cluster with its secrets hidden. */
export interface ReleaseDiff {
  readonly kind: 'HelmReleaseDiff'
  readonly metadata: { readonly name: string; readonly namespace: string }
  /** The release as `namespace/name`, and the version that is there now. */
  readonly release: { readonly name: string; readonly version?: number }
  readonly step: ReleaseStep
  /** Why that is next; empty where all is in order. */
  readonly reason: string
  /** Why it is not done although it is next: suspended, given up, waiting. */
  readonly held?: string
  /** `name@version`, of what is released and of what would be. */
  readonly chart: { readonly from?: string; readonly to?: string }
  /** Objects that would not stay as they are. */
  readonly objects: readonly ObjectDiff[]
  /** Objects that would. */
  readonly unchanged: number
  /** What else is to be known, in sentences. */
  readonly notes: readonly string[]
}

/** Whether a reconcile would change anything, or somebody else has. Tests change nothing. */
export function differs({ objects, step }: Pick<ReleaseDiff, 'objects' | 'step'>): boolean {
  return objects.length > 0 || !['nothing', 'test'].includes(step)
}
