import { clusterExpression, type ExpressedCluster } from '../../proto/model/fleet/cluster-expression.ts'
import type { PlacementChoice } from '../../proto/model/fleet/placement.ts'
import { matches, type Requirement } from '../../proto/model/selector.ts'

/** Why a choice leaves a cluster out, as the first part that does not hold; undefined where all parts hold. */
export type WhyNot = (cluster: ExpressedCluster) => string | undefined

/** Reads a choice once, for one cluster after another. */
export function chooser(choice: PlacementChoice): WhyNot {
  const parts = requirementsOf(choice)
  const names = choice.names ?? []
  const { expression } = choice
  const holds = expression === undefined ? undefined : clusterExpression(expression)
  if (choice.all !== true && parts.length === 0 && names.length === 0 && !holds) return () => 'the selector says nothing'
  return (cluster) => {
    if (names.length > 0 && !names.includes(cluster.name)) return `its name is not among ${names.join(', ')}`
    const failed = parts.find((part) => !matches([part], cluster.labels))
    if (failed) return sentence(failed, Object.hasOwn(cluster.labels, failed.key) ? cluster.labels[failed.key] : undefined)
    const said = holds?.(cluster)
    if (said === undefined || said === true) return undefined
    return said === false ? `the expression is false: ${expression}` : `the expression cannot be evaluated: ${said.problem}`
  }
}

function requirementsOf({ matchExpressions, matchLabels }: PlacementChoice): readonly Requirement[] {
  const equal = Object.entries(matchLabels ?? {}).map(([key, value]): Requirement => ({ key, operator: 'In', values: [value] }))
  return [...equal, ...(matchExpressions ?? []).map(({ key, operator, values }) => ({ key, operator, values: values ?? [] }))]
}

function sentence({ key, operator, values }: Requirement, value: string | undefined): string {
  const is = value === undefined ? `it has no label ${key}` : `its label ${key} is ${JSON.stringify(value)}`
  return operator === 'In' ? `${is}, not ${values.join(' or ')}` : is
}
