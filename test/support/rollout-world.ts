import fc from 'fast-check'
import type { advance } from '../../hub/rollout/advance.ts'
import type { ClusterFacts, Content, Facts, Policy, Run, Step, TargetHealth, Wave, WavePlan } from '../../hub/rollout/model.ts'
import { assignWaves } from '../../hub/rollout/waves.ts'
import { countOf } from '../../proto/model/fleet/amount.ts'
import type { ClusterId } from '../../proto/model/ids.ts'

export type Advance = typeof advance

/** What happens to a small fleet while a run is in progress. */
export type Happening =
  | { readonly kind: 'time'; readonly ms: number }
  | { readonly kind: 'join' | 'leave' | 'offline' | 'online' | 'ack' | 'blink'; readonly at: number }
  | { readonly kind: 'health'; readonly at: number; readonly health: 'healthy' | 'progressing' | 'failed' | 'unknown' }
  | { readonly kind: 'approve' | 'skip'; readonly wave: number }
  | { readonly kind: 'recover' | 'pause' | 'window' | 'newer' | 'by-hand' }

/** A run as it begins and what then happens. */
export interface History {
  readonly plans: readonly WavePlan[]
  readonly policy: Policy
  readonly present: readonly boolean[]
  readonly happenings: readonly Happening[]
}

/** One look at a run, with what an onlooker who knows nothing of `advance` remembers. */
export interface Look {
  readonly before: Run
  readonly after: Run
  readonly steps: readonly Step[]
  readonly facts: Facts
  readonly now: Date
  readonly seen: ReadonlyMap<ClusterId, Onlooker>
  /** The same input once more. */
  readonly again: ReturnType<Advance>
}

/** What an onlooker saw of one cluster. */
export interface Onlooker {
  /** Everything that it was given, oldest first; what it had before the run is first. */
  contents: Content[]
  /** How long it was watched being healthy without a break. */
  healthyMs: number
  wasHealthy: boolean
  /** How long it was watched having the content without being healthy. */
  ailingMs: number | undefined
  failed: boolean
  released: boolean
}

export const CONTENT: Content = { revision: 'main@sha1:2', artifact: 'sha256:2' }
const OLD: Content = { revision: 'main@sha1:1', artifact: 'sha256:1' }
const START = Date.UTC(2026, 0, 5)
const LONGEST_GAP_MS = 60_000
const FLEET = 8
/** A cluster that blinks was connected for the last quarter of this only. */
const BLINK_MS = 20_000

interface Machine {
  readonly cluster: ClusterId
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  present: boolean
  online: boolean
  /** How long it has been connected. */
  onlineMs: number
  health: TargetHealth
  has: Content
  acked: string | undefined
}

/** Plays a history against an `advance` and hands every look to `check`. */
export function play(decide: Advance, { happenings, plans, policy, present }: History, check: (look: Look) => void): void {
  const fleet = machines(present)
  const seen = new Map(fleet.map(({ cluster }) => [cluster, freshOnlooker()]))
  let facts: Omit<Facts, 'clusters'> = { approvals: new Map(), skips: new Map(), paused: false, window: { open: true } }
  let run = newRun(plans, policy, fleet)
  let now = START
  for (const happening of [{ kind: 'time', ms: 0 } as const, ...happenings]) {
    const passed = happening.kind === 'time' ? happening.ms : happening.kind === 'blink' ? BLINK_MS : 1
    now += passed
    for (const one of fleet) one.onlineMs = one.online ? one.onlineMs + Math.max(0, passed) : 0
    facts = happen(happening, { fleet, facts, plans, seen })
    const gap = run.lookedAt ? now - run.lookedAt.getTime() : 0
    const all: Facts = { ...facts, clusters: fleet.filter((one) => one.present).map((one) => clusterFacts(one, gap)) }
    const at = new Date(now)
    const { run: after, steps } = decide(run, all, at)
    watch(all, { seen, run, gap })
    carryOut(steps, { fleet, seen })
    check({ before: run, after, steps, facts: all, now: at, seen, again: decide(after, all, at) })
    run = after
  }
}

