import { KUSTOMIZE_GROUP } from '../../names.ts'
import { FRESH_STATUS } from '../../resource/fields.ts'
import { AGE_COLUMN, READY_COLUMN, type Resource, type ResourceKind, STATUS_COLUMN } from '../../resource/kind.ts'
import { type KustomizationSpec, type KustomizationStatus, kustomizationSpec, kustomizationStatus } from './kustomization.ts'

export const KUSTOMIZATION = {
  group: KUSTOMIZE_GROUP,
  version: 'v1',
  kind: 'Kustomization',
  plural: 'kustomizations',
  shortNames: ['ks'],
  categories: ['all', 'fluxcd', 'fluxcd-appliers'],
  namespaced: true,
  description: 'Manifests of a source, built with kustomize and kept applied in the cluster.',
  columns: [AGE_COLUMN, READY_COLUMN, STATUS_COLUMN],
  spec: kustomizationSpec,
  status: kustomizationStatus,
  freshStatus: FRESH_STATUS,
} as const satisfies ResourceKind
export type Kustomization = Resource<'Kustomization', KustomizationSpec, KustomizationStatus>
