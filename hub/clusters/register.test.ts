import { expect, test } from 'vitest'
import { parseClusterId } from '../../proto/model/ids.ts'
import type { Certificate, Cluster, JoinToken } from './model.ts'
import { decideJoin, decideRenewal, type JoinFacts, type RenewFacts } from './register.ts'

const now = new Date('2026-01-01T00:00:00Z')
const id = parseClusterId('c-0123456789abcdef01234567') ?? raise()
function raise(): never {
  throw new Error('no id')
}
const token: JoinToken = {
  ...{ id: 't', hash: 'h', description: '', clusterName: undefined, labels: {}, autoApprove: true, usesLeft: 1 },
  ...{ expiresAt: new Date(now.getTime() + 1000), revokedAt: undefined, createdAt: now, createdBy: 'ada' },
}
const cluster: Cluster = { id, name: 'one', clusterUid: 'u', publicKey: 'K', createdAt: now, approvedAt: now, approvedBy: 'ada' }
const facts: JoinFacts = { token, name: 'one', publicKey: 'K', byName: undefined, byKey: undefined, keyRevoked: false, now }
const expired = { ...token, expiresAt: now }

test.each<[string, Partial<JoinFacts>, string]>([
  ['a good token and a free name', {}, 'register'],
  ['no such token', { token: undefined }, 'unauthenticated'],
  ['a revoked token, even for a known key', { token: { ...token, revokedAt: now }, byKey: cluster, byName: cluster }, 'unauthenticated'],
  ['a token that ends this very moment', { token: expired }, 'unauthenticated'],
  ['a token without uses', { token: { ...token, usesLeft: 0 } }, 'unauthenticated'],
  ['a token for another name', { token: { ...token, clusterName: 'two' } }, 'forbidden'],
  ['a name that cannot be one', { name: 'One.Two' }, 'invalid'],
  ['a name that another key has', { byName: { ...cluster, publicKey: 'L' } }, 'already-exists'],
  [
    'a known key with its name, its token expired and used up',
    { byKey: cluster, byName: cluster, token: { ...expired, usesLeft: 0 } },
    'known',
  ],
  ['a known key with another name', { byKey: { ...cluster, name: 'two' } }, 'conflict'],
  ['a key that was revoked', { byKey: cluster, byName: cluster, keyRevoked: true }, 'forbidden'],
])('%s', (_, over, expected) => {
  const decision = decideJoin({ ...facts, ...over })
  expect(decision.kind === 'refused' ? decision.code : decision.kind).toBe(expected)
})

const certificate: Certificate = { serial: '1', clusterId: id, publicKey: 'K', natsUser: 'U', notAfter: new Date(0), revokedAt: undefined }
const renewal: RenewFacts = { certificateKey: 'K', requestKey: 'K', certificate, cluster }

test.each<[string, Partial<RenewFacts>, string]>([
  ['an expired certificate with its own key renews', {}, 'renew'],
  ['a revoked one does not', { certificate: { ...certificate, revokedAt: now } }, 'forbidden'],
  ['an unknown one does not', { certificate: undefined }, 'unauthenticated'],
  ['one of a cluster that is gone does not', { cluster: undefined }, 'unauthenticated'],
  ['another key does not', { requestKey: 'L' }, 'forbidden'],
  ['a certificate of another key than ours on record does not', { certificateKey: 'L', requestKey: 'L' }, 'forbidden'],
])('%s', (_, over, expected) => {
  const decision = decideRenewal({ ...renewal, ...over })
  expect(decision.kind === 'refused' ? decision.code : decision.kind).toBe(expected)
})
