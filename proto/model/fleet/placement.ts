import { z } from 'zod'
import { anyObject, commonStatus, type Infer, labelSelector, withRules } from '../resource/fields.ts'
import { expressionProblem } from './cluster-expression.ts'
import { WHOLE_EXPRESSIONS } from './clusters.ts'
import { placedObjectProblems } from './placed-object.ts'

const choice = labelSelector.extend({
  all: z.boolean().exactOptional().describe('Every cluster that the tenant may use, also those that join later.'),
  expression: z
    .string()
    .min(1)
    .max(2000)
    .superRefine((text, context) => {
      const message = expressionProblem(text)
      if (message !== undefined) context.addIssue({ code: 'custom', message })
    })
    .exactOptional()
    .describe('CEL over cluster.name, cluster.labels and cluster.facts, such as cluster.facts.kubernetesMinor >= 33.'),
  names: z.array(z.string()).exactOptional().describe('Clusters by name.'),
})

/** Which clusters a Placement chooses: every part that is said must hold; nothing said is refused. */
export const placementChoice = withRules(choice, [
  {
    rule: '(has(self.all) && self.all) || (has(self.names) && size(self.names) > 0) || (has(self.matchLabels) && size(self.matchLabels) > 0) || (has(self.matchExpressions) && size(self.matchExpressions) > 0) || has(self.expression)',
    message: 'say which clusters: names, matchLabels, matchExpressions or expression, or all: true for every one',
    holds: (self) =>
      self.all === true ||
      (self.names?.length ?? 0) > 0 ||
      (self.matchExpressions?.length ?? 0) > 0 ||
      Object.keys(self.matchLabels ?? {}).length > 0 ||
      self.expression !== undefined,
  },
  {
    rule: '!has(self.all) || !self.all || (!has(self.names) && !has(self.matchLabels) && !has(self.matchExpressions) && !has(self.expression))',
    message: 'all: true cannot be combined with names, matchLabels, matchExpressions or expression',
    holds: (self) => self.all !== true || (!self.names && !self.matchLabels && !self.matchExpressions && !self.expression),
  },
  WHOLE_EXPRESSIONS,
])
export type PlacementChoice = Infer<typeof choice>

export const ON_UNMATCH = ['delete', 'orphan'] as const
export type OnUnmatch = (typeof ON_UNMATCH)[number]

export const placementSpec = z.object({
  clusters: placementChoice.describe('The clusters that get the objects; all parts must hold.'),
  objects: z
    .array(anyObject())
    .min(1)
    .max(100)
    .superRefine((objects, context) => {
      for (const { message, path } of placedObjectProblems(objects)) context.addIssue({ code: 'custom', message, path: [...path] })
    })
    .describe(
      "Flux objects; the namespace is the tenant's first where none is named, and variables such as cluster.name stand for something of the cluster.",
    ),
  onUnmatch: z
    .enum(ON_UNMATCH)
    .default('delete')
    .describe('What becomes of the objects in a cluster that is no longer chosen, or when the Placement is deleted.'),
})
export type PlacementSpec = Infer<typeof placementSpec>

const count = (what: string) => z.int().describe(what)

const counts = z.object({
  failed: count('Clusters in which something cannot be as it should; see problems.'),
  matched: count('Clusters that are chosen.'),
  offline: count('Clusters that are behind and not connected.'),
  pending: count('Clusters that are about to follow.'),
  placed: count('Clusters that hold all objects as they should be.'),
  removing: count('Clusters that are no longer chosen and still hold objects.'),
})

export const placementStatus = z.object({
  clusters: counts.exactOptional().describe('Clusters by state.'),
  conditions: commonStatus.conditions,
  moreProblems: z.int().exactOptional().describe('Problems beside those that are listed.'),
  observedGeneration: commonStatus.observedGeneration,
  problems: z
    .array(
      z.object({
        cluster: z.string().describe('Name of the cluster.'),
        message: z.string().describe('What is wrong there.'),
        object: z.string().exactOptional().describe('The object, as Kind/namespace/name.'),
      }),
    )
    .exactOptional()
    .describe('The first problems, by name of the cluster.'),
  revision: z.string().exactOptional().describe('Digest of the objects as they are written.'),
})
export type PlacementStatus = Infer<typeof placementStatus>
