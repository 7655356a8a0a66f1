import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect, jwtAuthenticator } from '@nats-io/transport-node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openAgentBus } from '../../agent/bus/bus.ts'
import type { Bus } from '../../hub/bus/bus.ts'
import { agentUser } from '../../hub/bus/claims.ts'
import { ensureReports, reportConsumer } from '../../hub/bus/reports.ts'
import { silentLog } from '../../proto/base/log.ts'
import { systemRandom } from '../../proto/base/random.ts'
import { type ClusterId, parseClusterId } from '../../proto/model/ids.ts'
import { callSubject, HINT_SUBJECT, inboxPrefix, partitionOf, reportSubject } from '../../proto/model/subjects.ts'
import { openTestNats, type TestNats } from '../support/nats.ts'

const signal = AbortSignal.timeout(120_000)
const A = id('c-0123456789abcdef01234567')
const B = id('c-0123456789abcdef01234568')
let nats: TestNats
let bus: Bus
beforeAll(async () => {
  nats = await openTestNats()
  bus = await nats.openBus()
  await ensureReports(bus, { signal })
})
afterAll(async () => {
  await bus[Symbol.asyncDispose]()
  await nats[Symbol.asyncDispose]()
})

function id(text: string): ClusterId {
  const parsed = parseClusterId(text)
  if (!parsed) throw new Error(`bad id ${text}`)
  return parsed
}

function credentialsOf(clusterId: ClusterId, lifeMs = 3_600_000) {
  const now = new Date()
  const user = agentUser(nats.keys, { clusterId, serial: systemRandom.hex(16), now, notAfter: new Date(now.getTime() + lifeMs) })
  return { clusterId, natsUrls: [nats.url], natsJwt: user.jwt, natsSeed: user.seed, ca: nats.authority.certificate, user: user.user }
}

function rawConnection(credentials: ReturnType<typeof credentialsOf>, prefix = inboxPrefix(credentials.clusterId)) {
  const authenticator = jwtAuthenticator(credentials.natsJwt, Buffer.from(credentials.natsSeed))
  return connect({ servers: nats.url, tls: { ca: credentials.ca }, authenticator, inboxPrefix: prefix, reconnect: false })
}

test('a report arrives once, however often it is repeated, and stays until it is acknowledged', async () => {
  await using agent = openAgentBus({ credentials: credentialsOf(A), log: silentLog, signal })
  await agent.opened()
  await agent.publish('status', Buffer.from('one'), { id: '1' })
  await agent.publish('status', Buffer.from('one'), { id: '1' })
  await agent.publish('status', Buffer.from('two'), { id: '2' })
  const consumer = await reportConsumer(bus, partitionOf(A))
  const seen: string[] = []
  for await (const message of await consumer.fetch({ max_messages: 10, expires: 1000 })) {
    expect(message.subject).toBe(reportSubject(A, 'status'))
    seen.push(message.string())
    message.ack()
  }
  expect(seen).toEqual(['one', 'two'])
})

test.each([
  ["another cluster's lane", reportSubject(B, 'status')],
  ['a hint to the hub', HINT_SUBJECT],
  ['a call to a replica', callSubject('r-1')],
  ['the JetStream API', '$JS.API.INFO'],
  ['the server itself', '$SYS.REQ.CLAIMS.UPDATE'],
])('an agent may not publish %s', async (_, subject) => {
  const connection = await rawConnection(credentialsOf(A))
  try {
    const refused = firstError(connection)
    connection.publish(subject, 'x')
    await connection.flush()
    expect(await refused).toMatch(/Permissions Violation for Publish/i)
  } finally {
    await connection.close()
  }
})

test.each([
  ['the reports of all', 'flotilla.v1.>'],
  ['hints', HINT_SUBJECT],
  ["another agent's inbox", `${inboxPrefix(B)}.>`],
  ['everything', '>'],
])('an agent may not listen to %s', async (_, subject) => {
  const connection = await rawConnection(credentialsOf(A))
  try {
    const refused = firstError(connection)
    connection.subscribe(subject, { callback: () => undefined })
    await connection.flush()
    expect(await refused).toMatch(/Permissions Violation for Subscription/i)
  } finally {
    await connection.close()
  }
})

async function firstError(connection: Awaited<ReturnType<typeof rawConnection>>): Promise<string> {
  for await (const status of connection.status()) if (status.type === 'error') return status.error.message
  return 'closed without an error'
}

