import { type Condition, setCondition } from '../../proto/model/condition.ts'
import type { PlacementStatus } from '../../proto/model/fleet/placement.ts'
import type { PlacementNews } from './model.ts'
import type { Standing } from './ports.ts'

/** The status with what rows say; the same content gives the same status, so that nothing is written for nothing. */
export function placementStatus(
  old: PlacementStatus,
  standing: Standing,
  at: { readonly leaving: boolean; readonly now: Date },
): PlacementStatus {
  const { counts, generation, matched, problemCount, problems, revision } = standing
  const conditions = setCondition(
    (old.conditions ?? []) as readonly Condition[],
    { type: 'Ready', ...verdict(standing, at.leaving), observedGeneration: generation },
    at.now,
  )
  const more = problemCount - problems.length
  return {
    clusters: { ...counts, matched },
    conditions: [...conditions],
    ...(more > 0 ? { moreProblems: more } : {}),
    observedGeneration: generation,
    ...(problems.length > 0 ? { problems } : {}),
    revision,
  }
}

/** What happened between two statuses of a Placement: other objects or clusters, all in place, or something that cannot be. */
export function placementNews(before: PlacementStatus, after: PlacementStatus): readonly PlacementNews[] {
  const news: PlacementNews[] = []
  const matched = after.clusters?.matched ?? 0
  const chosen = `${matched} ${matched === 1 ? 'cluster is' : 'clusters are'} chosen`
  if (before.revision !== after.revision)
    news.push({ event: 'placement.changed', severity: 'info', message: `the objects are ${after.revision}; ${chosen}` })
  else if (before.clusters?.matched !== matched)
    news.push({ event: 'placement.changed', severity: 'info', message: `${chosen}, ${before.clusters?.matched ?? 0} before` })
  const [was, is] = [readyOf(before), readyOf(after)]
  if (!is || is.reason === was?.reason) return news
  if (is.reason === 'Placed') news.push({ event: 'placement.placed', severity: 'info', message: is.message })
  if (is.reason === 'Failed') news.push({ event: 'placement.failed', severity: 'error', message: is.message })
  return news
}

function readyOf({ conditions }: PlacementStatus): Condition | undefined {
  return ((conditions ?? []) as readonly Condition[]).find(({ type }) => type === 'Ready')
}

function verdict(
  { counts, matched, namespace, problems, tenant }: Standing,
  leaving: boolean,
): Pick<Condition, 'status' | 'reason' | 'message'> {
  const { failed, offline, pending, placed, removing } = counts
  if (leaving) {
    const message = `waits for ${clusters(removing)} to say that the objects are gone${first(problems)}`
    return { status: 'False', reason: 'Deleting', message }
  }
  if (tenant === '') return { status: 'False', reason: 'NoTenant', message: `namespace ${namespace} belongs to no tenant` }
  if (failed > 0) return { status: 'False', reason: 'Failed', message: `${clusters(failed)} cannot be given the objects${first(problems)}` }
  const behind = [
    ...(pending > 0 ? [`${clusters(pending)} to follow`] : []),
    ...(offline > 0 ? [`${clusters(offline)} to connect`] : []),
    ...(removing > 0 ? [`${clusters(removing)} to let the objects go`] : []),
  ]
  if (behind.length > 0) return { status: 'Unknown', reason: 'Progressing', message: `waits for ${behind.join(', ')}${first(problems)}` }
  if (matched === 0) return { status: 'True', reason: 'NothingChosen', message: 'no cluster is chosen' }
  return { status: 'True', reason: 'Placed', message: `${clusters(placed)} ${placed === 1 ? 'holds' : 'hold'} the objects` }
}

function first([problem]: Standing['problems']): string {
  return problem ? `; ${problem.cluster}: ${problem.object ? `${problem.object}: ` : ''}${problem.message}` : ''
}

function clusters(count: number): string {
  return `${count} ${count === 1 ? 'cluster' : 'clusters'}`
}
