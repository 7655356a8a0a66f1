import type { HelmReleaseStatus } from '../../../proto/model/flux/helm/helm-release.ts'
import { HELM_RELEASE } from '../../../proto/model/flux/helm/kinds.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'

/** What a HelmRelease tells of one version of its release. */
export type Snapshot = NonNullable<HelmReleaseStatus['history']>[number]

export function isRelease({ kind }: Manifest): boolean {
  return kind === HELM_RELEASE.kind
}

/** The versions of the release that are remembered, newest first. */
export function snapshotsOf({ status }: Manifest): readonly Snapshot[] {
  return (status as Partial<HelmReleaseStatus> | undefined)?.history ?? []
}

/** The chart's version that is released, else the one that was tried last; as flux shows it. */
export function releaseRevision(object: Manifest): string {
  return snapshotsOf(object)[0]?.chartVersion ?? (object.status as Partial<HelmReleaseStatus> | undefined)?.lastAttemptedRevision ?? ''
}
