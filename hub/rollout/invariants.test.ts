import fc from 'fast-check'
import { expect, test } from 'vitest'
import { INVARIANTS } from '../../test/support/rollout-invariants.ts'
import { type Advance, history, play } from '../../test/support/rollout-world.ts'
import { advance } from './advance.ts'
import { type ClusterFacts, type Facts, RUN_ENDS, type Run, type WavePlan } from './model.ts'

type Nth = keyof typeof INVARIANTS
const NUMBERS = [1, 2, 3, 4, 5, 6, 7, 8, 9] as const

function holds(decide: Advance, numbers: readonly Nth[]) {
  return fc.property(history, (one) => {
    play(decide, one, (look) => {
      for (const number of numbers) {
        const problem = INVARIANTS[number](look)
        if (problem !== undefined) throw new Error(`invariant ${number}: ${problem}`)
      }
    })
  })
}

test('whatever happens to clusters and clocks, the nine invariants hold', { timeout: 60_000 }, () => {
  const ends = new Map<string, number>()
  fc.assert(holds(counting(ends), NUMBERS), { numRuns: 12_000 })
  // The histories are worth something only if they come to every end, and often.
  for (const end of RUN_ENDS) expect(ends.get(end), end).toBeGreaterThan(100)
})

function counting(ends: Map<string, number>): Advance {
  return (run, facts, now) => {
    const decided = advance(run, facts, now)
    if (decided.run.state !== run.state) ends.set(decided.run.state, (ends.get(decided.run.state) ?? 0) + 1)
    return decided
  }
}

/** `advance` with a fault, and the invariant that has to notice it. */
const VIOLATIONS: readonly (readonly [Nth, string, Advance])[] = [
  [1, 'does not soak', withPlans((plan) => ({ ...plan, soakMs: 0 }))],
  [1, 'asks nobody for approval', withPlans((plan) => ({ ...plan, approval: false }))],
  [1, 'soaks while the hub sleeps', (run, facts, now) => advance({ ...run, clockMs: run.clockMs + sleptMs(run, now) }, facts, now)],
  [1, 'soaks while the cluster is away', withClusters((one) => ({ ...one, watchedMs: Number.POSITIVE_INFINITY }))],
  [2, 'releases the whole wave at once', withPlans((plan) => ({ ...plan, maxConcurrent: '100%' }))],
  [3, 'has patience with any number of failures', withPolicy({ maxFailures: '100%' })],
  [3, 'goes on after failures', withPolicy({ action: 'continue' })],
  [4, 'takes offline for healthy', withClusters((one) => ({ ...one, health: one.health === 'offline' ? 'healthy' : one.health }))],
  [4, 'takes offline for failed', withClusters((one) => ({ ...one, health: one.health === 'offline' ? 'failed' : one.health }))],
  [
    4,
    'leaves offline clusters out',
    (run, facts, now) => advance(run, { ...facts, clusters: facts.clusters.filter(({ health }) => health !== 'offline') }, now),
  ],
  [5, 'takes back to something else', (run, facts, now) => swapped(advance(run, facts, now), 'take-back')],
  [5, 'releases something else', (run, facts, now) => swapped(advance(run, facts, now), 'release')],
  [
    6,
    'has no place for who joins',
    (run, facts, now) => advance(run, { ...facts, clusters: facts.clusters.filter(({ cluster }) => run.targets.has(cluster)) }, now),
  ],
  [6, 'waits for who left', (run, facts, now) => advance(run, { ...facts, clusters: [...facts.clusters, ...missing(run, facts)] }, now)],
  [7, 'passes over who was unhealthy before', passingOver],
  [
    8,
    'moves its clock at each look',
    (run, facts, now) => advance({ ...run, ...(run.lookedAt ? { lookedAt: new Date(run.lookedAt.getTime() - 1) } : {}) }, facts, now),
  ],
  [9, 'calls it a success when some failed', withEnd('stopped', 'succeeded')],
]

test.each(VIOLATIONS)('violations are caught: of invariant %i, an advance that %s', (number, _, fault) => {
  const { counterexample, errorInstance } = fc.check(holds(fault, [number]), { numRuns: 5000, endOnFailure: true })
  expect(counterexample).not.toBeNull()
  expect(String(errorInstance)).toContain(`invariant ${number}: `)
})

function withPlans(change: (plan: WavePlan) => WavePlan): Advance {
  return (run, facts, now) => {
    const { run: after, steps } = advance({ ...run, waves: run.waves.map((wave) => ({ ...wave, plan: change(wave.plan) })) }, facts, now)
    return { run: { ...after, waves: after.waves.map((wave, at) => ({ ...wave, plan: run.waves[at]?.plan ?? wave.plan })) }, steps }
  }
}

function withPolicy(change: Partial<Run['policy']>): Advance {
  return (run, facts, now) => {
    const { run: after, steps } = advance({ ...run, policy: { ...run.policy, ...change } }, facts, now)
    return { run: { ...after, policy: run.policy }, steps }
  }
}

function withClusters(change: (one: ClusterFacts) => ClusterFacts): Advance {
  return (run, facts, now) => advance(run, { ...facts, clusters: facts.clusters.map(change) }, now)
}

function withEnd(from: Run['state'], to: Run['state']): Advance {
  return (run, facts, now) => {
    const { run: after, steps } = advance(run, facts, now)
    return { run: after.state === from ? { ...after, state: to } : after, steps }
  }
}

function sleptMs({ lookedAt }: Run, now: Date): number {
  const gap = lookedAt ? now.getTime() - lookedAt.getTime() : 0
  return gap > 60_000 ? gap : 0
}

function swapped({ run, steps }: ReturnType<Advance>, kind: 'release' | 'take-back'): ReturnType<Advance> {
  return {
    run,
    steps: steps.map((step) => (step.kind === kind ? { ...step, content: { ...step.content, artifact: 'sha256:3' } } : step)),
  }
}

function missing(run: Run, { clusters }: Facts): readonly ClusterFacts[] {
  const left = [...run.targets.values()].filter((target) => !clusters.some(({ cluster }) => cluster === target.cluster))
  return left.map(({ cluster, name }) => ({ cluster, name, labels: {}, health: 'progressing', watchedMs: 0 }))
}

function passingOver(...[run, facts, now]: Parameters<Advance>): ReturnType<Advance> {
  const ill = new Set(facts.clusters.flatMap(({ cluster, health }) => (health === 'failed' ? cluster : [])))
  const { run: after, steps } = advance(run, facts, now)
  const kept = [...after.targets.values()].map((target) => {
    const old = run.targets.get(target.cluster)
    return ill.has(target.cluster) && old?.state === 'waiting' && target.state !== 'gone' ? old : target
  })
  const healed = steps.map((step) => (step.kind === 'release' ? { ...step, clusters: step.clusters.filter((one) => !ill.has(one)) } : step))
  return { run: { ...after, targets: new Map(kept.map((target) => [target.cluster, target])) }, steps: healed }
}
