import type { Health } from '../../../proto/model/health.ts'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { at, conditionsOf, current, failed, inProgress, type Rule, textAt } from '../rules.ts'

/** A pod that the scheduler has not placed for this long is Failed. */
const SCHEDULE_WINDOW_MS = 15_000

/** Source: kstatus podConditions. */
export const pod: Rule = (object, now) => {
  switch (textAt(object, 'status', 'phase')) {
    case 'Succeeded':
      return current
    case 'Failed':
      return failed('Pod has completed, but not successfully')
    case 'Running':
      return running(object)
    case 'Pending':
      return pending(object, now)
    default:
      return inProgress('Pod phase not available')
  }
}

function running(object: Manifest): Health {
  if (conditionsOf(object).some(({ type, status }) => type === 'Ready' && status === 'True')) return current
  return crashing(object) ?? inProgress('Pod is running but is not Ready')
}

function pending(object: Manifest, now: Date): Health {
  const scheduled = conditionsOf(object).find(({ type }) => type === 'PodScheduled')
  if (scheduled?.status === 'False' && scheduled.reason === 'Unschedulable') {
    const since = now.getTime() - Date.parse(textAt(object, 'metadata', 'creationTimestamp'))
    return since > SCHEDULE_WINDOW_MS ? failed('Pod could not be scheduled') : inProgress('Pod has not been scheduled')
  }
  return crashing(object) ?? inProgress('Pod is in the Pending phase')
}

function crashing(object: Manifest): Health | undefined {
  const statuses = ['containerStatuses', 'initContainerStatuses'].flatMap((key) => {
    const list = at(object, 'status', key)
    return Array.isArray(list) ? list : []
  })
  const names = statuses.filter((one) => textAt(one, 'state', 'waiting', 'reason') === 'CrashLoopBackOff').map((one) => textAt(one, 'name'))
  return names.length === 0 ? undefined : failed(`Containers in CrashLoop state: ${names.join(',')}`)
}
