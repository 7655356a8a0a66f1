import { type Condition, metaTime, setCondition } from '../../../proto/model/condition.ts'
import type { RolloutStatus } from '../../../proto/model/fleet/rollout-status.ts'
import { explainRun } from '../explain.ts'
import type { Run, Target } from '../model.ts'
import type { EndedRun, RunNote, Suspended } from '../ports.ts'
import { countTargets, type TargetCounts } from '../step/budget.ts'
import { failing } from '../step/records.ts'
import type { Look } from './look.ts'

const PROBLEMS = 10
const BAD_REVISIONS = 10

type RunStatus = NonNullable<RolloutStatus['run']>
type Problem = NonNullable<RolloutStatus['problems']>[number]

export interface Told {
  readonly look: Look
  /** Last one first. */
  readonly history: readonly EndedRun[]
  readonly suspended: Suspended
  readonly generation: number
}

/** The status with what a look came to; the same look gives the same status. No list in it grows with the fleet. */
export function rolloutStatus(old: RolloutStatus, { generation, history, look, suspended }: Told): RolloutStatus {
  const { bad, now, run, state } = look
  const sentence = waitsFor(look)
  const problems: readonly Problem[] = [...state.problems, ...(run ? failing(run).map(problemOf) : []), ...suspended.first.map(leftOut)]
  const more = problems.length + state.moreProblems + suspended.total - suspended.first.length - Math.min(problems.length, PROBLEMS)
  const ready = { type: 'Ready', ...verdict(look, sentence), observedGeneration: generation }
  return {
    ...badStatus(bad, state.newest?.revision),
    conditions: [...setCondition((old.conditions ?? []) as readonly Condition[], ready, now)],
    ...(state.hold
      ? { hold: { by: state.hold.by, ...(state.hold.reason ? { reason: state.hold.reason } : {}), since: state.hold.since } }
      : {}),
    ...(history.length > 0 ? { history: history.map(endedStatus) } : {}),
    ...(more > 0 ? { moreProblems: more } : {}),
    ...(state.newest ? { newest: state.newest.revision } : {}),
    observedGeneration: generation,
    ...(state.paused ? { paused: true } : {}),
    ...(problems.length > 0 ? { problems: problems.slice(0, PROBLEMS) } : {}),
    ...(run && look.note ? { run: runStatus(run, look.note, sentence) } : {}),
  }
}

/** The newest revision first, where it is one of them: by that a reader sees why it does not start. */
function badStatus(bad: ReadonlySet<string>, newest: string | undefined): Pick<RolloutStatus, 'badRevisions' | 'moreBadRevisions'> {
  if (bad.size === 0) return {}
  const isNewest = (revision: string) => Number(revision === newest)
  const shown = [...bad].sort((a, b) => isNewest(b) - isNewest(a) || (a < b ? -1 : 1)).slice(0, BAD_REVISIONS)
  return { badRevisions: shown, ...(bad.size > shown.length ? { moreBadRevisions: bad.size - shown.length } : {}) }
}

/** What a Rollout waits for, or how its last run ended, in one sentence. */
function waitsFor({ facts, now, run, spec, state }: Look): string {
  if (!run) return withoutRun(state.newest?.revision, state.standing?.revision)
  const said = explainRun(run, facts ?? NOBODY, now)
  if (state.hold) return `${said}; held by ${state.hold.by} until it is resumed`
  return spec.suspend ? `${said}; the Rollout is suspended` : said
}

const NOBODY = { clusters: [], window: { open: true }, paused: false, approvals: new Map(), skips: new Map() }

function withoutRun(newest: string | undefined, standing: string | undefined): string {
  if (newest === undefined) return 'no revision is known yet'
  return standing === newest ? `every cluster has ${newest}` : `nothing is on its way; the newest revision is ${newest}`
}

function verdict({ run, state }: Look, message: string): Pick<Condition, 'status' | 'reason' | 'message'> {
  if (!run) {
    if (state.problems.length > 0) return { status: 'False', reason: 'Problems', message: state.problems[0]?.message ?? '' }
    return state.standing ? { status: 'True', reason: 'UpToDate', message } : { status: 'Unknown', reason: 'Waiting', message }
  }
  switch (run.state) {
    case 'succeeded':
      return { status: 'True', reason: state.hold ? 'Held' : 'Succeeded', message }
    case 'stopped':
      return { status: 'False', reason: 'Stopped', message }
    case 'rolled-back':
      return { status: 'False', reason: 'RolledBack', message }
    case 'rolling-back':
      return { status: 'False', reason: 'RollingBack', message }
    case 'superseded':
      return { status: 'Unknown', reason: 'Superseded', message }
    case 'pending':
      return { status: 'Unknown', reason: 'Pending', message }
    case 'progressing':
    case 'soaking':
      return { status: 'Unknown', reason: 'Progressing', message }
    default:
      return run.state satisfies never
  }
}

function runStatus(run: Run, note: RunNote, message: string): RunStatus {
  return {
    ...noteStatus(note),
    ...approversOf(run),
    cause: run.cause,
    clusters: countsOf(countTargets(run)),
    ...(run.endedAt ? { endedAt: metaTime(run.endedAt) } : {}),
    message,
    revision: run.content.revision,
    startedAt: metaTime(run.startedAt),
    state: run.state,
    waves: run.waves.map((wave, index) => ({
      ...countsOf(countTargets(run, index)),
      ...(wave.approvedBy === undefined ? {} : { approvedBy: wave.approvedBy }),
      ...(wave.completedAt ? { completedAt: metaTime(wave.completedAt) } : {}),
      name: wave.plan.name,
      ...(wave.startedAt ? { startedAt: metaTime(wave.startedAt) } : {}),
      state: wave.state,
    })),
  }
}

function approversOf({ waves }: Run): Pick<RunStatus, 'approvedBy'> {
  const names = [...new Set(waves.flatMap(({ approvedBy }) => approvedBy ?? []))].sort()
  return names.length > 0 ? { approvedBy: names } : {}
}

function endedStatus({ approvedBy, cause, endedAt, note, outcome, revision, startedAt, state }: EndedRun): RunStatus {
  return {
    ...noteStatus(note),
    ...(approvedBy.length > 0 ? { approvedBy: [...approvedBy] } : {}),
    cause,
    endedAt: metaTime(endedAt),
    ...(outcome === undefined ? {} : { message: outcome }),
    revision,
    startedAt: metaTime(startedAt),
    state,
  }
}

function noteStatus({ commit, number, startedBy }: RunNote): Pick<RunStatus, 'author' | 'number' | 'startedBy' | 'subject'> {
  return {
    ...(commit.author ? { author: commit.author } : {}),
    number,
    ...(startedBy === undefined ? {} : { startedBy }),
    ...(commit.subject ? { subject: commit.subject } : {}),
  }
}

function countsOf(counts: TargetCounts) {
  const { failed, healthy, offline, released, total, waiting } = counts
  return { failed, healthy, offline, released, rolledBack: counts['rolled-back'], total, waiting }
}

function leftOut({ cluster, object }: Suspended['first'][number]): Problem {
  return { cluster, object, reason: 'Suspended', message: 'it is suspended and left out: the cluster counts without it' }
}

function problemOf({ complaint, name }: Target): Problem {
  return {
    cluster: name,
    message: complaint?.message ?? '',
    ...(complaint?.object === undefined ? {} : { object: complaint.object }),
    ...(complaint?.reason === undefined ? {} : { reason: complaint.reason }),
  }
}
