import type { StoredRelease } from '../../../proto/helm/stored.ts'
import type { HelmRelease } from '../../../proto/model/flux/helm/kinds.ts'
import type { NextAction, ReleaseState } from '../model.ts'
import { previous } from '../snapshot/history.ts'
import { isSnapshotOf } from '../snapshot/observe.ts'
import { activeStrategy, failuresOf, isExhausted, type Strategy, strategyOf } from './strategy.ts'

export interface DecideInput {
  readonly object: Pick<HelmRelease, 'spec' | 'status'>
  readonly state: ReleaseState
  /** A release action was asked for, needed or not. */
  readonly isForced: boolean
  /** All versions of the release in Helm's storage. */
  readonly storage: readonly StoredRelease[]
}

/** The one thing to do next about a release. Source: Flux, helm-controller. */
export function nextAction(input: DecideInput): NextAction {
  const { object, state, isForced } = input
  switch (state.kind) {
    case 'in-sync':
      return { kind: isForced ? 'upgrade' : 'nothing' }
    case 'locked':
      return { kind: 'unlock' }
    case 'unmanaged':
      return { kind: 'upgrade' }
    case 'untested':
      return { kind: 'test' }
    case 'absent':
      return unlessExhausted(object, 'install', isForced)
    case 'out-of-sync':
      return unlessExhausted(object, 'upgrade', isForced)
    case 'failed':
      return afterFailure(input)
    default:
      return state satisfies never
  }
}

function unlessExhausted({ spec, status }: DecideInput['object'], action: 'install' | 'upgrade', isForced: boolean): NextAction {
  const isOut = isExhausted(strategyOf(spec, action), failuresOf(status, action))
  return isOut && !isForced ? retriesExceeded(status) : { kind: action }
}

function afterFailure({ object: { spec, status }, isForced, storage }: DecideInput): NextAction {
  const action = status.lastAttemptedReleaseAction
  const strategy = activeStrategy(spec, status)
  // Nothing was tried, or what failed was something else: what is asked for now gets its own try.
  if (!action || !strategy || failuresOf(status, action) <= 0 || isForced) return { kind: 'upgrade' }
  if (strategy.name === 'RetryOnFailure') return { kind: 'upgrade' }
  if (isExhausted(strategy, failuresOf(status, action)) && !strategy.remediateLast) return retriesExceeded(status)
  return strategy.remedy === 'uninstall' ? { kind: 'uninstall' } : rollBack(status, strategy, storage)
}

function rollBack(status: HelmRelease['status'], { ignoreTestFailures }: Strategy, storage: readonly StoredRelease[]): NextAction {
  const target = previous(status.history ?? [], ignoreTestFailures)
  if (!target)
    return {
      kind: 'stalled',
      reason: 'MissingRollbackTarget',
      message: 'Failed to perform remediation: missing target release for rollback: cannot remediate failed release',
    }
  const stored = storage.find(({ version }) => version === target.version)
  // What somebody took away or changed meanwhile is no way back.
  return stored && isSnapshotOf(target, stored) ? { kind: 'rollback', to: target.version } : { kind: 'upgrade' }
}

function retriesExceeded(status: HelmRelease['status']): NextAction {
  const action = status.lastAttemptedReleaseAction ?? 'install'
  const message = `Failed to ${action} after ${failuresOf(status, action)} attempt(s)`
  return { kind: 'stalled', reason: 'RetriesExceeded', message }
}
