import { expect, test } from 'vitest'
import { refusedAddress, refusedHost, unlistedHost } from './addresses.ts'

const tenant = { privateNetworks: false, allow: [] }
const platform = { privateNetworks: true, allow: [] }

test.each([
  ...['127.0.0.1', '127.9.9.9', '::1', '0.0.0.0', '::', '169.254.169.254', 'fe80::1%eth0', 'fd00:ec2::254'],
  ...['::ffff:127.0.0.1', '::ffff:7f00:1', '64:ff9b::7f00:1', '2002:7f00:1::', '224.0.0.1', '255.255.255.255', 'ff02::1', 'nonsense'],
])('%s is refused for everybody', (address) => {
  expect(refusedAddress(address, platform)).toBeDefined()
  expect(refusedAddress(address, tenant)).toBeDefined()
})

test.each(['10.1.2.3', '172.16.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1', 'fd12::1', '::ffff:10.0.0.1'])(
  '%s is for the platform alone',
  (address) => {
    expect(refusedAddress(address, platform)).toBeUndefined()
    expect(refusedAddress(address, tenant)).toContain('private network')
  },
)

test.each(['140.82.112.3', '172.32.0.1', '11.0.0.1', '2606:4700::1111', '::ffff:8.8.8.8'])('%s is open to all', (address) => {
  expect(refusedAddress(address, tenant)).toBeUndefined()
})

test.each([
  'localhost',
  'x.localhost',
  'git.default.svc',
  'git.default.svc.cluster.local',
  'a.svc.corp',
  'GIT.Default.SVC.',
  '[::1]',
  '127.0.0.1',
])('the host %s is refused before its name is resolved', (host) => {
  expect(refusedHost(host, platform)).toContain('FLOTILLA_FETCH_ALLOW')
})

test('what the configuration names is allowed', () => {
  const allow = ['127.0.0.1', 'git.corp', '*.lab.example', '10.1.0.0/16', 'fd12::/32']
  const policy = { privateNetworks: false, allow }
  expect(refusedHost('127.0.0.1', policy)).toBeUndefined()
  expect(refusedAddress('10.1.9.9', policy)).toBeUndefined()
  expect(refusedAddress('fd12::9', policy)).toBeUndefined()
  expect(refusedAddress('10.2.0.1', policy, 'git.corp')).toBeUndefined()
  expect(refusedAddress('10.2.0.1', policy, 'a.lab.example')).toBeUndefined()
  expect(refusedAddress('10.2.0.1', policy, 'evil-lab.example')).toContain('evil-lab.example leads to 10.2.0.1')
  expect(refusedAddress('127.0.0.2', policy)).toBeDefined()
})

test.each([
  ['github.com', 443, true],
  ['GitHub.com.', 443, true],
  ['gist.github.com', 443, false],
  ['evilgithub.com', 443, false],
  ['a.corp.example', 443, true],
  ['a.b.corp.example', 22, true],
  ['corp.example', 443, false],
  ['git.lab', 8443, true],
  ['git.lab', 443, false],
  ['git.lab.evil.example', 8443, false],
])('a list of hosts says of %s:%i: %s', (host, port, listed) => {
  const hosts = ['github.com', '*.corp.example', 'git.lab:8443']
  expect(unlistedHost(host, port, { hosts }) === undefined).toBe(listed)
})

test('without a list every host is open, with an empty one none', () => {
  expect(unlistedHost('github.com', 443, {})).toBeUndefined()
  expect(unlistedHost('github.com', 443, { hosts: [] })).toContain('(none)')
})

test('a private address is open to a tenant where its list names the host, a loopback one is not', () => {
  const listing = { privateNetworks: false, allow: [], hosts: ['git.corp', '10.0.0.7', 'localhost'] }
  expect(refusedAddress('10.2.0.1', listing, 'git.corp')).toBeUndefined()
  expect(refusedAddress('10.2.0.1', listing, 'other.corp')).toContain('private network')
  expect(refusedHost('10.0.0.7', listing)).toBeUndefined()
  expect(refusedHost('localhost', listing)).toContain('FLOTILLA_FETCH_ALLOW')
  expect(refusedAddress('127.0.0.1', listing, 'git.corp')).toContain('FLOTILLA_FETCH_ALLOW')
})
