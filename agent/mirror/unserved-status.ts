import type { Condition } from '../../proto/model/condition.ts'
import { stalled, stepConditions } from './conditions.ts'
import type { StatusMoment } from './model.ts'

interface CommonStatus {
  readonly conditions?: readonly Condition[]
  readonly observedGeneration?: number
  readonly lastHandledReconcileAt?: string
}

/** The status of an object that asks for what is not served: Stalled, with the sentence that says what. */
export function unservedStatus<S extends CommonStatus>(old: S, message: string, { generation, now, requestedAt }: StatusMoment): S {
  return {
    ...old,
    conditions: stepConditions(old.conditions ?? [], stalled('FeatureGateDisabled', message), { generation, now }),
    observedGeneration: generation,
    ...(requestedAt === undefined ? {} : { lastHandledReconcileAt: requestedAt }),
  }
}
