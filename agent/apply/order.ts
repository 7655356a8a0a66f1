import type { Manifest } from '../../proto/model/manifest.ts'
import { groupOf } from '../../proto/model/object-ref.ts'

/** Kinds that others need, in the order they are needed. Source: fluxcd/pkg ssa/sort.go. */
const FIRST = [
  'CustomResourceDefinition',
  'Namespace',
  'ClusterRole',
  'ClusterClass',
  'RuntimeClass',
  'PriorityClass',
  'StorageClass',
  'VolumeSnapshotClass',
  'IngressClass',
  'GatewayClass',
  'ClusterRoleBinding',
  'ResourceQuota',
  'ServiceAccount',
  'Role',
  'RoleBinding',
  'ConfigMap',
  'Secret',
  'Service',
  'LimitRange',
  'Deployment',
  'StatefulSet',
  'CronJob',
  'PodDisruptionBudget',
]
/** Kinds that would judge what comes before them. */
const LAST = ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration']

/** Objects in the order they are applied: by kind, then group, kind, namespace, name. Deleting goes the other way. */
export function inOrder<T extends Manifest>(objects: readonly T[]): readonly T[] {
  return [...objects].sort((a, b) => compareOrder(place(a), place(b)))
}

export interface Place {
  readonly group: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

export function compareOrder(a: Place, b: Place): number {
  return (
    rank(a.kind) - rank(b.kind) || text(a.group, b.group) || text(a.kind, b.kind) || text(a.namespace, b.namespace) || text(a.name, b.name)
  )
}

function rank(kind: string): number {
  const first = FIRST.indexOf(kind)
  if (first >= 0) return first
  const last = LAST.indexOf(kind)
  return last < 0 ? FIRST.length : FIRST.length + 1 + last
}

function place(object: Manifest): Place {
  return { group: groupOf(object.apiVersion), kind: object.kind, namespace: object.metadata.namespace ?? '', name: object.metadata.name }
}

function text(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
