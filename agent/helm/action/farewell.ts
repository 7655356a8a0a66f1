import type { HelmRelease } from '../../../proto/model/flux/helm/kinds.ts'
import type { ServiceAccountRef } from '../../../proto/model/identities.ts'
import type { Helm, ReleaseVoice } from '../ports.ts'
import { latest } from '../snapshot/history.ts'
import { errorOf } from './carry-out.ts'
import { uninstalledBefore, uninstallFailed, uninstallSucceeded } from './messages.ts'
import { actionDeadlineMs, uninstallRequest } from './request.ts'

export interface Leaving {
  readonly object: HelmRelease
  readonly account: ServiceAccountRef
  readonly voice: ReleaseVoice
  readonly signal: AbortSignal
}

/** Uninstalls the release that the history tells of, from where it is. @returns whether it is gone */
export async function leave({ helm }: { readonly helm: Helm }, { object, account, voice, signal }: Leaving): Promise<boolean> {
  const { spec, status } = object
  const now = latest(status.history ?? [])
  if (!now || !status.storageNamespace) return true
  const target = { name: now.name, namespace: now.namespace, storageNamespace: status.storageNamespace }
  const stored = (await helm.history(target, { account, signal }))[0]
  if (!stored || stored.info.status === 'uninstalled') {
    await voice.say({ kind: 'left', isGood: true, message: uninstalledBefore(now) })
    return true
  }
  const deadlineMs = actionDeadlineMs(spec, 'uninstall')
  const error = errorOf(await helm.run(uninstallRequest(spec, target), { account, deadlineMs, signal }))
  const isGood = error === undefined
  const message = isGood ? uninstallSucceeded(now) : uninstallFailed(now, error)
  voice.event({ severity: isGood ? 'info' : 'error', reason: isGood ? 'UninstallSucceeded' : 'UninstallFailed', message })
  await voice.say({ kind: 'left', isGood, message })
  return isGood
}
