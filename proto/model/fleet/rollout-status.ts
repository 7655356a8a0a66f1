import { z } from 'zod'
import { commonStatus, type Infer, instant } from '../resource/fields.ts'

/** How a run is doing; the last four are ends. */
export const RUN_STATES = [
  'pending',
  'progressing',
  'soaking',
  'rolling-back',
  'succeeded',
  'stopped',
  'rolled-back',
  'superseded',
] as const
export type RunState = (typeof RUN_STATES)[number]

/** What a run goes back to: the newest revision, a person's choice, or an older one. */
export const RUN_CAUSES = ['revision', 'promote', 'rollback'] as const
export type RunCause = (typeof RUN_CAUSES)[number]

const count = (what: string) => z.int().min(0).describe(what)

const counts = {
  failed: count('Clusters that failed.'),
  healthy: count('Clusters that are healthy at the revision.'),
  offline: count('Clusters that have the revision waiting for them and are not connected.'),
  released: count('Clusters that are on their way.'),
  rolledBack: count('Clusters that were given back what they had.'),
  total: count('All clusters, without those that left.'),
  waiting: count('Clusters whose turn is to come.'),
}

const wave = z.object({
  ...counts,
  approvedBy: z.string().exactOptional().describe('Who approved it.'),
  completedAt: instant().exactOptional().describe('When it was complete.'),
  name: z.string().describe('Name of the wave.'),
  startedAt: instant().exactOptional().describe('When its first cluster was released.'),
  state: z.string().describe('waiting, pending, progressing, soaking, complete or skipped.'),
})

const run = z.object({
  approvedBy: z.array(z.string()).exactOptional().describe('Who approved a wave of it, each once.'),
  author: z.string().exactOptional().describe('Author of the commit.'),
  cause: z.enum(RUN_CAUSES).describe('What started it: a new revision, or a person.'),
  clusters: z.object(counts).exactOptional().describe('Clusters by state.'),
  endedAt: instant().exactOptional().describe('When it ended.'),
  message: z.string().exactOptional().describe('What it waits for, or how it ended.'),
  number: z.int().min(1).describe('Number of the run, from 1.'),
  revision: z.string().describe('What it moves.'),
  startedAt: instant().describe('When it started.'),
  startedBy: z.string().exactOptional().describe('Who started it, where that was a person.'),
  state: z.enum(RUN_STATES).describe('How it is doing.'),
  subject: z.string().exactOptional().describe('First line of the commit message.'),
  waves: z.array(wave).exactOptional().describe('Its waves, in order.'),
})

const problem = z.object({
  cluster: z.string().exactOptional().describe('Name of the cluster, where it is about one.'),
  message: z.string().describe('What is wrong.'),
  object: z.string().exactOptional().describe('The object, as Kind/namespace/name.'),
  reason: z.string().exactOptional().describe('The reason of its Ready condition.'),
})

export const rolloutStatus = z.object({
  badRevisions: z
    .array(z.string())
    .exactOptional()
    .describe('Revisions that were taken back and are not tried again by themselves; the newest revision first, where it is one.'),
  conditions: commonStatus.conditions,
  hold: z
    .object({
      by: z.string().describe('Who set it.'),
      reason: z.string().exactOptional().describe('Why.'),
      since: instant().describe('When it was set.'),
    })
    .exactOptional()
    .describe('While it is there, new revisions are recorded and not released.'),
  history: z.array(run).exactOptional().describe('Runs that ended, last one first.'),
  moreBadRevisions: z.int().min(1).exactOptional().describe('Bad revisions beside those that are listed.'),
  moreProblems: z.int().min(1).exactOptional().describe('Problems beside those that are listed.'),
  newest: z.string().exactOptional().describe('The newest revision of the source.'),
  observedGeneration: commonStatus.observedGeneration,
  paused: z.boolean().exactOptional().describe('True while a person has stopped releases.'),
  problems: z.array(problem).max(10).exactOptional().describe('The first problems, by name of the cluster.'),
  run: run.exactOptional().describe('The run in progress, or the last one.'),
})
export type RolloutStatus = Infer<typeof rolloutStatus>
