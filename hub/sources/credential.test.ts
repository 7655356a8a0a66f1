import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { credentialProblem, parseCredential, proxyProblem } from './credential.ts'

test.each([
  ['user name and password', { username: 'u', password: 'p' }, { basic: { username: 'u' } }],
  ['keys of an object storage', { accesskey: 'a', secretkey: 's' }, { keys: { accessKey: 'a' } }],
  ['a bearer token with a CA', { bearerToken: 't', 'ca.crt': 'PEM' }, { ca: 'PEM' }],
  ['the old name of a CA', { caFile: 'PEM' }, { ca: 'PEM' }],
  ['a proxy', { 'proxy.address': 'http://proxy:3128/' }, { proxy: { address: 'http://proxy:3128' } }],
  [
    'a proxy beside the login of the server',
    { username: 'u', password: 'p', 'proxy.address': 'https://proxy', 'proxy.username': 'v', 'proxy.password': 'q' },
    { basic: { username: 'u' }, proxy: { address: 'https://proxy', login: { username: 'v' } } },
  ],
  [
    'a login in the address of a proxy',
    { 'proxy.address': 'http://v%40x:q@proxy:3128' },
    { proxy: { address: 'http://proxy:3128', login: { username: 'v@x' } } },
  ],
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

test.each([
  ['another protocol', 'socks5://u:CANARY@proxy', "'address' must begin with http:// or https://, not with socks5://"],
  ['no address', 'proxy CANARY', "'address' is not the address of a proxy"],
])('refuses a proxy with %s, without repeating it', (_, address, message) => {
  expect(parseCredential({ 'proxy.address': address })).toEqual({
    reason: 'AuthenticationFailed',
    message: `failed to get proxy address: ${message}`,
  })
})

test('what names a proxy is not fetched past it', () => {
  const message = "failed to get proxy address: the secret of spec.proxySecretRef has no 'address'"
  const proxied = { ref: {}, proxied: true } as const
  for (const options of [proxied, { chart: 'app', version: '', git: proxied }]) {
    expect(proxyProblem({ options }, undefined)).toEqual({ reason: 'AuthenticationFailed', message })
    expect(proxyProblem({ options }, parsed({ username: 'u', password: 'p' }))?.message).toBe(message)
    expect(proxyProblem({ options }, parsed({ 'proxy.address': 'http://proxy' }))).toBeUndefined()
  }
  expect(proxyProblem({ options: { ref: {} } }, undefined)).toBeUndefined()
})

test('the key of a GitHub App is not taken for no credential', () => {
  expect(parseCredential({ githubAppID: '1' })).toMatchObject({ reason: 'InvalidProviderConfiguration' })
})

test('ssh needs a key and pinned hosts', () => {
  expect(credentialProblem('ssh://git@x/y', undefined)?.message).toContain("'identity'")
  expect(credentialProblem('ssh://git@x/y', parsed({ identity: 'K' }))?.message).toContain("'known_hosts'")
  expect(credentialProblem('ssh://git@x/y', parsed({ identity: 'K', known_hosts: 'x k' }))).toBeUndefined()
  expect(credentialProblem('https://x/y', undefined)).toBeUndefined()
})

test('a credential that is printed shows no secret', () => {
  const keys = { accesskey: 'a', secretkey: 'CANARY', 'proxy.address': 'http://u:CANARY@x' }
  const credential = parsed({ identity: 'CANARY', known_hosts: 'x', password: 'CANARY', ...keys })
  expect(`${inspect(credential, { depth: 9 })}${JSON.stringify(credential)}`).not.toContain('CANARY')
})

function parsed(data: Record<string, string>) {
  const credential = parseCredential(data)
  if ('reason' in credential) throw new Error(credential.message)
  return credential
}
