import { SOURCE_GROUP } from '../../names.ts'
import { FRESH_STATUS } from '../../resource/fields.ts'
import { AGE_COLUMN, READY_COLUMN, type Resource, type ResourceKind, STATUS_COLUMN } from '../../resource/kind.ts'
import { type GitRepositorySpec, type GitRepositoryStatus, gitRepositorySpec, gitRepositoryStatus } from './git-repository.ts'

const SOURCE = {
  group: SOURCE_GROUP,
  version: 'v1',
  categories: ['all', 'fluxcd', 'fluxcd-sources'],
  namespaced: true,
  freshStatus: FRESH_STATUS,
} as const
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
} as const satisfies ResourceKind
export type GitRepository = Resource<'GitRepository', GitRepositorySpec, GitRepositoryStatus>
