import { expect, test } from 'vitest'
import { systemClock } from '../../../proto/base/clock.ts'
import type { HelmRelease } from '../../../proto/model/flux/helm/kinds.ts'
import { aHelmRelease } from '../../../test/support/helm-builders.ts'
import { helmReleaseStatus } from '../../mirror/helm-release-status.ts'
import { createSpeaker } from './speaker.ts'

const object = aHelmRelease({ metadata: { generation: 3 } })

function aSpeaker() {
  const written: HelmRelease['status'][] = []
  const voice = {
    helmStatus: async (_key: string, status: HelmRelease['status']) => void written.push(status),
    finalizer: async () => undefined,
    event: () => undefined,
  }
  const deps = { voice, clock: systemClock, status: helmReleaseStatus }
  return { written, speaker: createSpeaker(deps, { key: 'key', object, signal: new AbortController().signal }) }
}

const attempt = { chartVersion: '1.0.0', configDigest: 'sha256:1', storageNamespace: 'apps', resets: false }

test('what is noted is written with what is said next, once', async () => {
  const { speaker, written } = aSpeaker()
  expect(speaker.note({ kind: 'attempting', attempt }).status.lastAttemptedRevision).toBe('1.0.0')
  expect(written).toEqual([])
  await speaker.say({ kind: 'progressing', message: 'on it', action: 'install' })
  await speaker.written()
  expect(written).toHaveLength(1)
  expect(written[0]).toMatchObject({ lastAttemptedRevision: '1.0.0', lastAttemptedReleaseAction: 'install' })
})

test('what is noted and followed by nothing is written when asked to', async () => {
  const { speaker, written } = aSpeaker()
  speaker.note({ kind: 'attempting', attempt })
  await speaker.written()
  expect(written).toMatchObject([{ lastAttemptedGeneration: 3, lastAttemptedRevision: '1.0.0' }])
})
