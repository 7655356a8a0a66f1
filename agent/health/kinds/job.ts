import { conditionsOf, current, failed, inProgress, numberAt, type Rule, textAt } from '../rules.ts'

/** Done when complete, unlike in kstatus, where a running Job is Current. Source: fluxcd/pkg runtime/statusreaders/job.go. */
export const job: Rule = (object) => {
  const conditions = conditionsOf(object)
  const is = (type: string) => conditions.find((condition) => condition.type === type && condition.status === 'True')
  const wanted = numberAt(object, ['spec', 'completions'], numberAt(object, ['spec', 'parallelism'], 1))
  if (is('Complete')) return current
  if (is('Failed')) return failed(`Job Failed. failed: ${numberAt(object, ['status', 'failed'], 0)}/${wanted}`)
  return inProgress(textAt(object, 'status', 'startTime') === '' ? 'Job not started' : 'Job in progress')
}

/** Current as soon as it runs: for those who do not wait for its end. Source: kstatus jobConditions. */
export const startedJob: Rule = (object, now) => {
  const health = job(object, now)
  if (health.status !== 'InProgress') return health
  const isSuspended = conditionsOf(object).some(({ type, status }) => type === 'Suspended' && status === 'True')
  return isSuspended || textAt(object, 'status', 'startTime') !== '' ? current : health
}
