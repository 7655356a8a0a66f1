import { expect, test } from 'vitest'
import { aHelmRelease, aSnapshot, aStoredRelease } from '../../../test/support/helm-builders.ts'
import { releaseTarget } from '../names.ts'
import { configDigest } from '../snapshot/digests.ts'
import { attemptOf, targetChange } from './attempt.ts'
import { requestsOf } from './requests.ts'

const values = { text: 'one' }
const tried = { lastAttemptedGeneration: 1, lastAttemptedRevision: '1.0.0', lastAttemptedConfigDigest: configDigest(values) }

test.each<[string, object, string, object, boolean]>([
  ['the same again', tried, '1.0.0', values, false],
  ['another chart version', tried, '1.0.1', values, true],
  ['other values', tried, '1.0.0', { text: 'two' }, true],
  ['another generation', { ...tried, lastAttemptedGeneration: 0 }, '1.0.0', values, true],
  ['the first time', {}, '1.0.0', values, true],
])('%s: failures begin anew is %s', (_name, status, version, wanted, resets) => {
  expect(attemptOf(aHelmRelease({ status }), { version }, { ...wanted }).resets).toBe(resets)
})

test('a token counts once, and only beside a request to reconcile with the same one', () => {
  const asked = (annotations: Record<string, string>, status = {}) => requestsOf(aHelmRelease({ metadata: { annotations }, status }))
  const [requested, force, reset] = ['requestedAt', 'forceAt', 'resetAt'].map((name) => `reconcile.fluxcd.io/${name}`) as [
    string,
    string,
    string,
  ]
  expect(asked({ [requested]: 'a', [force]: 'a' })).toMatchObject({ forces: true, resets: false })
  expect(asked({ [requested]: 'a', [reset]: 'a' })).toMatchObject({ forces: false, resets: true })
  expect(asked({ [force]: 'a' })).toMatchObject({ forces: false })
  expect(asked({ [requested]: 'b', [force]: 'a' })).toMatchObject({ forces: false })
  expect(asked({ [requested]: 'a', [force]: 'a' }, { lastHandledReconcileAt: 'a' })).toMatchObject({ forces: false })
  expect(asked({ [requested]: 'a', [force]: 'a' }, { lastHandledForceAt: 'a' })).toMatchObject({ forces: false })
})

test.each<[string, object, string, string | undefined]>([
  ['the same target', {}, 'app', undefined],
  ['another release name', { releaseName: 'other' }, 'app', 'release name'],
  ['another namespace', { targetNamespace: 'other', releaseName: 'app' }, 'app', 'release namespace'],
  ['another storage', { storageNamespace: 'other' }, 'app', 'storage namespace'],
  ['another chart', {}, 'other', 'chart name'],
  ['another chart in place', { upgrade: { chartNameChangeStrategy: 'InPlaceUpdate' } }, 'other', undefined],
])('%s makes the old release go because of its %s', (_name, spec, chart, why) => {
  const status = { storageNamespace: 'apps', history: [aSnapshot(aStoredRelease())] }
  expect(targetChange(aHelmRelease({ spec, status }), chart)).toBe(why)
  expect(targetChange(aHelmRelease({ spec }), chart)).toBeUndefined()
})

test('a release is named by its object, and a long name is cut and made unlike others', () => {
  expect(releaseTarget(aHelmRelease())).toEqual({ name: 'app', namespace: 'apps', storageNamespace: 'apps' })
  expect(releaseTarget(aHelmRelease({ spec: { targetNamespace: 'prod' } }))).toEqual({
    name: 'prod-app',
    namespace: 'prod',
    storageNamespace: 'apps',
  })
  const { name } = releaseTarget(aHelmRelease({ metadata: { name: 'a'.repeat(60) } }))
  expect(name).toMatch(/^a{40}-[0-9a-f]{12}$/)
})
