import type { RolloutSpec } from '../../../proto/model/fleet/rollout.ts'
import { advance, isEnded } from '../advance.ts'
import type { Heard } from '../heard.ts'
import type { Advanced, ClusterFacts, Facts, NextRun, Run, Settle, SourceObject, Standing, Step } from '../model.ts'
import { beginRun, markedAfter, nextRun, wentThrough } from '../next.ts'
import type { RolloutRows, RolloutState, RunNote } from '../ports.ts'
import { currentWave } from '../step/walk.ts'
import { unmatchedProblem } from '../waves.ts'
import { windowAt } from '../windows.ts'

/** A run in progress is looked at again at least so often: what was not heard of is seen then. */
const AGAIN_MS = 15_000

/** What a look came to, for whoever tells of it. */
export interface Look {
  readonly now: Date
  readonly state: RolloutState
  readonly bad: ReadonlySet<string>
  readonly run: Run | undefined
  readonly note: RunNote | undefined
  /** What the decision was made by; undefined where there was nothing to decide. */
  readonly facts: Facts | undefined
  readonly steps: readonly Step[]
  /** The run that ended before it in the same look. */
  readonly ended?: Pick<Look, 'run' | 'steps'> | undefined
  /** True where it was asked of every cluster how it does. */
  readonly askedAll: boolean
  /** Sources with something to settle. */
  readonly settle: readonly Settle[]
  readonly spec: RolloutSpec
}

interface Moment {
  readonly rows: RolloutRows
  readonly spec: RolloutSpec
  readonly source: SourceObject
  readonly newId: () => string
  /** What was heard since the last look; undefined asks of every cluster. */
  readonly heard?: Heard | undefined
}

/**
 * Looks at a Rollout once, under its lock: what its run is by now, what is given to whom, and which run starts. All of
 * it is in one transaction with what it changes.
 */
export async function lookAt(moment: Moment): Promise<Look> {
  const { rows, source, spec } = moment
  const { bad, now } = rows
  let { state } = rows
  let running: Running | undefined = rows.current && {
    run: rows.current.run,
    note: rows.current.note,
    steps: [],
    askedAll: false,
    facts: undefined,
    settle: [],
  }
  if (running && !isEnded(running.run)) {
    running = await goOn(moment, running)
    state = isEnded(running.run) ? afterRun(state, running.run) : withProblem(state, unmatchedProblem(outside(running)))
  }
  const marked = markedAfter(bad, running?.steps ?? [])
  const settle = [...(running?.settle ?? [])]
  let ended: Running | undefined
  if (!running || isEnded(running.run)) {
    const next = nextRun(standingOf(state, { bad: marked, spec }))
    const begun = next && (await begin(moment, state, next))
    if (begun) {
      if (begun.running) ended = running
      running = begun.running ?? running
      state = begun.state
      settle.push(...(begun.running?.settle ?? []))
    }
    if ((!running || isEnded(running.run)) && state.standing) settle.push(...(await rows.welcome(state.standing, source)))
  }
  await rows.save(state, againAt(running, now))
  const { askedAll = false, facts, note, run, steps = [] } = running ?? {}
  return { now, state, bad: marked, run, note, facts, steps, ended, askedAll, settle, spec }
}

interface Running {
  readonly run: Run
  readonly note: RunNote
  readonly facts: Facts | undefined
  readonly steps: readonly Step[]
  readonly askedAll: boolean
  readonly settle: readonly Settle[]
}

async function goOn(moment: Moment, { note, run }: Running): Promise<Running> {
  const { rows, source } = moment
  const { askedAll, facts, ...decided } = await decide(moment, run)
  await rows.saveRun(run, decided.run)
  return { run: decided.run, note, facts, steps: decided.steps, askedAll, settle: await rows.carryOut(decided.run, decided.steps, source) }
}

