import { type Condition, type ConditionInput, setCondition } from '../../proto/model/condition.ts'
import type { TenantStatus } from '../../proto/model/fleet/tenant.ts'
import { PLATFORM_TENANT } from '../../proto/model/names.ts'

/** How far the clusters of a tenant are with it, as rows say. */
export interface Standing {
  readonly tenant: string
  /** Generation of the Tenant that the rows are in line with. */
  readonly generation: number
  /** Clusters that it may use. */
  readonly allowed: number
  /** Those that have set it up, could not, or have been connected and have not answered yet; the rest never came. */
  readonly ready: number
  readonly failed: number
  readonly waiting: number
  /** The first that could not, by name. */
  readonly problems: readonly { readonly cluster: string; readonly message: string }[]
}

/** The status with what rows say of a tenant; the same content gives the same status, so that nothing is written for nothing. */
export function withStanding(old: TenantStatus, standing: Standing, now: Date): TenantStatus {
  const { allowed, failed, generation, problems, ready, waiting } = standing
  const condition = { ...readiness(standing), type: 'Ready', observedGeneration: generation }
  const { moreProblems: _more, problems: _problems, ...kept } = old
  return {
    ...kept,
    clusters: { allowed, failed, ready, waiting },
    conditions: [...setCondition((old.conditions ?? []) as readonly Condition[], condition, now)],
    observedGeneration: generation,
    ready: `${ready}/${allowed}`,
    ...(problems.length > 0 ? { problems: [...problems] } : {}),
    ...(failed > problems.length ? { moreProblems: failed - problems.length } : {}),
  }
}

/** Clusters that were never connected keep nobody waiting: they set the tenant up when they come. */
function readiness(standing: Standing): Omit<ConditionInput, 'type'> {
  const { allowed, failed, ready, tenant, waiting } = standing
  if (tenant === PLATFORM_TENANT)
    return { status: 'True', reason: 'Platform', message: "each cluster's administrator gives the platform its rights there" }
  if (failed > 0) return { status: 'False', reason: 'SetupFailed', message: failureMessage(standing) }
  const so = `set up in ${ready} of ${clusters(allowed)}`
  if (waiting > 0) return { status: 'Unknown', reason: 'Progressing', message: `${so}, waiting for ${clusters(waiting)}` }
  const away = allowed - ready
  const absent = away === 0 ? '' : `; ${clusters(away)} never connected so far`
  return { status: 'True', reason: 'Succeeded', message: allowed === 0 ? 'no cluster is allowed' : `${so}${absent}` }
}

const NAMED = 3

function failureMessage({ failed, problems }: Standing): string {
  const named = problems.slice(0, NAMED)
  const more = failed - named.length
  const words = named.map(({ cluster, message }) => `${cluster}: ${message}`).join('; ')
  return `cannot be set up in ${clusters(failed)}: ${words}${more > 0 ? `; and ${more} more` : ''}`
}

function clusters(count: number): string {
  return count === 1 ? '1 cluster' : `${count} clusters`
}
