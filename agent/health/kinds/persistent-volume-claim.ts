import { current, inProgress, type Rule, textAt } from '../rules.ts'

/** Source: kstatus pvcConditions. */
export const persistentVolumeClaim: Rule = (object) => {
  const phase = textAt(object, 'status', 'phase')
  return phase === 'Bound' ? current : inProgress(`PVC is not Bound. phase: ${phase || 'unknown'}`)
}
