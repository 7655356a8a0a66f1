import { current, inProgress, type Rule, textAt } from '../rules.ts'

/** Source: kstatus serviceConditions. */
export const service: Rule = (object) => {
  const isWaiting = textAt(object, 'spec', 'type') === 'LoadBalancer' && textAt(object, 'spec', 'clusterIP') === ''
  return isWaiting ? inProgress('ClusterIP not set. Service type: LoadBalancer') : current
}
