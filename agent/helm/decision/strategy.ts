import { parseDurationMs } from '../../../proto/model/duration.ts'
import type { HelmReleaseSpec, HelmReleaseStatus } from '../../../proto/model/flux/helm/helm-release.ts'
import type { HelmRelease } from '../../../proto/model/flux/helm/kinds.ts'
import type { Snapshot } from '../../mirror/model.ts'
import { newest, truncate } from '../snapshot/history.ts'

/** What to do about failures of one kind of action, with every default filled in. */
export interface Strategy {
  readonly name: 'RemediateOnFailure' | 'RetryOnFailure'
  readonly retryIntervalMs: number
  /** Attempts after the first; negative is without end. */
  readonly retries: number
  readonly remedy: 'rollback' | 'uninstall'
  readonly remediateLast: boolean
  readonly ignoreTestFailures: boolean
}

type Counters = Pick<HelmReleaseStatus, 'installFailures' | 'upgradeFailures'>

const RETRY_MS = 5 * 60_000

export function strategyOf(spec: Pick<HelmReleaseSpec, 'install' | 'upgrade' | 'test'>, action: 'install' | 'upgrade'): Strategy {
  const given = spec[action]
  const remediation = given?.remediation
  const retries = remediation?.retries ?? 0
  return {
    name: given?.strategy?.name ?? 'RemediateOnFailure',
    retryIntervalMs: parseDurationMs(given?.strategy?.retryInterval ?? '') ?? RETRY_MS,
    retries,
    remedy: action === 'install' ? 'uninstall' : (spec.upgrade?.remediation?.strategy ?? 'rollback'),
    remediateLast: remediation?.remediateLastFailure ?? (action === 'upgrade' && retries > 0),
    ignoreTestFailures: remediation?.ignoreTestFailures ?? spec.test?.ignoreFailures ?? false,
  }
}

/** The strategy of the action that was tried last; undefined where none was. */
export function activeStrategy(
  spec: Pick<HelmReleaseSpec, 'install' | 'upgrade' | 'test'>,
  { lastAttemptedReleaseAction: action }: Pick<HelmReleaseStatus, 'lastAttemptedReleaseAction'>,
): Strategy | undefined {
  return action && strategyOf(spec, action)
}

/** What of the history is still needed: what a failure may be rolled back to, or its newest few where none ever is. */
export function keptHistory(history: readonly Snapshot[], { spec, status }: Pick<HelmRelease, 'spec' | 'status'>): readonly Snapshot[] {
  const strategy = activeStrategy(spec, status)
  if (strategy?.name === 'RetryOnFailure') return newest(history)
  return truncate(history, strategy?.ignoreTestFailures ?? spec.test?.ignoreFailures ?? false)
}

export function failuresOf(status: Counters, action: 'install' | 'upgrade'): number {
  return (action === 'install' ? status.installFailures : status.upgradeFailures) ?? 0
}

/** True where no attempt is left. Nothing is ever left out of retries that have no end. */
export function isExhausted({ name, retries }: Strategy, failures: number): boolean {
  return name === 'RemediateOnFailure' && retries >= 0 && failures > retries
}
