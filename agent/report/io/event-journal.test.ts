import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { silentLog } from '../../../proto/base/log.ts'
import type { EventReport } from '../../../proto/model/report.ts'
import { openTempDir } from '../../../test/support/temp-dir.ts'
import { openEventJournal } from './event-journal.ts'

let path: string
beforeEach(() => {
  const dir = openTempDir('journal')
  path = join(dir.path, 'events.jsonl')
  return () => dir[Symbol.asyncDispose]()
})

const event = (id: string): EventReport => ({
  id,
  object: { group: 'kustomize.toolkit.fluxcd.io', kind: 'Kustomization', namespace: 'flux-system', name: 'apps' },
  severity: 'info',
  reason: 'ReconciliationSucceeded',
  message: `several\nlines of ${id}`,
  revision: 'main@sha1:1',
  at: new Date(1_700_000_000_123),
})
const left = async () => {
  await using journal = await openEventJournal(path, silentLog)
  return journal.left
}

test('what was not told is there for the next process, in order and as it was', async () => {
  {
    await using journal = await openEventJournal(path, silentLog)
    for (const id of ['a', 'b', 'c']) journal.add(event(id))
  }
  expect(await left()).toEqual([event('a'), event('b'), event('c')])
})

test('once all is told, nothing is left; what came meanwhile is', async () => {
  {
    await using journal = await openEventJournal(path, silentLog)
    journal.add(event('a'))
    journal.told([])
    journal.add(event('b'))
  }
  expect(await left()).toEqual([event('b')])
})

test('the file does not grow with what is told while other events wait', async () => {
  {
    await using journal = await openEventJournal(path, silentLog)
    for (let at = 0; at < 5000; at++) {
      journal.add(event(`${at}`))
      journal.told([event(`${at}`)])
    }
  }
  expect(readFileSync(path, 'utf8').split('\n').length).toBeLessThan(1002)
  expect((await left()).at(-1)).toEqual(event('4999'))
})

test('a line that a crash cut short is left out, and takes none with it', async () => {
  {
    await using journal = await openEventJournal(path, silentLog)
    journal.add(event('a'))
  }
  appendFileSync(path, '{"id":"b","obj')
  {
    await using journal = await openEventJournal(path, silentLog)
    journal.add(event('c'))
  }
  expect(await left()).toEqual([event('a'), event('c')])
})
