import { expect, test } from 'vitest'
import type { HelmReleaseSpec } from '../../../proto/model/flux/helm/helm-release.ts'
import { aHelmRelease, aSnapshot, aStoredRelease } from '../../../test/support/helm-builders.ts'
import type { ReleaseState } from '../model.ts'
import { type DecideInput, nextAction } from './decide.ts'

const good = aStoredRelease({ status: 'superseded' })
const bad = aStoredRelease({ version: 2, status: 'failed' })
const state = (kind: ReleaseState['kind']) => ({ kind, reason: '' }) as ReleaseState
const failed = state('failed')
interface Case {
  readonly spec?: Partial<HelmReleaseSpec>
  readonly status?: Parameters<typeof aHelmRelease>[0] extends { status?: infer S } | undefined ? S : never
  readonly isForced?: boolean
  readonly storage?: DecideInput['storage']
}
const next = (is: ReleaseState, { isForced = false, spec = {}, status = {}, storage = [bad, good] }: Case = {}) =>
  nextAction({ state: is, isForced, storage, object: aHelmRelease({ spec, status }) })
const installed = (installFailures: number) => ({ installFailures, lastAttemptedReleaseAction: 'install' }) as const
const upgraded = (upgradeFailures: number) => ({
  upgradeFailures,
  lastAttemptedReleaseAction: 'upgrade' as const,
  history: [aSnapshot(bad), aSnapshot(good)],
})
const exceeded = (action: string, attempts: number) => ({
  kind: 'stalled',
  reason: 'RetriesExceeded',
  message: `Failed to ${action} after ${attempts} attempt(s)`,
})

test.each<[string, ReleaseState, Case, object]>([
  ['in sync: nothing', state('in-sync'), {}, { kind: 'nothing' }],
  ['in sync and forced: upgrade', state('in-sync'), { isForced: true }, { kind: 'upgrade' }],
  ['locked: unlock', state('locked'), {}, { kind: 'unlock' }],
  ['locked and forced: unlock first', state('locked'), { isForced: true }, { kind: 'unlock' }],
  ['unmanaged: take over', state('unmanaged'), { status: upgraded(9) }, { kind: 'upgrade' }],
  ['untested: test', state('untested'), {}, { kind: 'test' }],
  ['absent: install', state('absent'), {}, { kind: 'install' }],
  ['absent, no try left', state('absent'), { status: installed(1) }, exceeded('install', 1)],
  [
    'absent, tries left',
    state('absent'),
    { status: installed(1), spec: { install: { remediation: { retries: 1 } } } },
    { kind: 'install' },
  ],
  [
    'absent, tries without end',
    state('absent'),
    { status: installed(99), spec: { install: { remediation: { retries: -1 } } } },
    { kind: 'install' },
  ],
  ['absent, no try left, forced', state('absent'), { status: installed(1), isForced: true }, { kind: 'install' }],
  ['out of sync: upgrade', state('out-of-sync'), {}, { kind: 'upgrade' }],
  ['out of sync, no try left', state('out-of-sync'), { status: upgraded(1) }, exceeded('upgrade', 1)],
  ['out of sync, no try left, forced', state('out-of-sync'), { status: upgraded(1), isForced: true }, { kind: 'upgrade' }],
  [
    'out of sync, retried on failure',
    state('out-of-sync'),
    { status: upgraded(9), spec: { upgrade: { strategy: { name: 'RetryOnFailure' } } } },
    { kind: 'upgrade' },
  ],
  ['failed, nothing was tried', failed, {}, { kind: 'upgrade' }],
  ['failed, what is asked for now was not tried', failed, { status: upgraded(0) }, { kind: 'upgrade' }],
  ['failed, no try left', failed, { status: upgraded(1) }, exceeded('upgrade', 1)],
  ['failed and forced', failed, { status: upgraded(1), isForced: true }, { kind: 'upgrade' }],
  [
    'failed install, tries left: uninstall',
    failed,
    { status: installed(1), spec: { install: { remediation: { retries: 1 } } } },
    { kind: 'uninstall' },
  ],
  [
    'failed install, last failure remedied',
    failed,
    { status: installed(1), spec: { install: { remediation: { remediateLastFailure: true } } } },
    { kind: 'uninstall' },
  ],
  [
    'failed install, last failure left',
    failed,
    { status: installed(2), spec: { install: { remediation: { retries: 1 } } } },
    exceeded('install', 2),
  ],
  [
    'failed upgrade, tries left: roll back',
    failed,
    { status: upgraded(1), spec: { upgrade: { remediation: { retries: 1 } } } },
    { kind: 'rollback', to: 1 },
  ],
  [
    'failed upgrade, the last of several: roll back',
    failed,
    { status: upgraded(2), spec: { upgrade: { remediation: { retries: 1 } } } },
    { kind: 'rollback', to: 1 },
  ],
  [
    'failed upgrade, last failure left',
    failed,
    { status: upgraded(2), spec: { upgrade: { remediation: { retries: 1, remediateLastFailure: false } } } },
    exceeded('upgrade', 2),
  ],
  [
    'failed upgrade, uninstalled',
    failed,
    { status: upgraded(1), spec: { upgrade: { remediation: { retries: 1, strategy: 'uninstall' } } } },
    { kind: 'uninstall' },
  ],
  [
    'failed upgrade, retried on failure',
    failed,
    { status: upgraded(9), spec: { upgrade: { strategy: { name: 'RetryOnFailure' } } } },
    { kind: 'upgrade' },
  ],
  [
    'failed install, retried on failure',
    failed,
    { status: installed(9), spec: { install: { strategy: { name: 'RetryOnFailure' } } } },
    { kind: 'upgrade' },
  ],
])('%s', (_name, is, given, expected) => {
  expect(next(is, given)).toEqual(expected)
})

const retries = { upgrade: { remediation: { retries: 1 } } }

test('without an earlier good release there is nothing to roll back to', () => {
  const status = { ...upgraded(1), history: [aSnapshot(bad)] }
  expect(next(failed, { spec: retries, status })).toMatchObject({ kind: 'stalled', reason: 'MissingRollbackTarget' })
})

test('an earlier release that somebody took away or changed is no way back: the upgrade is tried again', () => {
  expect(next(failed, { spec: retries, status: upgraded(1), storage: [bad] })).toEqual({ kind: 'upgrade' })
  const changed = aStoredRelease({ status: 'superseded', manifest: 'kind: X' })
  expect(next(failed, { spec: retries, status: upgraded(1), storage: [bad, changed] })).toEqual({ kind: 'upgrade' })
})

test('a release whose tests failed is no way back, unless they are ignored', () => {
  const history = [aSnapshot(bad), aSnapshot(good, { t: { phase: 'Failed' } })]
  expect(next(failed, { spec: retries, status: { ...upgraded(1), history } })).toMatchObject({ reason: 'MissingRollbackTarget' })
  const ignoring = { upgrade: { remediation: { retries: 1, ignoreTestFailures: true } } }
  expect(next(failed, { spec: ignoring, status: { ...upgraded(1), history } })).toEqual({ kind: 'rollback', to: 1 })
})
