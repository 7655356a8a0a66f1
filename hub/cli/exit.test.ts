import { expect, test } from 'vitest'
import { type ErrorCode, FleetError } from '../../proto/base/errors.ts'
import { failureOf } from './exit.ts'

test.each<[ErrorCode, number, string]>([
  ['conflict', 1, 'an object that is not ready'],
  ['deadline-exceeded', 1, 'an object that is not ready in time'],
  ['invalid', 2, 'a command or file that is wrong'],
  ['not-found', 3, 'a name that does not exist'],
  ['forbidden', 3, 'a right that is missing'],
  ['unauthenticated', 3, 'a token that is not good'],
  ['unavailable', 4, 'a hub or cluster that gives no answer'],
])('%s ends with %i: %s', (code, exit, sentence) => {
  expect(failureOf(new FleetError(code, sentence))).toEqual({ code: exit, sentence })
})

test('anything else ends with 1', () => {
  expect(failureOf(new TypeError('x is not a function'))).toEqual({ code: 1, sentence: 'x is not a function' })
})
