import { conditionsOf, current, inProgress, numberAt, type Rule } from '../rules.ts'

/** Source: kstatus replicasetConditions. */
export const replicaSet: Rule = (object) => {
  if (conditionsOf(object).some(({ type, status }) => type === 'ReplicaFailure' && status === 'True'))
    return inProgress('Replica Failure condition. Check Pods')
  const wanted = numberAt(object, ['spec', 'replicas'], 1)
  const status = (field: string) => numberAt(object, ['status', field], 0)
  if (wanted > status('fullyLabeledReplicas')) return inProgress(`Labelled: ${status('fullyLabeledReplicas')}/${wanted}`)
  if (wanted > status('availableReplicas')) return inProgress(`Available: ${status('availableReplicas')}/${wanted}`)
  if (wanted > status('readyReplicas')) return inProgress(`Ready: ${status('readyReplicas')}/${wanted}`)
  return status('replicas') > wanted ? inProgress(`Pending termination: ${status('replicas') - wanted}`) : current
}
