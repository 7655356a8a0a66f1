import { type Condition, findCondition } from '../../proto/model/condition.ts'
import { type ConditionStep, ready } from './conditions.ts'
import type { TestRules } from './model.ts'

/**
 * Ready, made of what is said of the release, of its tests and of remedies: the newest generation's word, and of that the
 * remedy before the tests before the release. A remedied release is not ready. Source: Flux, helm-controller.
 */
export function summarySteps(conditions: readonly Condition[], tests: TestRules): readonly ConditionStep[] {
  const counts = tests.enabled && !tests.ignored
  const isOver = isRemedyOver(conditions, counts)
  const order = [...(isOver ? [] : ['Remediated']), ...(counts ? ['TestSuccess'] : []), 'Released']
  const said = order.flatMap((type) => findCondition(conditions, type) ?? [])
  const first = said.toSorted((a, b) => (b.observedGeneration ?? 0) - (a.observedGeneration ?? 0))[0]
  const steps: ConditionStep[] = [...(tests.enabled ? [] : [{ remove: 'TestSuccess' }]), ...(isOver ? [{ remove: 'Remediated' }] : [])]
  if (!first) return steps
  const status = first.type === 'Remediated' ? 'False' : first.status
  return [...steps, ...(status === 'True' ? [{ remove: 'Stalled' }] : []), ready(status, first.reason, first.message)]
}

/** A good release, and good tests where they count, of the same generation or a newer one end a remedy. */
function isRemedyOver(conditions: readonly Condition[], testsCount: boolean): boolean {
  const remedied = findCondition(conditions, 'Remediated')
  if (!remedied) return false
  const ends = (condition: Condition | undefined) =>
    condition?.status === 'True' && (condition.observedGeneration ?? 0) >= (remedied.observedGeneration ?? 0)
  const released = findCondition(conditions, 'Released')
  return ends(released) && (!testsCount || ends(findCondition(conditions, 'TestSuccess')))
}