test('nobody connects without a token, and an expired one is refused', async () => {
  await expect(connect({ servers: nats.url, tls: { ca: nats.authority.certificate }, reconnect: false })).rejects.toThrow(
    /authorization violation/i,
  )
  await expect(rawConnection(credentialsOf(A, -60_000))).rejects.toThrow(/auth/i)
})

test('revoking a user ends its open connection at once and keeps it out, and nobody else', async () => {
  const credentials = credentialsOf(A)
  const connection = await rawConnection(credentials)
  const other = await rawConnection(credentialsOf(B))
  await bus.revoke([{ user: credentials.user, until: new Date(Date.now() + 7_200_000) }])
  await connection.closed()
  await expect(rawConnection(credentials)).rejects.toThrow(/auth/i)
  await other.flush()
  expect(other.isClosed()).toBe(false)
  await other.close()
})

test('replicas ask each other, and hear when nobody is there', async () => {
  await using other = await nats.openBus({ replica: 'r-2' })
  using _served = other.serve(callSubject('r-2'), async (bytes) => Buffer.concat([bytes, Buffer.from('!')]))
  await other.connection.flush()
  expect(Buffer.from(await bus.request(callSubject('r-2'), Buffer.from('hi'), { timeoutMs: 2000 })).toString()).toBe('hi!')
  await expect(bus.request(callSubject('r-3'), Buffer.from('hi'), { timeoutMs: 2000 })).rejects.toMatchObject({ code: 'unavailable' })
  using _silent = other.serve(callSubject('r-4'), () => new Promise(() => undefined))
  await other.connection.flush()
  await expect(bus.request(callSubject('r-4'), Buffer.from('hi'), { timeoutMs: 200 })).rejects.toMatchObject({ code: 'deadline-exceeded' })
})

test('a killed server comes back with what it had, and both sides find it again', async () => {
  const agent = openAgentBus({ credentials: credentialsOf(B), log: silentLog, signal })
  await agent.opened()
  await agent.publish('events', Buffer.from('before'), { id: 'b1' })
  await nats.restart({ kill: true })
  await expect
    .poll(
      () =>
        agent.publish('events', Buffer.from('after'), { id: 'b2' }).then(
          () => 'sent',
          (error: Error) => error.message,
        ),
      { timeout: 20_000 },
    )
    .toBe('sent')
  await expect.poll(() => bus.connected(), { timeout: 20_000 }).toBe(true)
  const consumer = await reportConsumer(bus, partitionOf(B))
  const seen: string[] = []
  for await (const message of await consumer.fetch({ max_messages: 2, expires: 5000 })) {
    seen.push(message.string())
    message.ack()
  }
  expect(seen).toEqual(['before', 'after'])
  await agent[Symbol.asyncDispose]()
})

// A connection that begins while the server reloads is refused, and a request through it was lost: the hub ended over it.
test('a server that is taken over has reloaded when the hub goes on', async () => {
  const reloads = () => readFileSync(join(nats.folder, 'nats.log'), 'utf8').split('Reloaded server configuration').length - 1
  const before = reloads()
  for (const times of [1, 2, 3, 4, 5]) {
    await nats.adopt()
    expect(reloads() - before).toBe(times)
  }
})

test('the stream of reports is made ready although the server is killed under the request for it', async () => {
  const ready = ensureReports(bus, { signal })
  await Promise.all([ready, nats.restart({ kill: true })])
})

test('a server that does not answer ends the start with a sentence that names the stream', async () => {
  process.kill(nats.pid(), 'SIGSTOP')
  try {
    await expect(ensureReports(bus, { signal, patienceMs: 200 })).rejects.toThrow(/make the stream REPORTS in NATS: timeout/)
  } finally {
    process.kill(nats.pid(), 'SIGCONT')
  }
})

// An agent that was off while its certificate ended begins with an expired user; it hung on that one for ever.
test('an agent that begins with expired credentials connects as soon as it has new ones', async () => {
  await using agent = openAgentBus({ credentials: credentialsOf(A, -60_000), log: silentLog, signal })
  await expect(agent.publish('status', Buffer.from('early'), { id: 'x' })).rejects.toThrow('NATS is away')
  await agent.renew(credentialsOf(A))
  await agent.opened()
  await agent.publish('status', Buffer.from('late'), { id: 'y' })
})
