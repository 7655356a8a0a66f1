import { z } from 'zod'
import { type Infer, labelSelector, withRules } from '../resource/fields.ts'
import { matches, type Requirement } from '../selector.ts'

const choice = labelSelector.extend({
  all: z.boolean().exactOptional().describe('Every cluster, also those that join later.'),
  names: z.array(z.string()).exactOptional().describe('Clusters by name, beside those that labels choose.'),
})

/** `NotIn` of nothing would quietly mean every cluster. */
export const WHOLE_EXPRESSIONS = {
  rule: "!has(self.matchExpressions) || self.matchExpressions.all(e, (e.operator in ['In', 'NotIn']) == (has(e.values) && size(e.values) > 0))",
  message: 'In and NotIn in matchExpressions need values, Exists and DoesNotExist take none',
  holds: ({ matchExpressions = [] }: Pick<ClusterChoice, 'matchExpressions'>) =>
    matchExpressions.every(({ operator, values = [] }) => ['In', 'NotIn'].includes(operator) === values.length > 0),
}

/** Which clusters; something must be said, so that an empty choice never means all of them. */
export const clusterChoice = withRules(choice, [
  {
    rule: '(has(self.all) && self.all) || (has(self.names) && size(self.names) > 0) || (has(self.matchLabels) && size(self.matchLabels) > 0) || (has(self.matchExpressions) && size(self.matchExpressions) > 0)',
    message: 'say which clusters: all: true, names, matchLabels or matchExpressions',
    holds: (self) => self.all === true || (self.names?.length ?? 0) > 0 || hasLabels(self),
  },
  {
    rule: '!has(self.all) || !self.all || (!has(self.names) && !has(self.matchLabels) && !has(self.matchExpressions))',
    message: 'all: true cannot be combined with names, matchLabels or matchExpressions',
    holds: (self) => self.all !== true || (!self.names && !self.matchLabels && !self.matchExpressions),
  },
  WHOLE_EXPRESSIONS,
])
export type ClusterChoice = Infer<typeof choice>

/** True when the choice takes in the cluster: by `all`, by name, or because every part of the label selector holds. */
export function choosesCluster(
  choice: ClusterChoice,
  cluster: { readonly name: string; readonly labels: Readonly<Record<string, string>> },
): boolean {
  if (choice.all === true || choice.names?.includes(cluster.name)) return true
  return hasLabels(choice) && matches(requirements(choice), cluster.labels)
}

function hasLabels({ matchExpressions, matchLabels }: ClusterChoice): boolean {
  return (matchExpressions?.length ?? 0) > 0 || Object.keys(matchLabels ?? {}).length > 0
}

function requirements({ matchExpressions, matchLabels }: ClusterChoice): readonly Requirement[] {
  const equal = Object.entries(matchLabels ?? {}).map(([key, value]): Requirement => ({ key, operator: 'In', values: [value] }))
  return [...equal, ...(matchExpressions ?? []).map(({ key, operator, values }) => ({ key, operator, values: values ?? [] }))]
}
