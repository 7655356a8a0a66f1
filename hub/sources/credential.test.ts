import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { credentialProblem, parseCredential } from './credential.ts'

test.each([
  ['user name and password', { username: 'u', password: 'p' }, { basic: { username: 'u' } }],
  ['keys of an object storage', { accesskey: 'a', secretkey: 's' }, { keys: { accessKey: 'a' } }],
  ['a bearer token with a CA', { bearerToken: 't', 'ca.crt': 'PEM' }, { ca: 'PEM' }],
  ['the old name of a CA', { caFile: 'PEM' }, { ca: 'PEM' }],
  ['a key with its passphrase', { identity: 'K', known_hosts: 'h k', password: 'p', 'identity.pub': 'x' }, { ssh: { knownHosts: 'h k' } }],
])('reads %s', (_, data, expected) => {
  expect(parseCredential(data)).toMatchObject(expected)
})

test.each([
  ['two ways at once', { username: 'u', password: 'p', bearerToken: 't' }, "basic auth and 'bearerToken' cannot be set at the same time"],
  ['a password of nobody', { password: 'p' }, "'password' requires 'username' to be set"],
  ['half a client certificate', { 'tls.crt': 'x' }, "'tls.crt' and 'tls.key' must be set together"],
])('refuses %s', (_, data, message) => {
  expect(parseCredential(data)).toEqual({ reason: 'AuthenticationFailed', message: `invalid auth option: ${message}` })
})

test('ssh needs a key and pinned hosts', () => {
  expect(credentialProblem('ssh://git@x/y', undefined)?.message).toContain("'identity'")
  expect(credentialProblem('ssh://git@x/y', parsed({ identity: 'K' }))?.message).toContain("'known_hosts'")
  expect(credentialProblem('ssh://git@x/y', parsed({ identity: 'K', known_hosts: 'x k' }))).toBeUndefined()
  expect(credentialProblem('https://x/y', undefined)).toBeUndefined()
})

test('a credential that is printed shows no secret', () => {
  const credential = parsed({ identity: 'CANARY', known_hosts: 'x', password: 'CANARY', accesskey: 'a', secretkey: 'CANARY' })
  expect(`${inspect(credential, { depth: 9 })}${JSON.stringify(credential)}`).not.toContain('CANARY')
})

function parsed(data: Record<string, string>) {
  const credential = parseCredential(data)
  if ('reason' in credential) throw new Error(credential.message)
  return credential
}
