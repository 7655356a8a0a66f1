import { HELM_GROUP } from '../../names.ts'
import { FRESH_STATUS } from '../../resource/fields.ts'
import { AGE_COLUMN, READY_COLUMN, type Resource, type ResourceKind, STATUS_COLUMN } from '../../resource/kind.ts'
import { type HelmReleaseSpec, type HelmReleaseStatus, helmReleaseSpec, helmReleaseStatus } from './helm-release.ts'

export const HELM_RELEASE = {
  group: HELM_GROUP,
  version: 'v2',
  kind: 'HelmRelease',
  plural: 'helmreleases',
  shortNames: ['hr'],
  categories: ['all', 'fluxcd', 'fluxcd-appliers'],
  namespaced: true,
  description: 'A Helm chart with values, kept released in the cluster.',
  columns: [AGE_COLUMN, READY_COLUMN, STATUS_COLUMN],
  spec: helmReleaseSpec,
  status: helmReleaseStatus,
  freshStatus: FRESH_STATUS,
} as const satisfies ResourceKind
export type HelmRelease = Resource<'HelmRelease', HelmReleaseSpec, HelmReleaseStatus>