/** By what was heard, where that is enough: no wave and no run ends before every cluster was asked of. */
async function decide(
  { heard, rows, source, spec }: Moment,
  run: Run,
): Promise<Advanced & Pick<Running, 'askedAll'> & { readonly facts: Facts }> {
  const { bad, current, now, state } = rows
  const by = async (clusters: ReadonlySet<string> | undefined) => {
    const facts: Facts = {
      ...situation(state, { now, spec }),
      clusters: await rows.facts(source, run, clusters),
      approvals: current?.approvals ?? new Map(),
      skips: current?.skips ?? new Map(),
      next: nextRun(standingOf(state, { bad, spec })),
    }
    return { ...advance(run, facts, now), facts, askedAll: clusters === undefined }
  }
  if (!heard || now.getTime() - heard.askedAllAt.getTime() >= AGAIN_MS) return by(undefined)
  const decided = await by(heard.clusters)
  return endsSomething(run, decided.run) ? by(undefined) : decided
}

function endsSomething(before: Run, after: Run): boolean {
  return isEnded(after) || currentWave(after) !== currentWave(before)
}

/** Starts the run that is to come, and gives its first clusters what they may have. */
async function begin(
  { newId, rows, source, spec }: Moment,
  state: RolloutState,
  next: NextRun,
): Promise<{ readonly running: Running | undefined; readonly state: RolloutState }> {
  const { now } = rows
  const clusters = await rows.facts(source, undefined)
  const seen = { ...state, seen: state.newest?.revision, asked: undefined }
  if (clusters.length === 0) return { running: undefined, state }
  if (isThereAlready(state, next, clusters)) return { running: undefined, state: { ...seen, standing: next.content } }
  const begun = beginRun(next, { id: newId(), spec, clusters, kept: await rows.kept(), now })
  const message = unmatchedProblem(begun.unmatched)
  if (message !== undefined) return { running: undefined, state: withProblem(state, message) }
  const had = clusters.some(({ before }) => before?.revision === next.content.revision)
  const facts: Facts = {
    ...situation(state, { now, spec }),
    // Who has the revision already goes back to what it had before that.
    clusters: had ? await rows.facts(source, begun.run) : clusters,
    approvals: new Map(),
    skips: new Map(),
  }
  const { run, steps } = advance(begun.run, facts, now)
  const number = state.lastNumber + 1
  const note = await rows.startRun(run, { number, startedBy: state.asked?.by, historyLimit: spec.historyLimit })
  const settle = await rows.carryOut(run, steps, source)
  return { running: { run, note, facts, steps, askedAll: true, settle }, state: { ...seen, lastNumber: number } }
}

/** A Rollout that is made over clusters which all have the newest revision takes them as they are. */
function isThereAlready(
  { lastNumber, moves, seen }: RolloutState,
  { cause, content }: NextRun,
  clusters: readonly ClusterFacts[],
): boolean {
  return (
    lastNumber === (moves?.since ?? 0) &&
    seen === undefined &&
    cause === 'revision' &&
    clusters.every(({ before }) => before?.revision === content.revision)
  )
}

function situation(
  { paused }: RolloutState,
  { now, spec }: { readonly now: Date; readonly spec: RolloutSpec },
): Pick<Facts, 'window' | 'paused'> {
  return { window: windowAt(spec.windows ?? [], now), paused: paused !== undefined || spec.suspend }
}

function standingOf(
  { asked, hold, newest, seen }: RolloutState,
  { bad, spec }: { readonly bad: ReadonlySet<string>; readonly spec: RolloutSpec },
): Standing {
  return {
    newest,
    seen,
    bad,
    held: hold !== undefined,
    suspended: spec.suspend,
    asked: asked && { content: asked.content, cause: asked.cause },
  }
}

/** Names of the clusters that joined during the run and that no wave of it takes. */
function outside({ facts, run }: Running): readonly string[] {
  const left = facts?.clusters.filter(({ cluster }) => !run.targets.has(cluster)) ?? []
  return left.map(({ name }) => name).sort()
}

function withProblem(state: RolloutState, message: string | undefined): RolloutState {
  if (message === undefined) return state
  return { ...state, problems: [{ message }, ...state.problems.filter((one) => one.message !== message)] }
}

function afterRun(state: RolloutState, run: Run): RolloutState {
  return wentThrough(run) ? { ...state, standing: run.content } : state
}

function againAt(running: Running | undefined, now: Date): Date | undefined {
  if (!running || isEnded(running.run)) return undefined
  const latest = now.getTime() + AGAIN_MS
  const wanted = running.steps.flatMap((step) => (step.kind === 'look-again' ? [step.at.getTime()] : []))
  return new Date(Math.min(latest, ...wanted))
}
