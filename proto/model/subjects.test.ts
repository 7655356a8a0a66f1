import { expect, test } from 'vitest'
import { parseClusterId } from './ids.ts'
import { callSubject, HINT_SUBJECT, LANES, NOTICE_SUBJECT, parseReportSubject, partitionOf, reportSubject } from './subjects.ts'

const id = parseClusterId('c-0123456789abcdef01234567') ?? raise()
function raise(): never {
  throw new Error('no id')
}

test.each(LANES)('the subject of lane %s names cluster, partition and lane', (lane) => {
  expect(parseReportSubject(reportSubject(id, lane))).toEqual({ partition: partitionOf(id), clusterId: id, lane })
})

test.each([
  ['another partition', `flotilla.v1.${(partitionOf(id) + 1) % 16}.${id}.status`],
  ['another spelling of the partition', `flotilla.v1.0${partitionOf(id)}.${id}.status`],
  ['an unknown lane', `flotilla.v1.${partitionOf(id)}.${id}.secrets`],
  ['a longer subject', `flotilla.v1.${partitionOf(id)}.${id}.status.more`],
  ['an id that only begins like one', `flotilla.v1.${partitionOf(id)}.${id}0.status`],
  ['the hint', HINT_SUBJECT],
])('%s is no report', (_, subject) => {
  expect(parseReportSubject(subject)).toBeUndefined()
})

test('what the hub says to itself has fewer parts than a report', () => {
  for (const subject of [HINT_SUBJECT, NOTICE_SUBJECT, callSubject('r-1')]) expect(subject.split('.').length).toBeLessThan(5)
})
