import { current, inProgress, numberAt, type Rule, textAt } from '../rules.ts'

/** Source: kstatus stsConditions. */
export const statefulSet: Rule = (object) => {
  if (textAt(object, 'spec', 'updateStrategy', 'type') === 'OnDelete') return current
  const wanted = numberAt(object, ['spec', 'replicas'], 1)
  const partition = numberAt(object, ['spec', 'updateStrategy', 'rollingUpdate', 'partition'], -1)
  const status = (field: string) => numberAt(object, ['status', field], 0)
  if (wanted > status('replicas')) return inProgress(`Replicas: ${status('replicas')}/${wanted}`)
  if (wanted > status('readyReplicas')) return inProgress(`Ready: ${status('readyReplicas')}/${wanted}`)
  if (status('replicas') > wanted) return inProgress(`Pending termination: ${status('replicas') - wanted}`)
  if (partition !== -1) {
    const due = wanted - partition
    return status('updatedReplicas') < due ? inProgress(`updated: ${status('updatedReplicas')}/${due}`) : current
  }
  if (wanted > status('currentReplicas')) return inProgress(`current: ${status('currentReplicas')}/${wanted}`)
  const isSame = textAt(object, 'status', 'currentRevision') === textAt(object, 'status', 'updateRevision')
  return isSame ? current : inProgress('Waiting for updated revision to match current')
}
