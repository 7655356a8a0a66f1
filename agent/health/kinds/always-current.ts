import { current, type Rule } from '../rules.ts'

/** Kinds that are done as soon as they exist: ConfigMap, Secret, CronJob, PodDisruptionBudget once observed. */
export const alwaysCurrent: Rule = () => current
