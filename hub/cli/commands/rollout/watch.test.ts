import { expect, test } from 'vitest'
import type { Manifest } from '../../../../proto/model/manifest.ts'
import { isOver } from './watch.ts'

const ended = { number: 2, revision: 'main@sha1:1', state: 'succeeded', cause: 'revision', startedAt: '2026-01-05T12:00:00Z' }
const hold = { by: 'ann', since: '2026-01-05T12:00:00Z' }

const aRollout = (status: object): Manifest => ({
  apiVersion: 'fleet.flotilla.dev/v1alpha1',
  kind: 'Rollout',
  metadata: { name: 'web', namespace: 'shop' },
  status,
})

test.each<[string, object, boolean]>([
  ['a run in progress goes on', { run: { ...ended, state: 'progressing' } }, false],
  ['a run that made room for another goes on', { run: { ...ended, state: 'superseded' } }, false],
  ['a run that succeeded with the newest revision is over', { newest: 'main@sha1:1', run: ended }, true],
  ['one before a newer revision goes on', { newest: 'main@sha1:2', run: ended }, false],
  ['one that stopped is over', { newest: 'main@sha1:2', run: { ...ended, state: 'stopped' } }, true],
  ['a rollback that is held is over', { newest: 'main@sha1:2', hold, run: { ...ended, cause: 'rollback' } }, true],
  ['an older revision that a person promoted is over', { newest: 'main@sha1:2', run: { ...ended, cause: 'promote' } }, true],
  ['one beside a revision that is not tried again is over', { newest: 'main@sha1:2', badRevisions: ['main@sha1:2'], run: ended }, true],
])('for who watches %s', (_, status, over) => expect(isOver(aRollout(status))).toBe(over))

test('for who watches, one in a Rollout that is suspended is over', () => {
  expect(isOver({ ...aRollout({ newest: 'main@sha1:2', run: ended }), spec: { suspend: true } })).toBe(true)
})