function machines(present: readonly boolean[]): readonly Machine[] {
  return Array.from({ length: FLEET }, (_, at) => ({
    cluster: `c-${at}` as ClusterId,
    name: `edge-${at}`,
    labels: { region: at % 3 === 0 ? 'eu' : 'us' },
    present: present[at] ?? false,
    online: true,
    onlineMs: 0,
    health: 'progressing',
    has: OLD,
    acked: OLD.revision,
  }))
}

function freshOnlooker(): Onlooker {
  return { contents: [OLD], healthyMs: 0, wasHealthy: false, ailingMs: undefined, failed: false, released: false }
}

function newRun(plans: readonly WavePlan[], policy: Policy, fleet: readonly Machine[]): Run {
  const { waves } = assignWaves(
    plans,
    fleet.filter(({ present }) => present),
  )
  return {
    id: 'run',
    cause: 'revision',
    content: CONTENT,
    policy,
    waves: plans.map((plan): Wave => ({ plan, state: 'waiting' })),
    targets: new Map(
      fleet.flatMap(({ cluster, name }) => {
        const wave = waves.get(cluster)
        return wave === undefined ? [] : [[cluster, { cluster, name, wave, state: 'waiting' as const, given: 'nothing' as const }] as const]
      }),
    ),
    state: 'pending',
    clockMs: 0,
    startedAt: new Date(START),
  }
}

function clusterFacts({ acked, cluster, has, health, labels, name, online, onlineMs }: Machine, gap: number): ClusterFacts {
  return {
    cluster,
    name,
    labels,
    health: online ? health : 'offline',
    before: has.revision === CONTENT.revision ? OLD : has,
    acked,
    watchedMs: Math.max(0, Math.min(gap, onlineMs)),
  }
}

interface World {
  readonly fleet: readonly Machine[]
  readonly facts: Omit<Facts, 'clusters'>
  readonly plans: readonly WavePlan[]
  readonly seen: ReadonlyMap<ClusterId, Onlooker>
}

function happen(happening: Happening, { facts, fleet, plans }: World): Omit<Facts, 'clusters'> {
  switch (happening.kind) {
    case 'time':
      return facts
    case 'approve':
    case 'skip': {
      const wave = plans[happening.wave]?.name
      const said = happening.kind === 'approve' ? 'approvals' : 'skips'
      return wave === undefined ? facts : { ...facts, [said]: new Map([...facts[said], [wave, 'anna']]) }
    }
    case 'recover':
      for (const one of fleet) Object.assign(one, { acked: one.has.revision, health: 'healthy' })
      return facts
    case 'pause':
      return { ...facts, paused: !facts.paused }
    case 'window':
      return { ...facts, window: { open: !facts.window.open } }
    case 'newer':
    case 'by-hand': {
      const cause = happening.kind === 'newer' ? 'revision' : 'rollback'
      return { ...facts, next: { content: { revision: 'main@sha1:3', artifact: 'sha256:3' }, cause } }
    }
    default: {
      const machine = fleet[happening.at]
      if (machine) befall(machine, happening)
      return facts
    }
  }
}

function befall(machine: Machine, happening: Extract<Happening, { readonly at: number }>): void {
  if (happening.kind === 'join' || happening.kind === 'leave') machine.present = happening.kind === 'join'
  else if (happening.kind === 'offline') machine.online = false
  else if (happening.kind === 'health') machine.health = happening.health
  else {
    machine.online = true
    if (happening.kind === 'blink') machine.onlineMs = BLINK_MS / 4
    machine.acked = machine.has.revision
  }
}

/** What the onlooker makes of the facts of a look: sums of watched time, each broken off where something was in between. */
function watch({ clusters }: Facts, { gap, run, seen }: { readonly seen: World['seen']; readonly run: Run; readonly gap: number }): void {
  const facts = new Map(clusters.map((one) => [one.cluster, one]))
  const counted = gap > 0 && gap <= LONGEST_GAP_MS ? gap : 0
  for (const [cluster, onlooker] of seen) {
    const found = facts.get(cluster)
    if (!found) Object.assign(onlooker, { released: false, wasHealthy: false, ailingMs: undefined })
    else if (onlooker.released && run.state !== 'rolling-back')
      observe(onlooker, found, { counted: Math.min(counted, found.watchedMs), policy: run.policy })
  }
}

