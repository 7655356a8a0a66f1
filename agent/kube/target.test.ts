import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { type Clock, systemClock } from '../../proto/base/clock.ts'
import { refusal, statusOf, unanswered } from './classify.ts'
import { serviceAccount } from './subject.ts'
import { inClusterTarget, kubeconfigTarget } from './target.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'flotilla-kube-'))
})
afterEach(() => rm(dir, { recursive: true }))

const config = async (user: object, cluster: object = {}) => {
  const path = join(dir, 'config')
  await writeFile(
    path,
    stringify({
      'current-context': 'c',
      contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
      clusters: [{ name: 'k', cluster: { server: 'https://example.com:6443/', ...cluster } }],
      users: [{ name: 'u', user }],
    }),
  )
  return kubeconfigTarget(path, systemClock)
}

test('reads tokens, certificates and keys, inline or from files beside the kubeconfig', async () => {
  await writeFile(join(dir, 'ca.pem'), 'CA')
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const target = await config(
    { token: 't', 'client-certificate-data': base64('CERT'), 'client-key-data': base64('KEY') },
    { 'certificate-authority': 'ca.pem' },
  )
  expect(target).toMatchObject({ server: 'https://example.com:6443', ca: 'CA', cert: 'CERT' })
  expect(target.key?.reveal()).toBe('KEY')
  expect((await target.token?.())?.reveal()).toBe('t')
  expect(JSON.stringify(target)).not.toContain('KEY')
})

test.each([{ exec: { command: 'aws' } }, { 'auth-provider': { name: 'gcp' } }])('refuses credentials from a program', async (user) => {
  await expect(config(user)).rejects.toThrow(/gets its credentials from a program, which the agent does not run/)
})

test('a context that is not there is named', async () => {
  await config({})
  await expect(kubeconfigTarget(join(dir, 'config'), systemClock, 'other')).rejects.toThrow('context "other"')
})

test('the token of the pod is read again when it may have been renewed', async () => {
  let now = 0
  const clock: Clock = { ...systemClock, now: () => new Date(now) }
  await writeFile(join(dir, 'ca.crt'), 'CA')
  await writeFile(join(dir, 'token'), 'one\n')
  const target = await inClusterTarget({ host: 'fd00::1', port: '443' }, clock, dir)
  expect(target.server).toBe('https://[fd00::1]:443')
  const token = async () => (await target.token?.())?.reveal()
  expect(await token()).toBe('one')
  await writeFile(join(dir, 'token'), 'two\n')
  expect(await token()).toBe('one')
  now = 60_000
  expect(await token()).toBe('two')
})

test.each([
  ['', 'x'],
  ['ns', ''],
  ['ns:x', 'y'],
  ['NS', 'y'],
])('there is no subject for ServiceAccount %j/%j', (namespace, name) => {
  expect(() => serviceAccount(namespace, name)).toThrow(/names no account/)
})

const status = (reason: string, message: string) => JSON.stringify({ kind: 'Status', reason, message })
test.each([
  [401, status('Unauthorized', 'Unauthorized'), 'unauthenticated', 'Unauthorized'],
  [403, status('Forbidden', 'no'), 'forbidden', 'no'],
  [404, status('NotFound', 'gone'), 'not-found', 'gone'],
  [404, '404 page not found', 'not-found', 'the server could not find the requested resource'],
  [409, status('AlreadyExists', 'there'), 'already-exists', 'there'],
  [409, status('Conflict', 'changed'), 'conflict', 'changed'],
  [410, status('Expired', 'too old'), 'gone', 'too old'],
  [422, status('Invalid', 'bad'), 'invalid', 'bad'],
  [429, status('TooManyRequests', 'slow'), 'exhausted', 'slow'],
  [500, status('', 'failed to create typed patch object (x)'), 'invalid', 'failed to create typed patch object (x)'],
  [500, status('InternalError', 'oops'), 'internal', 'oops'],
  [503, '', 'unavailable', 'HTTP 503'],
  [504, status('Timeout', 'late'), 'deadline-exceeded', 'late'],
])('HTTP %i %s is %s', (code, body, expected, message) => {
  const error = refusal(code, body, 'get X')
  expect([error.code, error.message]).toEqual([expected, `get X: ${message}`])
  expect(statusOf(error)?.code).toBe(code)
})

test('a connection that fails is unavailable, and says so', () => {
  const error = unanswered(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }), 'get X')
  expect([error.code, error.message]).toEqual(['unavailable', 'get X: no connection to the API server (connect ECONNREFUSED)'])
  expect(statusOf(error)).toBeUndefined()
})
