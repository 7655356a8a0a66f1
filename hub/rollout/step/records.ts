import type { Content, Facts, Run, RunEvent, Step, Target, Wave } from '../model.ts'
import { countTargets } from './budget.ts'

type Recorded = Extract<Step, { kind: 'record' }>

/** Clusters that one message names; the rest is a number. */
const NAMED = 3

/** What clusters are given between two states of a run: the content in one step, and what they had in one for each content. */
export function givenSteps(before: Run, after: Run): readonly Step[] {
  const released: Target[] = []
  const back = new Map<string, { readonly content: Content; readonly targets: Target[] }>()
  for (const target of after.targets.values()) {
    const old = before.targets.get(target.cluster)
    if (target === old || target.given === 'nothing' || target.state === 'gone') continue
    if (old?.given === target.given && old.state !== 'gone') continue
    if (target.given === 'content') released.push(target)
    else if (target.before) {
      const key = `${target.before.revision} ${target.before.artifact}`
      const group = back.get(key) ?? { content: target.before, targets: [] }
      group.targets.push(target)
      back.set(key, group)
    }
  }
  return [
    ...(after.state === 'rolling-back' || after.state === 'rolled-back' ? markBad(before, after) : []),
    ...(after.state === 'succeeded' && countTargets(after).healthy > 0
      ? [{ kind: 'unmark' as const, revision: after.content.revision }]
      : []),
    ...(released.length > 0
      ? [{ kind: 'release' as const, content: after.content, clusters: released.map(({ cluster }) => cluster) }]
      : []),
    ...[...back.values()].map(({ content, targets }) => ({
      kind: 'take-back' as const,
      content,
      clusters: targets.map(({ cluster }) => cluster),
    })),
  ]
}

function markBad(before: Run, { content }: Run): readonly Step[] {
  return before.state === 'rolling-back' ? [] : [{ kind: 'mark-bad', revision: content.revision }]
}

/** What is to be told of what happened between two states of a run, in the order in which it happened. */
export function records(before: Run, after: Run, facts: Facts): readonly Step[] {
  if (before === after) return []
  return [
    ...failures(before, after),
    ...after.waves.flatMap((wave, index) => ofWave(wave, before.waves[index], { run: after, facts })),
    ...ofRun(before, after),
  ]
}

function failures(before: Run, after: Run): readonly Recorded[] {
  const failed = [...after.targets.values()].filter((one) => hasFailed(one, before.targets.get(one.cluster)))
  if (failed.length === 0) return []
  const said = failed.slice(0, NAMED).map(sentence).join('; ')
  const more = failed.length > NAMED ? `; and ${failed.length - NAMED} more` : ''
  return [
    record('rollout.cluster.failed', `failed at ${after.content.revision}: ${said}${more}`, {
      severity: 'error',
      cluster: failed[0]?.name,
      ...(failed.length > 1 ? { count: failed.length } : {}),
    }),
  ]
}

/** Also where it is given back at once what it had. */
function hasFailed(target: Target, old: Target | undefined): boolean {
  return (target.state === 'failed' && old?.state !== 'failed') || (target.failedOnce === true && old?.failedOnce !== true)
}

/** Clusters that failed in a run and were not healthy since, by name: also while they go back, and when they are there. */
export function failing({ targets }: Run): readonly Target[] {
  return [...targets.values()]
    .filter(({ complaint, failedOnce, given, state }) => complaint && (state === 'failed' || (failedOnce === true && given === 'before')))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** The first of those by which the run failed, and how many more there are: `edge-1: Kustomization/a/b: the message; and 2 more`. */
export function blame(run: Run): string | undefined {
  const [first, ...more] = failing(run).filter(({ failedOnce }) => failedOnce)
  if (!first) return undefined
  return more.length === 0 ? sentence(first) : `${sentence(first)}; and ${more.length} more`
}

/** What is wrong with a cluster: `edge-1: Kustomization/a/b: the message`. */
export function sentence({ complaint, name }: Target): string {
  const object = complaint?.object ? `${complaint.object}: ` : ''
  return `${name}: ${object}${complaint?.message ?? 'no reason was reported'}`
}

function ofWave(wave: Wave, old: Wave | undefined, { facts, run }: { readonly run: Run; readonly facts: Facts }): readonly Recorded[] {
  if (wave === old) return []
  const { name } = wave.plan
  const { revision } = run.content
  const asks = wave.state === 'pending' && old?.state !== 'pending' && wave.plan.approval && !facts.approvals.has(name)
  return [
    ...(asks
      ? [record('rollout.wave.approval-needed', `wave ${name} waits for approval of ${revision}`, { wave: name, people: true })]
      : []),
    ...(wave.startedAt && !old?.startedAt && wave.state !== 'complete'
      ? [record('rollout.wave.started', `wave ${name} starts with ${revision}`, { wave: name })]
      : []),
    ...(wave.state === 'complete' && old?.state !== 'complete'
      ? [record('rollout.wave.completed', `wave ${name} is complete at ${revision}`, { wave: name })]
      : []),
    ...(wave.state === 'skipped' && old?.state !== 'skipped'
      ? [record('rollout.wave.skipped', `${wave.skippedBy} skipped wave ${name}`, { wave: name })]
      : []),
  ]
}

function ofRun(before: Run, after: Run): readonly Recorded[] {
  const { content, outcome, state } = after
  if (before.state === state) return []
  const ended = outcome ? `: ${outcome}` : ''
  switch (state) {
    case 'pending':
    case 'progressing':
    case 'soaking':
      return []
    case 'rolling-back':
      return [
        record('rollout.run.rolling-back', `${content.revision} is taken back: ${blame(after) ?? 'more clusters failed than may'}`, {
          severity: 'error',
          people: true,
        }),
      ]
    case 'stopped':
      return [record('rollout.run.stopped', `${content.revision} stopped${ended}`, { severity: 'error', people: true })]
    case 'rolled-back':
      return [record('rollout.run.rolled-back', `${content.revision} was taken back${ended}`, { severity: 'error', people: true })]
    case 'succeeded':
      return [record('rollout.run.succeeded', `${content.revision} succeeded${ended}`, { people: true })]
    case 'superseded':
      return [record('rollout.run.superseded', `${content.revision} ${outcome ?? 'was superseded'}`)]
    default:
      return state satisfies never
  }
}

function record(
  event: RunEvent,
  message: string,
  more: Partial<Pick<Recorded, 'cluster' | 'count' | 'people' | 'severity' | 'wave'>> = {},
): Recorded {
  return { kind: 'record', event, severity: 'info', people: false, message, ...more }
}
