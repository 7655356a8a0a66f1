import { type Condition, type ConditionInput, removeCondition, setCondition } from '../../proto/model/condition.ts'

/** Stalled, Reconciling, Ready, then the rest by name: the order in which Flux writes conditions. */
const WEIGHT: Readonly<Record<string, number>> = { Stalled: 0, Reconciling: 1, Ready: 2 }
/** Flux cuts messages here, well below the API server's 32 768. */
const MESSAGE_LIMIT = 20_000

/** What to make of a condition: set, or taken away. */
export type ConditionStep = Pick<ConditionInput, 'type' | 'status' | 'reason' | 'message'> | { readonly remove: string }

/** The conditions after the steps, in Flux's order. The same array back means that nothing changed. */
export function stepConditions(
  conditions: readonly Condition[],
  steps: readonly ConditionStep[],
  { generation, now }: { readonly generation: number; readonly now: Date },
): readonly Condition[] {
  const after = steps.reduce<readonly Condition[]>(
    (done, step) =>
      'remove' in step
        ? removeCondition(done, step.remove)
        : setCondition(done, { ...step, message: cut(step.message), observedGeneration: generation }, now),
    conditions,
  )
  return after === conditions ? conditions : after.toSorted(byWeight)
}

/** Ready, in the words of the outcome. */
export function ready(status: ConditionInput['status'], reason: string, message: string): ConditionStep {
  return { type: 'Ready', status, reason, message }
}

/** Being worked on, and therefore not stalled. */
export function reconciling(reason: 'Progressing' | 'ProgressingWithRetry', message: string): readonly ConditionStep[] {
  return [{ type: 'Reconciling', status: 'True', reason, message }, { remove: 'Stalled' }]
}

/** Given up on until the spec changes, and therefore not being worked on. */
export function stalled(reason: string, message: string): readonly ConditionStep[] {
  return [{ type: 'Stalled', status: 'True', reason, message }, { remove: 'Reconciling' }, ready('False', reason, message)]
}

function cut(message: string): string {
  return message.length <= MESSAGE_LIMIT ? message : `${message.slice(0, MESSAGE_LIMIT - 3)}...`
}

function byWeight(a: Condition, b: Condition): number {
  const difference = (WEIGHT[a.type] ?? 3) - (WEIGHT[b.type] ?? 3)
  if (difference !== 0) return difference
  return a.type < b.type ? -1 : a.type > b.type ? 1 : 0
}
