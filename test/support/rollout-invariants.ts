import { RUN_ENDS, type Run, type Step, type Target, type Wave } from '../../hub/rollout/model.ts'
import { countOf } from '../../proto/model/fleet/amount.ts'
import type { Look } from './rollout-world.ts'
import { CONTENT, mostOnTheirWay } from './rollout-world.ts'

/** What is wrong with a look, by number of the invariant. */
export type Invariant = (look: Look) => string | undefined

/** The numbered invariants of a rollout, each judged by what an onlooker saw. */
export const INVARIANTS: Readonly<Record<1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9, Invariant>> = {
  1: (look) => first(completedNow(look), (index) => incomplete(look, index)) ?? first(releasedNow(look), (one) => tooEarly(look, one)),
  2: (look) =>
    first([...look.after.waves.keys()], (index) => {
      if (!releasedNow(look).some((one) => one.wave === index && one.state === 'released')) return undefined
      const members = membersOf(look.after, index)
      const onTheirWay = members.filter((one) => one.state === 'released').length
      const most = mostOnTheirWay(planOf(look.after, index), members.filter(isPresent).length)
      return onTheirWay > most ? `${onTheirWay} of wave ${index} are on their way, and ${most} may` : undefined
    }),
  3: (look) => {
    const { action, maxFailures } = look.before.policy
    if (action === 'continue' || releasedNow(look).length === 0) return undefined
    const present = [...look.after.targets.values()].filter(isPresent)
    const failed = present.filter(({ cluster }) => look.seen.get(cluster)?.failed).length
    const most = countOf(maxFailures, present.length)
    return failed > most ? `released although ${failed} failed and ${most} may` : undefined
  },
  4: (look) =>
    first([...look.after.targets.values()], (one) => offlineCounted(look, one)) ??
    first(completedNow(look), (index) => unchecked(look, index)),
  5: (look) =>
    first(look.steps, (step) => {
      if (step.kind === 'release') return same(step.content, CONTENT) ? undefined : `released ${step.content.revision}`
      if (step.kind !== 'take-back') return undefined
      const strange = step.clusters.find(
        (cluster) =>
          !look.seen
            .get(cluster)
            ?.contents.slice(0, -1)
            .some((had) => same(had, step.content)),
      )
      return strange ? `${strange} never had ${step.content.revision}` : undefined
    }),
  6: (look) => (isEnded(look.before) ? undefined : (misplaced(look) ?? blockedByGone(look))),
  7: (look) =>
    first(reached(look), (index) => {
      const members = membersOf(look.after, index)
      const waits = members.find(({ state }) => state === 'waiting')
      const onTheirWay = members.filter(({ state }) => state === 'released').length
      const room = mostOnTheirWay(planOf(look.after, index), members.filter(isPresent).length) - onTheirWay
      return waits && room > 0 ? `${waits.name} is passed over` : undefined
    }),
  8: ({ after, again }) => {
    if (again.run !== after) return 'the same input changed the run'
    const more = again.steps.find(({ kind }) => kind !== 'look-again')
    return more ? `the same input gave ${more.kind} once more` : undefined
  },
  9: (look) => {
    if (look.after.state !== 'succeeded' || isEnded(look.before)) return undefined
    return first([...look.after.targets.values()], (one) => {
      const facts = factsOf(look, one)
      if (!facts || facts.health === 'healthy') return undefined
      if (facts.health === 'unknown' && one.state === 'healthy') return undefined
      return facts.health === 'offline' && one.given === 'content' ? undefined : `succeeded with ${one.name} ${facts.health}`
    })
  },
}

function incomplete(look: Look, index: number): string | undefined {
  const wave = look.after.waves[index]
  if (!wave || wave.state === 'skipped') return undefined
  const members = membersOf(look.after, index).filter(isPresent)
  if (wave.plan.approval && members.length > 0 && !look.facts.approvals.has(wave.plan.name))
    return `wave ${index} completed without approval`
  return first(members, (one) => {
    const facts = factsOf(look, one)
    const seen = look.seen.get(one.cluster)
    if (!facts || facts.health === 'offline' || seen?.failed) return undefined
    if (facts.health !== 'healthy' && !(facts.health === 'unknown' && seen?.wasHealthy))
      return `wave ${index} completed with ${one.name} ${facts.health}`
    return (seen?.healthyMs ?? 0) >= wave.plan.soakMs
      ? undefined
      : `wave ${index} completed with ${one.name} seen healthy for ${seen?.healthyMs} ms`
  })
}

