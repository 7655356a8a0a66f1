import { ACTIONS, type Access, type Action, type Subject, type Verb } from './model.ts'

const READS: readonly Verb[] = ['get', 'list', 'watch']

/** Kinds that say who may do what: only administrators of the whole hub change them. */
const ADMINISTRATION: readonly string[] = ['Tenant', 'Cluster', 'Token', 'JoinToken']
/** Kinds that hand out access: only administrators of the whole hub see them. */
const CREDENTIALS: readonly string[] = ['Token', 'JoinToken']
/** Written through the hub, never read through it. */
const WRITE_ONLY: readonly string[] = ['Secret']

/**
 * Whether the subject may do this: the one decision behind every door.
 *
 * 1. Nobody reads what is write-only.
 * 2. A subject bound to a tenant reaches only what is that tenant's, in clusters that serve it; besides, it may read its
 *    own Tenant and those Clusters.
 * 3. Only an unbound admin changes tenants, clusters and tokens, and sees tokens.
 * 4. A viewer writes nothing.
 * 5. What is asked of Rollouts (approve, pause, …) is as the subject's verbs say, whatever its role; without them as the role says.
 */
export function may(subject: Subject, access: Access): boolean {
  const reads = READS.includes(access.verb)
  if (WRITE_ONLY.includes(access.kind) && reads) return false
  if (subject.tenant !== undefined && !withinTenant(subject.tenant, access)) return false
  if (ADMINISTRATION.includes(access.kind)) {
    if (!reads || CREDENTIALS.includes(access.kind)) return subject.role === 'admin' && subject.tenant === undefined
    return true
  }
  const granted = access.kind === 'Rollout' && isAction(access.verb) ? subject.verbs?.includes(access.verb) : undefined
  return granted ?? (reads || subject.role !== 'viewer')
}

function isAction(verb: Verb): verb is Action {
  return (ACTIONS as readonly Verb[]).includes(verb)
}

function withinTenant(tenant: string, { cluster, kind, tenant: owner }: Access): boolean {
  if (cluster && !cluster.tenants.includes(tenant)) return false
  if (kind === 'Cluster') return cluster !== undefined
  return owner === tenant
}
