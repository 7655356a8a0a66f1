import { conditionsOf, current, failed, inProgress, type Rule } from '../rules.ts'

/** Usable once Established; names taken by another definition never will be. Source: kstatus crdConditions. */
export const customResourceDefinition: Rule = (object) => {
  for (const { type, status, reason, message } of conditionsOf(object)) {
    if (type === 'NamesAccepted' && status === 'False') return failed(message)
    if (type !== 'Established') continue
    if (status === 'True') return current
    if (status === 'False' && reason !== 'Installing') return failed(message)
  }
  return inProgress('Install in progress')
}
