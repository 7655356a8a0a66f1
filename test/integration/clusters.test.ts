import { X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { agentKey, agentUser, type NatsKeys } from '../../hub/bus/claims.ts'
import { createNkey } from '../../hub/bus/nkeys.ts'
import { type HubAuthority, openAuthority } from '../../hub/clusters/io/authority.ts'
import { clusterStore } from '../../hub/clusters/io/store.ts'
import { type ClusterService, createClusterService, type NewToken, type VerifiedCertificate } from '../../hub/clusters/service.ts'
import type { Db } from '../../hub/db/db.ts'
import { systemClock } from '../../proto/base/clock.ts'
import { systemRandom } from '../../proto/base/random.ts'
import { clusterOfNames } from '../../proto/model/identity.ts'
import { createTestKey, type TestKey } from '../support/certs.ts'
import { openTestDatabase, type TestDatabase } from '../support/postgres.ts'

let database: TestDatabase
let db: Db
let authority: HubAuthority
const told: string[] = []
const revoked: string[][] = []
const keys: NatsKeys = { operator: createNkey('operator'), system: createNkey('account'), account: createNkey('account') }

beforeAll(async () => {
  database = await openTestDatabase()
  db = database.db
  authority = await openAuthority((make) => make(), new Date())
})
afterAll(() => database[Symbol.asyncDispose]())

function service(over: { readonly now?: () => Date; readonly lifeMs?: number } = {}): ClusterService {
  return createClusterService({
    store: clusterStore(db),
    authority,
    nats: {
      urls: ['tls://nats'],
      issue: (input) => agentUser(keys, input),
      userOf: (serial) => agentKey(keys, serial).public,
      revoke: async (users) => void revoked.push(users.map(({ user }) => user)),
    },
    listeners: {
      joined: async ({ name, approvedAt }, labels) =>
        void told.push(`joined ${name} ${approvedAt ? 'approved' : 'pending'} ${JSON.stringify(labels)}`),
      expelled: async ({ name }) => void told.push(`expelled ${name}`),
      removed: async ({ name }) => void told.push(`removed ${name}`),
    },
    clock: { ...systemClock, now: over.now ?? systemClock.now },
    random: systemRandom,
    certificateLifeMs: over.lifeMs ?? 86_400_000,
  })
}

const aToken = (over: Partial<NewToken> = {}): NewToken => ({
  description: '',
  clusterName: undefined,
  labels: { tier: 'edge' },
  autoApprove: true,
  uses: 1,
  lifeMs: 3_600_000,
  ...over,
})

function verified(certificate: X509Certificate): VerifiedCertificate {
  const clusterId = clusterOfNames(certificate.subjectAltName)
  if (!clusterId) throw new Error('not of a cluster')
  return { clusterId, serial: certificate.serialNumber.toLowerCase(), der: certificate.raw }
}

async function joined(name: string): Promise<{ key: TestKey; certificate: X509Certificate; text: string }> {
  const key = createTestKey()
  const { text } = await service().createToken(aToken(), 'admin')
  const answer = await service().join({ token: text, clusterName: name, clusterUid: 'u', csr: key.request() })
  if (answer.kind !== 'credentials') throw new Error('not approved')
  return { key, certificate: new X509Certificate(answer.credentials.certificate), text }
}

test('a token and a signing request become a certificate with our subject, never that of the request', async () => {
  const key = createTestKey()
  const { text } = await service().createToken(aToken(), 'admin')
  const csr = key.request('c-ffffffffffffffffffffffff')
  const answer = await service().join({ token: text, clusterName: 'one', clusterUid: 'u', csr })
  if (answer.kind !== 'credentials') throw new Error('not approved')
  const certificate = new X509Certificate(answer.credentials.certificate)
  expect(certificate.subject).toBe(`CN=${answer.credentials.clusterId}`)
  expect(clusterOfNames(certificate.subjectAltName)).toBe(answer.credentials.clusterId)
  expect(certificate.verify(new X509Certificate(authority.certificate).publicKey)).toBe(true)
  expect(told).toContain('joined one approved {"tier":"edge"}')
  expect((await db.query('select 1 from audit where object = $1 and outcome = $2', ['cluster/one', 'approved'])).rowCount).toBe(1)
  const member = await service().member(verified(certificate))
  expect(member.name).toBe('one')
})

test('the same key is the same cluster, another key cannot have its name', async () => {
  const { key, text } = await joined('two')
  const again = await service().join({ token: text, clusterName: 'two', clusterUid: 'u', csr: key.request() })
  expect(again.kind).toBe('credentials')
  await expect(service().join({ token: text, clusterName: 'other', clusterUid: 'u', csr: key.request() })).rejects.toMatchObject({
    code: 'conflict',
  })
  const { text: fresh } = await service().createToken(aToken(), 'admin')
  const thief = createTestKey()
  await expect(service().join({ token: fresh, clusterName: 'two', clusterUid: 'u', csr: thief.request() })).rejects.toMatchObject({
    code: 'already-exists',
  })
})

test('waits for a person when the token does not approve', async () => {
  const key = createTestKey()
  const { text } = await service().createToken(aToken({ autoApprove: false }), 'admin')
  const ask = async () => service().join({ token: text, clusterName: 'three', clusterUid: 'u', csr: key.request() })
  expect(await ask()).toEqual({ kind: 'pending' })
  expect(await ask()).toEqual({ kind: 'pending' })
  await service().approve('three', 'ada')
  expect((await ask()).kind).toBe('credentials')
  expect((await service().list()).find(({ name }) => name === 'three')?.approvedBy).toBe('ada')
})

test.each([
  ['forged', async (text: string) => text.replace(/.$/, (last) => (last === '0' ? '1' : '0')), {}],
  ['of an unknown id', async () => `fjt_${'0'.repeat(16)}_${'0'.repeat(64)}`, {}],
  ['no token at all', async () => 'hello', {}],
  ['expired', async (text: string) => text, { lifeMs: -1 }],
  ['used up', async (text: string) => text, { uses: 0 }],
])('a token that is %s is refused, with an audit entry', async (_, change, over) => {
  const { text } = await service().createToken(aToken(over), 'admin')
  const key = createTestKey()
  const before = (await db.query("select 1 from audit where outcome = 'refused'")).rowCount
  const request = { token: await change(text), clusterName: 'never', clusterUid: 'u', csr: key.request() }
  await expect(service().join(request)).rejects.toMatchObject({ code: 'unauthenticated' })
  expect((await db.query("select 1 from audit where outcome = 'refused'")).rowCount).toBe(before + 1)
})

test('a revoked token and a token for another name are refused', async () => {
  const key = createTestKey()
  const { text, token } = await service().createToken(aToken({ clusterName: 'special' }), 'admin')
  const ask = async (clusterName: string) => service().join({ token: text, clusterName, clusterUid: 'u', csr: key.request() })
  await expect(ask('other-name')).rejects.toMatchObject({ code: 'forbidden' })
  await service().revokeToken(token.id, 'admin')
  await expect(ask('special')).rejects.toMatchObject({ code: 'unauthenticated' })
})

test('one use is one cluster, also when many ask at once', async () => {
  const { text } = await service().createToken(aToken({ uses: 1 }), 'admin')
  const asks = await Promise.allSettled(
    [1, 2, 3, 4, 5].map(async (n) => {
      const key = createTestKey()
      return service().join({ token: text, clusterName: `race-${n}`, clusterUid: 'u', csr: key.request() })
    }),
  )
  expect(asks.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
})

test('an altered signing request, and one of another kind of key, are refused', async () => {
  const { text } = await service().createToken(aToken(), 'admin')
  const csr = createTestKey().request()
  csr[csr.length - 1] = (csr[csr.length - 1] ?? 0) ^ 1
  await expect(service().join({ token: text, clusterName: 'bad', clusterUid: 'u', csr })).rejects.toMatchObject({ code: 'invalid' })
  await expect(service().join({ token: text, clusterName: 'bad', clusterUid: 'u', csr: Buffer.from('junk') })).rejects.toMatchObject({
    code: 'invalid',
  })
})

test('a recorded signing request cannot be played again', async () => {
  const { text } = await service().createToken(aToken(), 'admin')
  const csr = createTestKey().request()
  const request = { token: text, clusterName: 'recorded', clusterUid: 'u', csr }
  await service().join(request)
  await expect(service().join(request)).rejects.toMatchObject({ code: 'forbidden' })
})

test('an expired certificate is good for renewal, with its own key alone', async () => {
  const { key, certificate } = await joined('five')
  const monthLater = service({ now: () => new Date(Date.now() + 30 * 86_400_000) })
  const renewed = await monthLater.renew({ certificate: certificate.raw, csr: key.request() })
  expect(new X509Certificate(renewed.certificate).subjectAltName).toBe(certificate.subjectAltName)
  const other = createTestKey()
  await expect(service().renew({ certificate: certificate.raw, csr: other.request() })).rejects.toMatchObject({ code: 'forbidden' })
})

test('a certificate of another authority renews nothing', async () => {
  const stranger = await openAuthority((make) => make(), new Date())
  const { key, certificate } = await joined('six')
  const clusterId = clusterOfNames(certificate.subjectAltName)
  if (!clusterId) throw new Error('no id')
  const life = { notBefore: new Date(), notAfter: new Date(Date.now() + 86_400_000) }
  const forged = stranger.issue({ publicKey: key.publicKey, serial: certificate.serialNumber.toLowerCase() }, clusterId, life)
  const request = { certificate: new X509Certificate(forged).raw, csr: key.request() }
  await expect(service().renew(request)).rejects.toMatchObject({ code: 'unauthenticated' })
})

test('revoking takes certificate, renewal, session and NATS user at once; the name stays', async () => {
  const { key, certificate, text } = await joined('seven')
  await service().revoke('seven', 'admin')
  expect(told).toContain('expelled seven')
  expect(revoked.at(-1)).toHaveLength(1)
  await expect(service().member(verified(certificate))).rejects.toMatchObject({ code: 'forbidden' })
  await expect(service().renew({ certificate: certificate.raw, csr: key.request() })).rejects.toMatchObject({ code: 'forbidden' })
  await expect(service().join({ token: text, clusterName: 'seven', clusterUid: 'u', csr: key.request() })).rejects.toMatchObject({
    code: 'forbidden',
  })
})

test('removing forgets the cluster and keeps its users out; its name is free again', async () => {
  const { certificate } = await joined('eight')
  const before = revoked.at(-1)?.length ?? 0
  await service().remove('eight', 'admin')
  expect(told).toContain('removed eight')
  expect(revoked.at(-1)?.length).toBe(before + 1)
  await expect(service().member(verified(certificate))).rejects.toMatchObject({
    code: 'unauthenticated',
  })
  await joined('eight')
})

test('certificates that a database set back to an earlier state does not know are taken up, sessions and renewals alike', async () => {
  const { key, certificate } = await joined('forgotten')
  const { serial } = verified(certificate)
  const user = async () => (await db.query<{ nats_user: string }>('select nats_user from certificates where serial = $1', [serial])).rows
  const given = await user()
  const forget = () => db.query('delete from certificates where serial = $1', [serial])
  await forget()
  expect((await service().member(verified(certificate))).name).toBe('forgotten')
  expect(await user()).toEqual(given)
  await forget()
  await service().renew({ certificate: certificate.raw, csr: key.request() })
  await forget()
  await service().revoke('forgotten', 'admin')
  await expect(service().member(verified(certificate))).rejects.toMatchObject({ code: 'unauthenticated' })
  await expect(service().renew({ certificate: certificate.raw, csr: key.request() })).rejects.toMatchObject({ code: 'unauthenticated' })
})
