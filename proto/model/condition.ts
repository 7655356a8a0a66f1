export const CONDITION_STATUS = ['True', 'False', 'Unknown'] as const
export type ConditionStatus = (typeof CONDITION_STATUS)[number]

/** A Kubernetes condition (metav1.Condition). Times are RFC 3339 with seconds, as the API server writes them. */
export interface Condition {
  readonly type: string
  readonly status: ConditionStatus
  readonly reason: string
  readonly message: string
  readonly lastTransitionTime: string
  readonly observedGeneration?: number
}

export interface ConditionInput {
  readonly type: string
  readonly status: ConditionStatus
  readonly reason: string
  readonly message: string
  readonly observedGeneration?: number
}

/** RFC 3339 with seconds and Z, the form of metav1.Time. */
export function metaTime(at: Date): string {
  return `${at.toISOString().slice(0, 19)}Z`
}

/**
 * The conditions with `next` set: in its place where the type exists, else at the end. `lastTransitionTime` moves only
 * when the status changes. The same array back means that nothing changed.
 */
export function setCondition(conditions: readonly Condition[], next: ConditionInput, now: Date): readonly Condition[] {
  const old = conditions.find(({ type }) => type === next.type)
  const lastTransitionTime = old?.status === next.status ? old.lastTransitionTime : metaTime(now)
  const made: Condition = {
    lastTransitionTime,
    message: next.message,
    reason: next.reason,
    status: next.status,
    type: next.type,
    ...generation(next),
  }
  if (!old) return [...conditions, made]
  if (
    old.reason === made.reason &&
    old.message === made.message &&
    old.status === made.status &&
    old.observedGeneration === made.observedGeneration
  )
    return conditions
  return conditions.map((condition) => (condition === old ? made : condition))
}

/** The conditions without `type`; the same array when it is not among them. */
export function removeCondition(conditions: readonly Condition[], type: string): readonly Condition[] {
  return conditions.some((condition) => condition.type === type) ? conditions.filter((condition) => condition.type !== type) : conditions
}

export function findCondition(conditions: readonly Condition[], type: string): Condition | undefined {
  return conditions.find((condition) => condition.type === type)
}

function generation(input: ConditionInput): { observedGeneration?: number } {
  return input.observedGeneration === undefined ? {} : { observedGeneration: input.observedGeneration }
}
