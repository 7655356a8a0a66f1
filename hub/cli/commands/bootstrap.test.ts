import { expect, test } from 'vitest'
import { credentialProblems, pathBelow } from './bootstrap.ts'

const HTTPS = 'https://git.example.com/fleet.git'
const SSH = 'ssh://git@git.example.com/fleet.git'

test.each([
  ['no credentials', { url: HTTPS }],
  ['a user and a password', { url: HTTPS, username: 'git', passwordStdin: true as const }],
  ['a key and host keys', { url: SSH, privateKeyFile: 'key', knownHostsFile: 'hosts' }],
])('%s go with the address', (_name, options) => {
  expect(credentialProblems(options)).toEqual([])
})

test.each([
  ['ssh without host keys', { url: SSH, privateKeyFile: 'key' }, 'ssh needs --private-key-file and --known-hosts-file'],
  ['a key with https', { url: HTTPS, privateKeyFile: 'key' }, 'are for ssh:// addresses'],
  ['a user without a password', { url: HTTPS, username: 'git' }, '--username and --password-stdin go together'],
  ['the form of scp', { url: 'git@git.example.com:team/fleet' }, 'write it as ssh://git@git.example.com/team/fleet'],
  ['a file', { url: 'file:///srv/fleet' }, 'must begin with https://, http:// or ssh://'],
])('%s is refused with the next step', (_name, options, sentence) => {
  expect(credentialProblems(options)[0]).toContain(sentence)
})

test('a password in the address is refused, and not repeated', () => {
  const [problem] = credentialProblems({ url: 'https://git:hunter2@git.example.com/fleet.git' })
  expect(problem).toContain('--password-stdin')
  expect(problem).not.toContain('hunter2')
})

test.each([
  ['clusters/staging', './clusters/staging'],
  ['./clusters/staging', './clusters/staging'],
  ['/clusters/staging', './clusters/staging'],
  ['.', './'],
  ['./', './'],
])('the path %s is written as %s', (given, written) => {
  expect(pathBelow(given)).toBe(written)
})
