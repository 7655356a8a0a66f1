import { expect, test } from 'vitest'
import { fetchProblem, withoutSecrets } from './problems.ts'

test('secrets and user information are cut out of what servers say', () => {
  const text = 'fatal: https://bob:hunter2@git.example said hunter2 aHVudGVyMg=='
  expect(withoutSecrets(text, ['hunter2', 'aHVudGVyMg=='])).toBe('fatal: https://git.example said [secret] [secret]')
})

test('what only a change of configuration can mend is stalled', () => {
  expect(fetchProblem('address', 'x')).toEqual({ reason: 'URLInvalid', message: 'x', stalled: true })
  expect(fetchProblem('unauthorized', 'x')).toEqual({ reason: 'AuthenticationFailed', message: 'x' })
})
