import { expect, test } from 'vitest'
import type { Manifest } from '../../../proto/model/manifest.ts'
import { type Patron, serve } from './serve.ts'

const repository = (url: string): Manifest => ({
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind: 'GitRepository',
  metadata: { name: 'app', namespace: 'shop' },
  spec: { url, interval: '1m' },
})
const patron = (hosts?: readonly string[]): Patron => ({ credentialId: undefined, trusted: false, tenant: { tenant: 'shop', hosts } })
const keyOf = (given: Patron) => {
  const served = serve(repository('https://git.example.com/app'), given)
  return served && 'key' in served ? served.key : expect.fail('it was not served')
}

test('a host that is not on the list of the tenant is refused, and the sentence names host, tenant and field', () => {
  for (const url of ['https://evil.example/app', 'ssh://git@evil.example/app', 'http://evil.example:8080/git.example.com'])
    expect(serve(repository(url), patron(['git.example.com']))).toEqual({
      problem: {
        reason: 'AccessDenied',
        message:
          'tenant shop may not fetch from there: evil.example is not among the hosts that spec.sources.hosts of the tenant names (git.example.com); an administrator can add it there',
        stalled: true,
      },
    })
})

test('a host that is on the list is fetched from, and the list goes with the source', () => {
  expect(serve(repository('https://git.example.com/app'), patron(['git.example.com']))).toMatchObject({ hosts: ['git.example.com'] })
})

test('tenants share a source only where the same may be reached for them', () => {
  const keys = [undefined, ['git.example.com'], ['git.example.com', 'other.example']].map((hosts) => keyOf(patron(hosts)))
  expect(new Set([...keys, keyOf({ credentialId: undefined, trusted: true, tenant: undefined })]).size).toBe(4)
  expect(keyOf(patron(['b.example', 'git.example.com']))).toBe(keyOf(patron(['git.example.com', 'b.example', 'b.example'])))
})
