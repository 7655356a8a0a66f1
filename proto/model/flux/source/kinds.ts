import { SOURCE_GROUP } from '../../names.ts'
import { FRESH_STATUS } from '../../resource/fields.ts'
import { AGE_COLUMN, READY_COLUMN, type Resource, type ResourceKind, STATUS_COLUMN } from '../../resource/kind.ts'
import { type BucketSpec, type BucketStatus, bucketSpec, bucketStatus } from './bucket.ts'
import {
  type ExternalArtifactSpec,
  type ExternalArtifactStatus,
  externalArtifactSpec,
  externalArtifactStatus,
} from './external-artifact.ts'
import { type GitRepositorySpec, type GitRepositoryStatus, gitRepositorySpec, gitRepositoryStatus } from './git-repository.ts'
import { type HelmChartSpec, type HelmChartStatus, helmChartSpec, helmChartStatus } from './helm-chart.ts'
import { type HelmRepositorySpec, type HelmRepositoryStatus, helmRepositorySpec, helmRepositoryStatus } from './helm-repository.ts'
import { type OCIRepositorySpec, type OCIRepositoryStatus, ociRepositorySpec, ociRepositoryStatus } from './oci-repository.ts'

const SOURCE = { group: SOURCE_GROUP, version: 'v1', categories: ['all', 'fluxcd', 'fluxcd-sources'], namespaced: true } as const
const URL_COLUMN = { name: 'URL', type: 'string', jsonPath: '.spec.url' } as const

export const GIT_REPOSITORY = {
  ...SOURCE,
  kind: 'GitRepository',
  plural: 'gitrepositories',
  shortNames: ['gitrepo'],
  description: 'A git repository whose content is made into an artifact.',
  columns: [URL_COLUMN, AGE_COLUMN, READY_COLUMN, STATUS_COLUMN],
  spec: gitRepositorySpec,
  status: gitRepositoryStatus,
  freshStatus: FRESH_STATUS,
} as const satisfies ResourceKind
export type GitRepository = Resource<'GitRepository', GitRepositorySpec, GitRepositoryStatus>

export const OCI_REPOSITORY = {
  ...SOURCE,
  kind: 'OCIRepository',
  plural: 'ocirepositories',
  shortNames: ['ocirepo'],
  description: 'An OCI repository, one layer of which is made into an artifact.',
  columns: [URL_COLUMN, READY_COLUMN, STATUS_COLUMN, AGE_COLUMN],
  spec: ociRepositorySpec,
  status: ociRepositoryStatus,
  freshStatus: FRESH_STATUS,
} as const satisfies ResourceKind
export type OCIRepository = Resource<'OCIRepository', OCIRepositorySpec, OCIRepositoryStatus>

export const BUCKET = {
  ...SOURCE,
  kind: 'Bucket',
  plural: 'buckets',
  shortNames: [],
  description: 'A bucket of an object storage whose content is made into an artifact.',
  columns: [{ name: 'Endpoint', type: 'string', jsonPath: '.spec.endpoint' }, AGE_COLUMN, READY_COLUMN, STATUS_COLUMN],
  spec: bucketSpec,
  status: bucketStatus,
  freshStatus: FRESH_STATUS,
} as const satisfies ResourceKind
export type Bucket = Resource<'Bucket', BucketSpec, BucketStatus>

export const HELM_REPOSITORY = {
  ...SOURCE,
  kind: 'HelmRepository',
  plural: 'helmrepositories',
  shortNames: ['helmrepo'],
  description: 'A Helm repository whose index is made into an artifact, or an OCI registry to look charts up in.',
  columns: [URL_COLUMN, AGE_COLUMN, READY_COLUMN, STATUS_COLUMN],
  spec: helmRepositorySpec,
  status: helmRepositoryStatus,
  freshStatus: FRESH_STATUS,
} as const satisfies ResourceKind
export type HelmRepository = Resource<'HelmRepository', HelmRepositorySpec, HelmRepositoryStatus>

export const HELM_CHART = {
  ...SOURCE,
  kind: 'HelmChart',
  plural: 'helmcharts',
  shortNames: ['hc'],
  description: 'A chart of a Helm repository, git repository or bucket, made into an artifact.',
  columns: [
    { name: 'Chart', type: 'string', jsonPath: '.spec.chart' },
    { name: 'Version', type: 'string', jsonPath: '.spec.version' },
    { name: 'Source Kind', type: 'string', jsonPath: '.spec.sourceRef.kind' },
    { name: 'Source Name', type: 'string', jsonPath: '.spec.sourceRef.name' },
    AGE_COLUMN,
    READY_COLUMN,
    STATUS_COLUMN,
  ],
  spec: helmChartSpec,
  status: helmChartStatus,
  freshStatus: FRESH_STATUS,
} as const satisfies ResourceKind
export type HelmChart = Resource<'HelmChart', HelmChartSpec, HelmChartStatus>

const EXTERNAL_ARTIFACT = {
  ...SOURCE,
  kind: 'ExternalArtifact',
  plural: 'externalartifacts',
  shortNames: ['ea'],
  description: 'An artifact that another controller makes.',
  columns: [AGE_COLUMN, READY_COLUMN, STATUS_COLUMN, { name: 'Source', type: 'string', jsonPath: '.spec.sourceRef.name' }],
  spec: externalArtifactSpec,
  status: externalArtifactStatus,
} as const satisfies ResourceKind
export type ExternalArtifact = Resource<'ExternalArtifact', ExternalArtifactSpec, ExternalArtifactStatus>

/** The objects that the hub fetches for. */
export type SourceObject = GitRepository | OCIRepository | Bucket | HelmRepository | HelmChart

const FETCHED: readonly string[] = [
  'GitRepository',
  'OCIRepository',
  'Bucket',
  'HelmRepository',
  'HelmChart',
] satisfies SourceObject['kind'][]

/** True for an object that the hub fetches for. */
export function isSource<Object extends { readonly kind: string }>(object: Object): object is Extract<Object, SourceObject> {
  return FETCHED.includes(object.kind)
}

/** The kinds that give artifacts. */
export const SOURCE_KINDS = [GIT_REPOSITORY, OCI_REPOSITORY, BUCKET, HELM_REPOSITORY, HELM_CHART, EXTERNAL_ARTIFACT] as const
