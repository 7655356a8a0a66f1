import { expect, test } from 'vitest'
import { aSnapshot, aStoredRelease } from '../../../test/support/helm-builders.ts'
import {
  releaseFailed,
  releaseSucceeded,
  remedyFailed,
  remedySucceeded,
  rollbackFailed,
  rollbackSucceeded,
  testFailed,
  testSucceeded,
  uninstalledBefore,
  uninstallFailed,
  uninstallSucceeded,
  unlocked,
  unlockFailed,
} from './messages.ts'

const now = aSnapshot(aStoredRelease({ version: 2 }))
const tested = (...names: readonly string[]) => ({
  ...now,
  testHooks: Object.fromEntries(names.map((name) => [name, { phase: 'Succeeded' }])),
})
const told = {
  target: { name: 'app', namespace: 'apps', storageNamespace: 'apps' },
  chart: { name: 'app', version: '1.0.0' },
  error: 'why',
}

// People and dashboards look for Flux's words. Source: Flux, helm-controller.
test.each([
  [releaseSucceeded('install', now), 'Helm install succeeded for release apps/app.v2 with chart app@1.0.0'],
  [releaseSucceeded('upgrade', now), 'Helm upgrade succeeded for release apps/app.v2 with chart app@1.0.0'],
  [releaseFailed('install', told), 'Helm install failed for release apps/app with chart app@1.0.0: why'],
  [releaseFailed('upgrade', told), 'Helm upgrade failed for release apps/app with chart app@1.0.0: why'],
  [testSucceeded(tested()), 'Helm test succeeded for release apps/app.v2 with chart app@1.0.0: no test hooks'],
  [testSucceeded(tested('a')), 'Helm test succeeded for release apps/app.v2 with chart app@1.0.0: 1 test hook completed successfully'],
  [
    testSucceeded(tested('a', 'b')),
    'Helm test succeeded for release apps/app.v2 with chart app@1.0.0: 2 test hooks completed successfully',
  ],
  [testFailed(now, 'why'), 'Helm test failed for release apps/app.v2 with chart app@1.0.0: why'],
  [rollbackSucceeded(now), 'Helm rollback to previous release apps/app.v2 with chart app@1.0.0 succeeded'],
  [rollbackFailed(now, 'why'), 'Helm rollback to previous release apps/app.v2 with chart app@1.0.0 failed: why'],
  [remedySucceeded(now), 'Helm uninstall remediation for release apps/app.v2 with chart app@1.0.0 succeeded'],
  [remedyFailed(now, 'why'), 'Helm uninstall remediation for release apps/app.v2 with chart app@1.0.0 failed: why'],
  [uninstallSucceeded(now), 'Helm uninstall succeeded for release apps/app.v2 with chart app@1.0.0'],
  [uninstallFailed(now, 'why'), 'Helm uninstall failed for release apps/app.v2 with chart app@1.0.0: why'],
  [uninstalledBefore(now), 'Release apps/app.v2 was not found, assuming it is uninstalled'],
  [unlocked(now, 'pending-upgrade'), 'Unlocked Helm release apps/app.v2 with chart app@1.0.0 in pending-upgrade state'],
  [
    unlockFailed(now, 'pending-upgrade', 'why'),
    'Unlock of Helm release apps/app.v2 with chart app@1.0.0 in pending-upgrade state failed: why',
  ],
])('%s', (message, words) => {
  expect(message).toBe(words)
})
