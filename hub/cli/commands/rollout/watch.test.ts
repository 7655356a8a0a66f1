import { expect, test } from 'vitest'
import type { Manifest } from '../../../../proto/model/manifest.ts'
import type { Session } from '../../session.ts'
import { watchStatus } from './watch.ts'

const NEWEST = 'main@sha1:2'
const run = {
  ...{ number: 2, startedAt: '2026-01-05T12:00:00Z', clusters: {} },
  state: 'succeeded',
  cause: 'revision',
  revision: 'main@sha1:1',
}
const aRollout = (status: object, spec: object = {}): Manifest => ({
  apiVersion: 'fleet.flotilla.dev/v1alpha1',
  kind: 'Rollout',
  metadata: { name: 'web', namespace: 'shop', resourceVersion: '1' },
  spec,
  status: { newest: NEWEST, ...status },
})

/** Whether the watch goes on after it has shown the Rollout. */
async function goesOn(rollout: Manifest): Promise<boolean> {
  let watched = false
  const stop = new AbortController()
  const hub = {
    get: async () => rollout,
    async *watch() {
      watched = true
      stop.abort()
      yield* []
    },
  }
  const session = { hub: async () => hub, out: () => undefined, say: () => undefined, signal: stop.signal } as unknown as Session
  await watchStatus(session, { name: 'web', namespace: 'shop' }).catch(() => undefined)
  return watched
}

test.each<[string, Manifest]>([
  ['brought the newest revision', aRollout({ run: { ...run, revision: NEWEST } })],
  ['stopped', aRollout({ run: { ...run, state: 'stopped' } })],
  ['went back by hand, and holds the newest revision', aRollout({ run: { ...run, cause: 'rollback' }, hold: { by: 'ann', since: '' } })],
  ['brought an older revision by hand', aRollout({ run: { ...run, cause: 'promote' } })],
  ['ended before a revision that was taken back once', aRollout({ run, badRevisions: [NEWEST] })],
  ['ended in a Rollout that is suspended', aRollout({ run }, { suspend: true })],
])('a watch ends with a run that %s', async (_, rollout) => expect(await goesOn(rollout)).toBe(false))

test.each<[string, Manifest]>([
  ['is in progress', aRollout({ run: { ...run, state: 'progressing' } })],
  ['was superseded', aRollout({ run: { ...run, state: 'superseded' } })],
  ['ended while the next revision waits for its own', aRollout({ run })],
])('a watch goes on after a run that %s', async (_, rollout) => expect(await goesOn(rollout)).toBe(true))
