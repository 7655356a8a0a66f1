import { expect, test } from 'vitest'
import type { HelmStatus } from '../../../proto/helm/protocol.ts'
import type { StoredRelease } from '../../../proto/helm/stored.ts'
import { type Concluding, conclusion } from './conclude.ts'

const stored = (version: number, status: HelmStatus) => ({ name: 'app', version, info: { status } }) as StoredRelease
const told = (o: Partial<Concluding> & Pick<Concluding, 'storage'>) =>
  conclusion({ act: 'upgrade', why: undefined, waiting: { version: 2, former: 1, objects: [] }, ...o })?.map(
    ({ stored: { version }, status, description }) => [version, status, description].filter(Boolean).join(' '),
  )

test.each<[string, Parameters<typeof told>[0], readonly string[] | undefined]>([
  [
    'an install',
    { act: 'install', waiting: { version: 1, objects: [] }, storage: [stored(1, 'pending-install')] },
    ['1 deployed Install complete'],
  ],
  ['an upgrade', { storage: [stored(2, 'pending-upgrade'), stored(1, 'deployed')] }, ['1 superseded', '2 deployed Upgrade complete']],
  [
    'an upgrade of what had failed',
    { storage: [stored(2, 'pending-upgrade'), stored(1, 'failed')] },
    ['1 superseded', '2 deployed Upgrade complete'],
  ],
  [
    'a roll-back, which keeps its own word',
    {
      act: 'rollback',
      waiting: { version: 4, objects: [] },
      storage: [stored(4, 'pending-rollback'), stored(3, 'failed'), stored(2, 'deployed'), stored(1, 'superseded')],
    },
    ['2 superseded', '4 deployed'],
  ],
  [
    'an install that did not get ready',
    { act: 'install', waiting: { version: 1, objects: [] }, storage: [stored(1, 'pending-install')], why: 'timeout' },
    ['1 failed Release "app" failed: timeout'],
  ],
  [
    'an upgrade that did not get ready leaves the former one as it is',
    { storage: [stored(2, 'pending-upgrade'), stored(1, 'deployed')], why: 'timeout' },
    ['2 failed Upgrade "app" failed: timeout'],
  ],
  [
    'a roll-back that did not get ready',
    { act: 'rollback', storage: [stored(2, 'pending-rollback'), stored(1, 'deployed')], why: 'timeout' },
    ['2 failed Release "app" failed: timeout'],
  ],
  ['nothing of what somebody else has ended', { storage: [stored(2, 'failed'), stored(1, 'deployed')] }, undefined],
  ['nothing of what is gone', { storage: [stored(1, 'deployed')] }, undefined],
])('writes of %s what Helm would', (_name, given, expected) => {
  expect(told(given)).toEqual(expected)
})
