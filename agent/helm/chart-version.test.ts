import { expect, test } from 'vitest'
import { trackedVersion } from './chart-version.ts'

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`

test.each([
  ['1.2.3', `1.2.3@${DIGEST}`, '1.2.3+0123456789ab'],
  ['1.2.3', `v1.2.3@${DIGEST}`, '1.2.3+0123456789ab'],
  ['1.2.3+build', `1.2.3_build@${DIGEST}`, '1.2.3+0123456789ab'],
  ['1.2.3-rc.1', DIGEST, '1.2.3-rc.1+0123456789ab'],
  ['1.2.3', `latest@${DIGEST}`, '1.2.3+0123456789ab'],
])('a chart %s from %s is released as %s', (version, revision, expected) => {
  expect(trackedVersion(version, revision)).toEqual({ version: expected, ociDigest: DIGEST })
})

test.each([
  ['1.2.3', `1.2.4@${DIGEST}`, 'artifact revision 1.2.4 does not match chart version 1.2.3'],
  ['1.2.3', '1.2.3', 'invalid artifact revision 1.2.3'],
])('a chart %s from %s is refused', (version, revision, problem) => {
  expect(trackedVersion(version, revision)).toEqual({ problem })
})
