import { IMAGE_GROUP } from '../../names.ts'
import { FRESH_STATUS } from '../../resource/fields.ts'
import { AGE_COLUMN, READY_COLUMN, type Resource, type ResourceKind, STATUS_COLUMN } from '../../resource/kind.ts'
import { type ImagePolicySpec, type ImagePolicyStatus, imagePolicySpec, imagePolicyStatus } from './image-policy.ts'
import { type ImageRepositorySpec, type ImageRepositoryStatus, imageRepositorySpec, imageRepositoryStatus } from './image-repository.ts'
import {
  type ImageUpdateAutomationSpec,
  type ImageUpdateAutomationStatus,
  imageUpdateAutomationSpec,
  imageUpdateAutomationStatus,
} from './image-update-automation.ts'

const IMAGE = {
  group: IMAGE_GROUP,
  version: 'v1',
  categories: ['all', 'fluxcd', 'fluxcd-images'],
  namespaced: true,
  freshStatus: FRESH_STATUS,
} as const

const IMAGE_REPOSITORY = {
  ...IMAGE,
  kind: 'ImageRepository',
  plural: 'imagerepositories',
  shortNames: ['imgrepo', 'imagerepo'],
  description: 'An image whose tags are scanned.',
  columns: [
    { name: 'Image', type: 'string', jsonPath: '.spec.image' },
    { name: 'Tags', type: 'string', jsonPath: '.status.lastScanResult.tagCount' },
    READY_COLUMN,
    STATUS_COLUMN,
    { name: 'Last scan', type: 'string', jsonPath: '.status.lastScanResult.scanTime', priority: 1 },
    AGE_COLUMN,
  ],
  spec: imageRepositorySpec,
  status: imageRepositoryStatus,
} as const satisfies ResourceKind
export type ImageRepository = Resource<'ImageRepository', ImageRepositorySpec, ImageRepositoryStatus>

const IMAGE_POLICY = {
  ...IMAGE,
  kind: 'ImagePolicy',
  plural: 'imagepolicies',
  shortNames: ['imgpol', 'imagepol'],
  description: 'A rule that chooses one tag of a scanned image.',
  columns: [
    { name: 'Image', type: 'string', jsonPath: '.status.latestRef.name' },
    { name: 'Tag', type: 'string', jsonPath: '.status.latestRef.tag' },
    READY_COLUMN,
    STATUS_COLUMN,
    AGE_COLUMN,
  ],
  spec: imagePolicySpec,
  status: imagePolicyStatus,
} as const satisfies ResourceKind
export type ImagePolicy = Resource<'ImagePolicy', ImagePolicySpec, ImagePolicyStatus>

const IMAGE_UPDATE_AUTOMATION = {
  ...IMAGE,
  kind: 'ImageUpdateAutomation',
  plural: 'imageupdateautomations',
  shortNames: ['iua', 'imgupd', 'imgauto'],
  description: 'Writes chosen images into a git repository.',
  columns: [
    READY_COLUMN,
    STATUS_COLUMN,
    { name: 'Last run', type: 'string', jsonPath: '.status.lastAutomationRunTime', priority: 1 },
    AGE_COLUMN,
  ],
  spec: imageUpdateAutomationSpec,
  status: imageUpdateAutomationStatus,
} as const satisfies ResourceKind
export type ImageUpdateAutomation = Resource<'ImageUpdateAutomation', ImageUpdateAutomationSpec, ImageUpdateAutomationStatus>

/** The kinds of image automation. */
export const IMAGE_KINDS = [IMAGE_REPOSITORY, IMAGE_POLICY, IMAGE_UPDATE_AUTOMATION] as const