function observe(
  onlooker: Onlooker,
  { acked, health }: ClusterFacts,
  { counted, policy }: { readonly counted: number; readonly policy: Policy },
): void {
  if (health === 'healthy') {
    onlooker.healthyMs = onlooker.wasHealthy ? onlooker.healthyMs + counted : 0
    onlooker.ailingMs = undefined
  }
  if (health === 'progressing') {
    if (onlooker.ailingMs !== undefined) onlooker.ailingMs += counted
    else if (acked === CONTENT.revision || onlooker.wasHealthy) onlooker.ailingMs = 0
    if ((onlooker.ailingMs ?? 0) >= policy.progressDeadlineMs) onlooker.failed = true
  }
  if (health === 'failed') {
    onlooker.failed = true
    onlooker.ailingMs = undefined
  }
  if (health === 'healthy' || health === 'progressing' || health === 'failed') onlooker.wasHealthy = health === 'healthy'
}

function carryOut(steps: readonly Step[], { fleet, seen }: Pick<World, 'fleet' | 'seen'>): void {
  for (const step of steps) {
    if (step.kind !== 'release' && step.kind !== 'take-back') continue
    for (const machine of fleet.filter(({ cluster }) => step.clusters.includes(cluster))) {
      machine.has = step.content
      machine.acked = undefined
      const onlooker = seen.get(machine.cluster)
      onlooker?.contents.push(step.content)
      if (onlooker && step.kind === 'release') Object.assign(onlooker, { released: true, wasHealthy: false, ailingMs: undefined })
    }
  }
}

const plan = (name: string, rest: Partial<WavePlan>): fc.Arbitrary<WavePlan> =>
  fc.record({
    name: fc.constant(name),
    clusters: fc.constant(rest.clusters),
    max: fc.constant(rest.max),
    maxConcurrent: fc.constantFrom(1, 2, '25%', '50%', '100%'),
    soakMs: fc.constantFrom(0, 10_000, 40_000),
    approval: fc.boolean(),
  })

const cluster = fc.nat({ max: FLEET - 1 })
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.integer({ min: 1, max: 30_000 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.constantFrom(-3_600_000, -1000, 59_999, 60_001, 3_600_000) }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('health' as const),
      at: cluster,
      health: fc.constantFrom('healthy', 'healthy', 'healthy', 'progressing', 'failed', 'unknown'),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('join', 'leave', 'offline', 'online', 'ack', 'blink'), at: cluster }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('approve', 'approve', 'approve', 'skip'), wave: fc.nat({ max: 2 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('recover' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('pause', 'window', 'window', 'newer', 'by-hand') }) },
)

/** Any history of a small fleet. */
export const history: fc.Arbitrary<History> = fc.record({
  plans: fc
    .tuple(plan('canary', { max: 1 }), plan('eu', { clusters: { matchLabels: { region: 'eu' } } }), plan('rest', {}), fc.nat({ max: 2 }))
    .map(([canary, eu, rest, from]) => [canary, eu, rest].slice(from)),
  policy: fc.record({
    maxFailures: fc.constantFrom(0, 0, 1, '20%', '50%', '100%'),
    progressDeadlineMs: fc.constantFrom(20_000, 50_000, 900_000),
    action: fc.constantFrom('stop', 'rollback', 'continue'),
    onNewRevision: fc.constantFrom('supersede', 'queue'),
  }),
  present: fc.array(fc.boolean(), { minLength: FLEET, maxLength: FLEET }),
  happenings: fc.array(happening, { maxLength: 40, size: 'max' }),
})

/** How many clusters of a wave may be on their way. */
export function mostOnTheirWay({ maxConcurrent }: WavePlan, present: number): number {
  return Math.max(1, countOf(maxConcurrent, present))
}
