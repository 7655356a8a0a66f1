import { expect, test } from 'vitest'
import { aHelmRelease, aSnapshot, aStoredRelease } from '../../test/support/helm-builders.ts'
import { consumerState } from './consumer.ts'

const DIGEST = `sha256:${'ab'.repeat(32)}`
const deployed = (version: string) => aSnapshot(aStoredRelease({ chart: { name: 'app', version } }))
const failed = (version: string) => ({ ...deployed(version), status: 'failed' })

test.each<[string, string, object, string, string]>([
  ['is where its source is', '1.0.0', { lastAttemptedRevision: '1.0.0', history: [deployed('1.0.0')] }, '1.0.0', '1.0.0'],
  ['is behind', '1.0.1', { lastAttemptedRevision: '1.0.0', history: [deployed('1.0.0')] }, '1.0.0', '1.0.0'],
  ['tried and failed', '1.0.1', { lastAttemptedRevision: '1.0.1', history: [failed('1.0.1'), deployed('1.0.0')] }, '1.0.0', '1.0.1'],
  ['was rolled back', '1.0.1', { lastAttemptedRevision: '1.0.1', history: [deployed('1.0.0')] }, '1.0.0', '1.0.1'],
  [
    'has an OCI artifact',
    `1.0.0@${DIGEST}`,
    { lastAttemptedRevision: '1.0.0+abababababab', lastAttemptedRevisionDigest: DIGEST, history: [deployed('1.0.0+abababababab')] },
    `1.0.0@${DIGEST}`,
    `1.0.0@${DIGEST}`,
  ],
  ['was never tried', '1.0.0', {}, '', ''],
])('a release that %s', (_name, revision, status, applied, attempted) => {
  expect(consumerState(aHelmRelease({ status }), revision)).toMatchObject({
    lastAppliedRevision: applied,
    lastAttemptedRevision: attempted,
  })
})
