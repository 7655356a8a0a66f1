import type { Health } from '../../proto/model/health.ts'
import type { Manifest } from '../../proto/model/manifest.ts'
import { groupOf, type ObjectRef } from '../../proto/model/object-ref.ts'
import { alwaysCurrent } from './kinds/always-current.ts'
import { customResourceDefinition } from './kinds/custom-resource-definition.ts'
import { daemonSet } from './kinds/daemon-set.ts'
import { deployment } from './kinds/deployment.ts'
import { job } from './kinds/job.ts'
import { persistentVolumeClaim } from './kinds/persistent-volume-claim.ts'
import { pod } from './kinds/pod.ts'
import { replicaSet } from './kinds/replica-set.ts'
import { service } from './kinds/service.ts'
import { statefulSet } from './kinds/stateful-set.ts'
import { at, conditionsOf, current, failed, inProgress, type Rule } from './rules.ts'

const KINDS: Readonly<Record<string, Rule>> = {
  '/ConfigMap': alwaysCurrent,
  '/Secret': alwaysCurrent,
  '/Service': service,
  '/Pod': pod,
  '/PersistentVolumeClaim': persistentVolumeClaim,
  'apps/Deployment': deployment,
  'apps/StatefulSet': statefulSet,
  'apps/DaemonSet': daemonSet,
  'apps/ReplicaSet': replicaSet,
  'batch/Job': job,
  'batch/CronJob': alwaysCurrent,
  '/ServiceAccount': alwaysCurrent,
  'rbac.authorization.k8s.io/Role': alwaysCurrent,
  'rbac.authorization.k8s.io/RoleBinding': alwaysCurrent,
  'rbac.authorization.k8s.io/ClusterRole': alwaysCurrent,
  'rbac.authorization.k8s.io/ClusterRoleBinding': alwaysCurrent,
  'networking.k8s.io/Ingress': alwaysCurrent,
  'networking.k8s.io/NetworkPolicy': alwaysCurrent,
  'policy/PodDisruptionBudget': alwaysCurrent,
  'apiextensions.k8s.io/CustomResourceDefinition': customResourceDefinition,
}

/**
 * What a live object is doing: Current, InProgress, Failed or Terminating (NotFound and Unknown are for those who
 * look for the object). Source: cli-utils pkg/kstatus/status; Jobs as fluxcd/pkg judges them.
 *
 * First the rules for all kinds (deletion, observed generation, Reconciling, Stalled), then the kind's own, then the
 * Ready condition; an object without any of that is Current. Flux's own kinds need no rule of their own.
 */
export function computeHealth(object: Manifest, now: Date): Health {
  return general(object) ?? (KINDS[`${groupOf(object.apiVersion)}/${object.kind}`] ?? byReady)(object, now)
}

/** False for kinds that are Current as soon as they are there. */
export function canBeLate({ group, kind }: Pick<ObjectRef, 'group' | 'kind'>): boolean {
  return KINDS[`${group}/${kind}`] !== alwaysCurrent
}

function general(object: Manifest): Health | undefined {
  if (object.metadata.deletionTimestamp) return { status: 'Terminating', message: 'Resource scheduled for deletion' }
  const { generation } = object.metadata
  const observed = at(object, 'status', 'observedGeneration')
  if (typeof observed === 'number' && generation !== undefined && observed !== generation)
    return inProgress(`${object.kind} generation is ${generation}, but latest observed generation is ${observed}`)
  for (const { type, status, message } of conditionsOf(object)) {
    if (status !== 'True') continue
    if (type === 'Reconciling') return inProgress(message)
    if (type === 'Stalled') return failed(message)
  }
  return undefined
}

function byReady(object: Manifest): Health {
  const ready = conditionsOf(object).find(({ type }) => type === 'Ready')
  return !ready || ready.status === 'True' ? current : inProgress(ready.message)
}