function tooEarly({ after }: Look, one: Target): string | undefined {
  const before = after.waves.slice(0, one.wave).findIndex((wave) => !isDone(wave))
  return before < 0 ? undefined : `${one.name} of wave ${one.wave} was released before wave ${before} was done`
}

function offlineCounted(look: Look, one: Target): string | undefined {
  if (isEnded(look.before) || one.given !== 'content' || factsOf(look, one)?.health !== 'offline') return undefined
  if (one.state !== 'offline') return `${one.name} is offline and counts as ${one.state}`
  return one.failedOnce && !look.seen.get(one.cluster)?.failed ? `${one.name} is offline and counts as failed` : undefined
}

function unchecked(look: Look, index: number): string | undefined {
  if (look.after.waves[index]?.state === 'skipped') return undefined
  const members = membersOf(look.after, index).filter(isPresent)
  const passed = members.find(({ given }) => given === 'nothing')
  if (passed) return `wave ${index} completed and ${passed.name} was given nothing`
  return members.length > 0 && members.every((one) => factsOf(look, one)?.health === 'offline')
    ? `wave ${index} completed unchecked`
    : undefined
}

function misplaced(look: Look): string | undefined {
  const gone = [...look.after.targets.values()].find((one) => (factsOf(look, one) === undefined) !== (one.state === 'gone'))
  if (gone) return `${gone.name} is ${gone.state}`
  const full = look.after.waves.every(({ plan }) => plan.max !== undefined || plan.clusters !== undefined)
  const lost = look.facts.clusters.find(({ cluster }) => !look.after.targets.has(cluster))
  return lost && !full ? `${lost.name} joined and has no place` : undefined
}

function blockedByGone({ after }: Look): string | undefined {
  if (isEnded(after) || after.state === 'rolling-back') return undefined
  const index = after.waves.findIndex((wave) => !isDone(wave))
  const wave = after.waves[index]
  return wave && membersOf(after, index).every((one) => !isPresent(one)) ? `wave ${index} waits for nobody` : undefined
}

/** Waves in which clusters may be released now: those that are past, and the present one. */
function reached({ after, facts }: Look): readonly number[] {
  if (isEnded(after) || after.state === 'rolling-back' || facts.paused || !facts.window.open) return []
  const current = after.waves.findIndex((wave) => !isDone(wave))
  const wave = after.waves[current]
  const starts = wave && (!wave.plan.approval || facts.approvals.has(wave.plan.name))
  return [...after.waves.keys()].filter((index) => current < 0 || index < current || (index === current && starts))
}

function completedNow({ after, before }: Look): readonly number[] {
  return [...after.waves.keys()].filter((index) => isDone(after.waves[index]) && !isDone(before.waves[index]))
}

function releasedNow({ after, steps }: Look): readonly Target[] {
  const clusters = steps.flatMap((step: Step) => (step.kind === 'release' ? step.clusters : []))
  return clusters.flatMap((cluster) => after.targets.get(cluster) ?? [])
}

function isDone(wave: Wave | undefined): boolean {
  return wave?.state === 'complete' || wave?.state === 'skipped'
}

function isEnded({ state }: Run): boolean {
  return RUN_ENDS.some((end) => end === state)
}

function isPresent({ state }: Target): boolean {
  return state !== 'gone'
}

function membersOf({ targets }: Run, index: number): readonly Target[] {
  return [...targets.values()].filter(({ wave }) => wave === index)
}

function planOf({ waves }: Run, index: number): Wave['plan'] {
  const wave = waves[index]
  if (!wave) throw new Error(`there is no wave ${index}`)
  return wave.plan
}

function factsOf({ facts }: Look, { cluster }: Target) {
  return facts.clusters.find((one) => one.cluster === cluster)
}

function same(
  a: { readonly revision: string; readonly artifact: string },
  b: { readonly revision: string; readonly artifact: string },
): boolean {
  return a.revision === b.revision && a.artifact === b.artifact
}

function first<T>(items: readonly T[], problem: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = problem(item)
    if (found !== undefined) return found
  }
  return undefined
}
