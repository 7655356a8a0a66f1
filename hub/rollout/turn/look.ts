import type { RolloutSpec } from '../../../proto/model/fleet/rollout.ts'
import { advance, isEnded } from '../advance.ts'
import type { ClusterFacts, Facts, NextRun, Run, Settle, SourceObject, Standing, Step } from '../model.ts'
import { beginRun, nextRun, wentThrough } from '../next.ts'
import type { RolloutRows, RolloutState, RunNote } from '../ports.ts'
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
  /** Sources with something to settle. */
  readonly settle: readonly Settle[]
  readonly spec: RolloutSpec
}

interface Moment {
  readonly rows: RolloutRows
  readonly spec: RolloutSpec
  readonly source: SourceObject
  readonly newId: () => string
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
    facts: undefined,
    settle: [],
  }
  if (running && !isEnded(running.run)) {
    running = await goOn(moment, running)
    state = isEnded(running.run) ? afterRun(state, running.run) : state
  }
  const marked = new Set([...bad, ...(running?.steps ?? []).flatMap((step) => (step.kind === 'mark-bad' ? [step.revision] : []))])
  const settle = [...(running?.settle ?? [])]
  if (!running || isEnded(running.run)) {
    const next = nextRun(standingOf(state, { bad: marked, spec }))
    const begun = next && (await begin(moment, state, next))
    if (begun) {
      running = begun.running ? { ...begun.running, steps: [...(running?.steps ?? []), ...begun.running.steps] } : running
      state = begun.state
      settle.push(...(begun.running?.settle ?? []))
    }
    if ((!running || isEnded(running.run)) && state.standing) settle.push(...(await rows.welcome(state.standing, source)))
  }
  await rows.save(state, againAt(running, now))
  const { facts, note, run, steps = [] } = running ?? {}
  return { now, state, bad: marked, run, note, facts, steps, settle, spec }
}

interface Running {
  readonly run: Run
  readonly note: RunNote
  readonly facts: Facts | undefined
  readonly steps: readonly Step[]
  readonly settle: readonly Settle[]
}

async function goOn({ rows, source, spec }: Moment, { note, run }: Running): Promise<Running> {
  const { bad, current, now, state } = rows
  const facts: Facts = {
    ...situation(state, { now, spec }),
    clusters: await rows.facts(source, run),
    approvals: current?.approvals ?? new Map(),
    skips: current?.skips ?? new Map(),
    next: nextRun(standingOf(state, { bad, spec })),
  }
  const { run: after, steps } = advance(run, facts, now)
  await rows.saveRun(run, after)
  return { run: after, note, facts, steps, settle: await rows.carryOut(after, steps, source) }
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
  if (message !== undefined)
    return { running: undefined, state: { ...state, problems: [{ message }, ...state.problems.filter((one) => one.message !== message)] } }
  const facts: Facts = { ...situation(state, { now, spec }), clusters, approvals: new Map(), skips: new Map() }
  const { run, steps } = advance(begun.run, facts, now)
  const number = state.lastNumber + 1
  const note = await rows.startRun(run, { number, startedBy: state.asked?.by, historyLimit: spec.historyLimit })
  const settle = await rows.carryOut(run, steps, source)
  return { running: { run, note, facts, steps, settle }, state: { ...seen, lastNumber: number } }
}

/** A Rollout that is made over clusters which all have the newest revision takes them as they are. */
function isThereAlready({ lastNumber, seen }: RolloutState, { cause, content }: NextRun, clusters: readonly ClusterFacts[]): boolean {
  return (
    lastNumber === 0 && seen === undefined && cause === 'revision' && clusters.every(({ before }) => before?.revision === content.revision)
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

function afterRun(state: RolloutState, run: Run): RolloutState {
  return wentThrough(run) ? { ...state, standing: run.content } : state
}

function againAt(running: Running | undefined, now: Date): Date | undefined {
  if (!running || isEnded(running.run)) return undefined
  const latest = now.getTime() + AGAIN_MS
  const wanted = running.steps.flatMap((step) => (step.kind === 'look-again' ? [step.at.getTime()] : []))
  return new Date(Math.min(latest, ...wanted))
}
