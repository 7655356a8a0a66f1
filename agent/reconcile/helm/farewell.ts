import { messageOf } from '../../../proto/base/errors.ts'
import type { HelmRelease } from '../../../proto/model/flux/helm/kinds.ts'
import type { ServiceAccountRef } from '../../../proto/model/identities.ts'
import { staleChart } from './chart-object.ts'
import type { HelmPlan } from './model.ts'
import type { ChartDesk, FoundChart, Ground, HelmVoice, Releases } from './ports.ts'
import type { Speaker } from './speaker.ts'

interface FarewellDeps {
  readonly voice: HelmVoice
  readonly charts: ChartDesk
  readonly releases: Pick<Releases<FoundChart>, 'leave'>
  readonly ground: Ground
}

interface Farewell {
  readonly key: string
  readonly object: HelmRelease
  readonly plan: Extract<HelmPlan, { kind: 'finalize' }>
  readonly speaker: Speaker
}

const RETRY_MS = 10_000

/**
 * Lets a deleted HelmRelease go: its release is uninstalled, its HelmChart deleted, then the finalizer dropped. A
 * suspended one leaves both. Without an identity to do it as, or without what it would be done in, it stays: nothing hangs.
 * @returns when to try again, in milliseconds; undefined when it is done
 */
export async function farewell(
  deps: FarewellDeps,
  { key, object, plan, speaker }: Farewell,
  signal: AbortSignal,
): Promise<number | undefined> {
  const release = () => deps.voice.finalizer(key, 'absent', signal).then(() => undefined)
  if (object.spec.suspend) return release()
  const why = await whyNot(deps, { object, plan }, signal)
  if (why !== undefined) {
    const message = `finalizer dropped without uninstalling the release: ${why}`
    if ((object.status.history ?? []).length > 0) speaker.event({ severity: 'error', reason: 'UninstallFailed', message })
    return release()
  }
  if (plan.account && !(await uninstall(deps, { object, account: plan.account, speaker }, signal))) return RETRY_MS
  const chart = staleChart(object, undefined)
  const problem = chart && (await deps.charts.remove(chart, signal))
  if (problem !== undefined)
    speaker.event({
      severity: 'error',
      reason: 'ArtifactFailed',
      message: `failed to delete HelmChart '${object.status.helmChart}': ${problem}`,
    })
  return release()
}

async function uninstall(
  { releases }: FarewellDeps,
  { account, object, speaker }: { readonly account: ServiceAccountRef; readonly object: HelmRelease; readonly speaker: Speaker },
  signal: AbortSignal,
): Promise<boolean> {
  try {
    return await releases.leave({ object, account, voice: speaker, signal })
  } catch (error) {
    signal.throwIfAborted()
    await speaker.say({ kind: 'failed', reason: 'UninstallFailed', message: messageOf(error) })
    return false
  }
}

async function whyNot(
  { ground }: FarewellDeps,
  { object, plan }: Pick<Farewell, 'object' | 'plan'>,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { account } = plan
  if (!account) return plan.why
  if (!(await ground.accountExists(account, signal))) return `ServiceAccount ${account.namespace}/${account.name} is gone`
  const { storageNamespace } = object.status
  if (storageNamespace && !(await ground.namespaceExists(storageNamespace, signal))) return `namespace ${storageNamespace} is gone`
  return undefined
}
