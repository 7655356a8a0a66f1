import { z } from 'zod'
import { parseDurationMs } from '../duration.ts'
import { duration, type Infer, withRules } from '../resource/fields.ts'
import { amount } from './amount.ts'
import { clusterChoice } from './clusters.ts'
import { rolloutWindow } from './rollout-window.ts'

const SOURCES = ['GitRepository', 'OCIRepository', 'HelmChart', 'Bucket', 'Placement'] as const

/** What happens once more clusters failed than may. */
export const ROLLOUT_ACTIONS = ['stop', 'rollback', 'continue'] as const
export type RolloutAction = (typeof ROLLOUT_ACTIONS)[number]

export const ON_NEW_REVISION = ['supersede', 'queue'] as const
export type OnNewRevision = (typeof ON_NEW_REVISION)[number]

const wave = withRules(
  z.object({
    approval: z
      .enum(['none', 'required'])
      .default('none')
      .describe("'required' has a person with the verb approve say yes before the wave starts."),
    clusters: clusterChoice.exactOptional().describe('The clusters of the wave; every one that is in no wave before where absent.'),
    max: amount(1)
      .exactOptional()
      .describe('At most so many clusters, or so much of all of them, by name order; a share is rounded down, at least one.'),
    maxConcurrent: amount(1)
      .default('25%')
      .describe('How many clusters, or how much of the wave, may be released and not yet healthy; a share is rounded down, at least one.'),
    name: z
      .string()
      .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/)
      .describe('Name of the wave.'),
    rest: z.boolean().exactOptional().describe('True takes every cluster that is in no wave before.'),
    soak: duration().default('0s').describe('How long the wave must be seen healthy without a break before the next one starts.'),
  }),
  [
    {
      rule: 'has(self.clusters) || has(self.max) || (has(self.rest) && self.rest)',
      message: 'say which clusters: clusters, max, or rest: true',
      holds: ({ clusters, max, rest }) => clusters !== undefined || max !== undefined || rest === true,
    },
    {
      rule: '!has(self.rest) || !self.rest || (!has(self.clusters) && !has(self.max))',
      message: 'rest: true cannot be combined with clusters or max',
      holds: ({ clusters, max, rest }) => rest !== true || (clusters === undefined && max === undefined),
    },
  ],
)
export type RolloutWave = Infer<typeof wave>

/** One cluster, then a tenth of them, then the rest. */
export const DEFAULT_WAVES = [
  { name: 'canary', max: 1, maxConcurrent: '25%', soak: '2m', approval: 'none' },
  { name: 'early', max: '10%', maxConcurrent: '25%', soak: '2m', approval: 'none' },
  { name: 'rest', rest: true, maxConcurrent: '25%', soak: '2m', approval: 'none' },
] as const satisfies readonly RolloutWave[]

const waves = z
  .array(wave)
  .min(1)
  .max(50)
  .superRefine((list, context) => {
    for (const [at, { name }] of list.entries()) {
      if (list.findIndex((other) => other.name === name) < at)
        context.addIssue({ code: 'custom', message: `the name ${name} is taken by a wave before`, path: [at, 'name'] })
      if (list.slice(0, at).some(({ rest }) => rest === true))
        context.addIssue({ code: 'custom', message: 'never gets a cluster: a wave before takes the rest', path: [at] })
    }
  })

/** Time in which nobody watched does not count; what is shorter than this cannot be told from it. */
const LEAST_DEADLINE_MS = 10_000

const onFailure = z.object({
  action: z
    .enum(ROLLOUT_ACTIONS)
    .default('stop')
    .describe("'stop' releases nothing more, 'rollback' gives every cluster back what it had, 'continue' goes on."),
  maxFailures: amount(0).default(0).describe('How many clusters, or how much of all of them, may fail before the action.'),
  progressDeadline: duration()
    .refine((text) => (parseDurationMs(text) ?? LEAST_DEADLINE_MS) >= LEAST_DEADLINE_MS, { error: 'must be at least 10s' })
    .default('15m')
    .describe('How long a connected cluster may have the revision without being healthy before it counts as failed; at least 10s.'),
})

const source = z.object({
  kind: z.enum(SOURCES).describe('Kind of the source.'),
  name: z.string().min(1).describe("Name of the source in the Rollout's namespace, as it is in the clusters."),
})

export const rolloutSpec = z.object({
  clusters: clusterChoice.exactOptional().describe('Clusters whose source is moved; every cluster that holds the source where absent.'),
  historyLimit: z.int().min(1).max(200).default(20).describe('How many ended runs are kept.'),
  onFailure: onFailure.prefault({}).describe('What counts as failed, and what then happens.'),
  onNewRevision: z
    .enum(ON_NEW_REVISION)
    .default('supersede')
    .describe("'supersede' ends the run and starts one with the newest revision; 'queue' lets it end first."),
  source: source.describe('What is moved: the object of this kind and name in each cluster.'),
  suspend: z.boolean().default(false).describe('Start and release nothing.'),
  waves: waves
    .default(() => structuredClone<z.output<typeof waves>>([...DEFAULT_WAVES]))
    .describe('The waves, in order; a cluster is in the first that it matches.'),
  windows: z.array(rolloutWindow).max(50).exactOptional().describe('When clusters may be released; always where absent.'),
})
export type RolloutSpec = Infer<typeof rolloutSpec>
