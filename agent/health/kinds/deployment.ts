import { conditionsOf, current, failed, inProgress, numberAt, type Rule } from '../rules.ts'

/** `progressDeadlineSeconds` with this value means that there is no deadline, and then no Progressing condition. */
const NO_DEADLINE = 2_147_483_647

/** Rolled out: as many updated, ready and available pods as wanted, none left over. Source: kstatus deploymentConditions. */
export const deployment: Rule = (object) => {
  const conditions = conditionsOf(object)
  const progressing = conditions.find(({ type }) => type === 'Progressing')
  if (progressing?.reason === 'ProgressDeadlineExceeded') return failed('Progress deadline exceeded')
  const isDone = progressing?.status === 'True' && progressing.reason === 'NewReplicaSetAvailable'
  const hasDeadline = numberAt(object, ['spec', 'progressDeadlineSeconds'], NO_DEADLINE) !== NO_DEADLINE
  const wanted = numberAt(object, ['spec', 'replicas'], 1)
  const status = (field: string) => numberAt(object, ['status', field], 0)
  if (wanted > status('replicas')) return inProgress(`Replicas: ${status('replicas')}/${wanted}`)
  if (wanted > status('updatedReplicas')) return inProgress(`Updated: ${status('updatedReplicas')}/${wanted}`)
  if (status('replicas') > wanted) return inProgress(`Pending termination: ${status('replicas') - wanted}`)
  if (status('updatedReplicas') > status('availableReplicas'))
    return inProgress(`Available: ${status('availableReplicas')}/${status('updatedReplicas')}`)
  if (wanted > status('readyReplicas')) return inProgress(`Ready: ${status('readyReplicas')}/${wanted}`)
  if (hasDeadline && !isDone) return inProgress('ReplicaSet not Available')
  return conditions.some(({ type, status: is }) => type === 'Available' && is === 'True') ? current : inProgress('Deployment not Available')
}
