import type { RolloutStatus } from '../../../../proto/model/fleet/rollout-status.ts'
import type { Manifest } from '../../../../proto/model/manifest.ts'
import { oneLine, tableText } from '../../show/print.ts'
import { readyOf, shortRevision } from '../../show/rows.ts'

type Run = NonNullable<RolloutStatus['run']>

/** How a Rollout is doing: its run, the waves as a table, what it waits for, and the clusters that fail. */
export function statusText(rollout: Manifest): string {
  const { badRevisions, hold, moreBadRevisions, moreProblems, newest, paused, problems, run } = statusOf(rollout)
  const { name, namespace } = rollout.metadata
  const lines = [
    `Rollout ${namespace}/${name}`,
    ...(run ? [runLine(run)] : []),
    ...(newest && newest !== run?.revision ? [`newest: ${shortRevision(newest)}`] : []),
    ...(hold
      ? [`held by ${hold.by} since ${hold.since}${hold.reason ? `: ${hold.reason}` : ''}; flotilla rollout resume ${name} ends that`]
      : []),
    ...(paused ? [`paused; flotilla rollout resume ${name} goes on`] : []),
    ...(badRevisions?.length
      ? [
          `taken back and not tried again: ${badRevisions.map(shortRevision).join(', ')}${moreBadRevisions ? ` and ${moreBadRevisions} more` : ''}`,
        ]
      : []),
    shortRevision(run?.message ?? readyOf(rollout)?.message ?? 'nobody has looked at it yet'),
  ]
  const waves = run?.waves?.length ? `\n${wavesText(run.waves)}` : ''
  const more = moreProblems ? `and ${moreProblems} more\n` : ''
  return `${lines.map(oneLine).join('\n')}\n${waves}${problems?.length ? `\n${problemsText(problems)}${more}` : ''}`
}

/** The runs, the last one first. */
export function historyText(rollout: Manifest): string {
  const { history = [], run } = statusOf(rollout)
  const rows = [...(run ? [run] : []), ...history].map((one) => [
    String(one.number),
    shortRevision(one.revision),
    one.state,
    one.startedAt,
    one.endedAt ?? '',
    one.startedBy ?? one.cause,
    one.approvedBy?.join(',') ?? '',
    one.author ?? '',
    one.subject ?? '',
    shortRevision(one.message ?? ''),
  ])
  return tableText(['run', 'revision', 'state', 'started', 'ended', 'by', 'approved by', 'author', 'subject', 'message'], rows)
}

export function statusOf({ status }: Manifest): RolloutStatus {
  return (status ?? {}) as RolloutStatus
}

function runLine({ author, number, revision, startedAt, startedBy, state, subject }: Run): string {
  const commit = [author, subject && JSON.stringify(subject)].filter(Boolean).join(' ')
  return `run ${number}: ${shortRevision(revision)} ${commit ? `(${commit}) ` : ''}${state}, started ${startedAt}${startedBy ? ` by ${startedBy}` : ''}`
}

function wavesText(waves: NonNullable<Run['waves']>): string {
  const rows = waves.map(({ approvedBy = '', failed, healthy, name, offline, released, rolledBack, state, total, waiting }) => [
    name,
    state,
    ...[total, healthy, released, failed, offline, waiting, rolledBack].map(String),
    approvedBy,
  ])
  return tableText(['wave', 'state', 'total', 'healthy', 'released', 'failed', 'offline', 'waiting', 'back', 'approved by'], rows)
}

function problemsText(problems: NonNullable<RolloutStatus['problems']>): string {
  return tableText(
    ['cluster', 'object', 'reason', 'message'],
    problems.map(({ cluster = '', message, object = '', reason = '' }) => [cluster, object, reason, shortRevision(message)]),
  )
}
