import type { Kustomization } from '../../proto/model/flux/kustomize/kinds.ts'
import type { Item } from '../inventory/model.ts'
import type { RunDeps } from './apply-run.ts'
import type { Plan } from './model.ts'
import { retryMs } from './schedule.ts'

interface Farewell {
  readonly key: string
  readonly object: Kustomization
  readonly plan: Extract<Plan, { kind: 'finalize' }>
  readonly known: readonly Item[]
}

/**
 * Lets a deleted Kustomization go: its objects as its deletion policy says, then the finalizer. Without an identity to
 * delete them as, or when that identity is gone for good, the objects stay and the finalizer is dropped: nothing hangs.
 * @returns when to try again, in milliseconds; undefined when it is done
 */
export async function finalize(deps: RunDeps, { key, object, plan, known }: Farewell, signal: AbortSignal): Promise<number | undefined> {
  const { voice, workload } = deps
  const release = () => voice.finalizer(key, 'absent', signal).then(() => undefined)
  if (known.length === 0 || !deletes(object)) return release()
  const orphan = (why: string) => {
    const message = `finalizer dropped without deleting ${known.length} objects: ${why}`
    voice.event(key, { severity: 'error', reason: 'PruneFailed', message, revision: '' })
    return release()
  }
  if (!plan.account) return orphan(plan.why)
  const { account } = plan
  if (!(await workload.accountExists(account, signal))) return orphan(`ServiceAccount ${account.namespace}/${account.name} is gone`)
  const awaits = object.spec.deletionPolicy === 'WaitForTermination' ? { awaitGoneMs: deps.timeoutMs(object.spec) } : {}
  const owner = { name: object.metadata.name, namespace: object.metadata.namespace ?? '' }
  const { failure, remaining } = await workload.prune(known, { account, owner, signal, ...awaits })
  if (failure === undefined) return release()
  await voice.status(key, { kind: 'failed', reason: 'PruneFailed', message: failure, inventory: deps.toEntries(remaining) }, signal)
  voice.event(key, { severity: 'error', reason: 'PruneFailed', message: failure, revision: '' })
  return retryMs(object.spec)
}

/** Whether a deletion takes the applied objects along. A suspended Kustomization deletes nothing. */
function deletes({ spec }: Kustomization): boolean {
  if (spec.suspend) return false
  const policy = spec.deletionPolicy ?? 'MirrorPrune'
  return policy === 'Delete' || policy === 'WaitForTermination' || (policy === 'MirrorPrune' && spec.prune)
}
