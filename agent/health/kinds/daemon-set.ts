import { current, inProgress, numberAt, type Rule } from '../rules.ts'

/** Source: kstatus daemonsetConditions. */
export const daemonSet: Rule = (object) => {
  const status = (field: string) => numberAt(object, ['status', field], -1)
  const wanted = status('desiredNumberScheduled')
  if (status('observedGeneration') === -1) return inProgress('Missing .status.observedGeneration')
  if (wanted === -1) return inProgress('Missing .status.desiredNumberScheduled')
  const counts = [
    ['Current', 'currentNumberScheduled'],
    ['Updated', 'updatedNumberScheduled'],
    ['Available', 'numberAvailable'],
    ['Ready', 'numberReady'],
  ] as const
  for (const [word, field] of counts) {
    const count = Math.max(0, status(field))
    if (wanted > count) return inProgress(`${word}: ${count}/${wanted}`)
  }
  return current
}
