import type { HelmAwaited } from '../../proto/helm/protocol.ts'
import type { HealthChecks } from '../../proto/model/flux/health-checks.ts'
import { formatRef, groupOf } from '../../proto/model/object-ref.ts'
import { startedJob } from './kinds/job.ts'
import type { Awaited, ObjectHealth } from './model.ts'
import type { HealthWaits } from './waits.ts'

export interface ReleasedWait {
  /** How the release itself judges some kinds. */
  readonly checks: HealthChecks | undefined
  /** Jobs count once they are done, not once they run. */
  readonly withJobs: boolean
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/**
 * Waits for what a release made. @returns why it is not healthy, in Flux's words; undefined once it is.
 * Objects' own messages are left out: they may repeat what came out of a Secret.
 */
export async function awaitReleased(
  waits: HealthWaits,
  { subject, objects }: { readonly subject: string; readonly objects: readonly HelmAwaited[] },
  { checks, withJobs, ...o }: ReleasedWait,
): Promise<string | undefined> {
  const outcome = await waits.wait(subject, objects.map(awaited), { ...o, checks: withJobs ? checks : alsoJobs(checks) })
  if (outcome.kind === 'healthy') return undefined
  const blamed = `[${outcome.objects.map(blame).join(', ')}]`
  return outcome.kind === 'failed' ? `failed early due to stalled resources: ${blamed}` : `timeout waiting for: ${blamed}`
}

function alsoJobs(checks: HealthChecks | undefined): HealthChecks {
  const isJob = (group: string, kind: string) => group === 'batch' && kind === 'Job'
  return {
    covers: (ref) => checks?.covers(ref) || isJob(ref.group, ref.kind),
    judge: (object) => checks?.judge(object) ?? (isJob(groupOf(object.apiVersion), object.kind) ? startedJob(object, NEVER) : undefined),
  }
}
/** Jobs do not depend on the time. */
const NEVER = new Date(0)

function awaited({ apiVersion, isLabelled, kind, name, namespace = '', resourceVersion }: HelmAwaited): Awaited {
  const ref = { group: groupOf(apiVersion), kind, namespace, name }
  return { ref, apiVersion, owned: isLabelled, since: resourceVersion }
}

function blame({ health, ref }: ObjectHealth): string {
  return `${formatRef(ref)} status: '${health.status}'${health.status === 'Unknown' ? `: ${health.message}` : ''}`
}
