import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, jwtAuthenticator, type NatsConnection, NoRespondersError, RequestError, TimeoutError } from '@nats-io/transport-node'
import { systemClock } from '../../proto/base/clock.ts'
import { FleetError, messageOf } from '../../proto/base/errors.ts'
import type { Log } from '../../proto/base/log.ts'
import { HINT_SUBJECT } from '../../proto/model/subjects.ts'
import { accountJwt, hubUser, type NatsKeys } from './claims.ts'

/** The hub's connection to NATS: hints, words between replicas, and the streams in which reports wait. */
export interface Bus extends AsyncDisposable {
  readonly connection: NatsConnection
  readonly streams: JetStreamClient
  readonly manager: JetStreamManager
  /** True while the connection stands. */
  connected(): boolean
  /** Tells all replicas that rows have changed: once per transaction, after its commit. Lost hints are healed by polling. */
  hint(): void
  onHint(heard: () => void): Disposable
  publish(subject: string, bytes: Uint8Array): void
  subscribe(subject: string, heard: (bytes: Uint8Array) => void): Disposable
  /** Asks whoever serves the subject. @throws `unavailable` when nobody does, `deadline-exceeded` when no answer came in time */
  request(subject: string, bytes: Uint8Array, options: { readonly timeoutMs: number }): Promise<Uint8Array>
  /** Answers requests, many at a time; a failure of `answer` leaves the asker without one. */
  serve(subject: string, answer: (bytes: Uint8Array) => Promise<Uint8Array>): Disposable
  /** Makes the servers turn away these users, at once and for connections that stand. */
  revoke(revoked: readonly { readonly user: string; readonly until: Date }[]): Promise<void>
}

export interface BusOptions {
  readonly url: string
  /** CA of the server's certificate, PEM. */
  readonly ca: string
  readonly keys: NatsKeys
  readonly replica: string
  readonly log: Log
  readonly signal: AbortSignal
}

export async function openBus(options: BusOptions): Promise<Bus> {
  await using scope = new AsyncDisposableStack()
  const connection = await dial(options, 'account')
  scope.defer(() => close(connection))
  const system = await dial(options, 'system')
  scope.defer(() => close(system))
  watch(connection, options.log)
  const owned = scope.move()
  const subscribe = (subject: string, heard: (bytes: Uint8Array) => void): Disposable => {
    const subscription = connection.subscribe(subject, {
      callback: (error, message) => (error ? complain(options.log, subject, error) : heard(message.data)),
    })
    return { [Symbol.dispose]: () => subscription.unsubscribe() }
  }
  return {
    connection,
    streams: jetstream(connection),
    manager: await jetstreamManager(connection, { checkAPI: false }),
    connected: () => !connection.isClosed() && up.has(connection),
    hint: () => publish(connection, HINT_SUBJECT, new Uint8Array()),
    onHint: (heard) => subscribe(HINT_SUBJECT, () => heard()),
    publish: (subject, bytes) => publish(connection, subject, bytes),
    subscribe,
    request: (subject, bytes, { timeoutMs }) => request(connection, subject, { bytes, timeoutMs }),
    serve: (subject, answer) => serve(connection, subject, { answer, log: options.log }),
    revoke: (revoked) => pushAccount(system, accountJwt(options.keys, revoked, systemClock.now())),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

const up = new WeakSet<NatsConnection>()

async function dial(options: BusOptions, as: 'account' | 'system'): Promise<NatsConnection> {
  const user = hubUser(options.keys[as], `hub-${options.replica}`, systemClock.now())
  options.signal.throwIfAborted()
  try {
    const connection = await connect({
      servers: options.url,
      tls: { ca: options.ca },
      authenticator: jwtAuthenticator(user.jwt, Buffer.from(user.seed)),
      name: `hub ${options.replica} ${as}`,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      reconnectJitterTLS: 500,
      pingInterval: 10_000,
      timeout: 10_000,
    })
    up.add(connection)
    return connection
  } catch (error) {
    throw new FleetError(
      'unavailable',
      `connect to NATS at ${options.url}: ${messageOf(error)}; check FLOTILLA_NATS_URL and that the server runs`,
      {
        cause: error,
      },
    )
  }
}

function watch(connection: NatsConnection, log: Log): void {
  const follow = async () => {
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') {
        up.delete(connection)
        log.warn({ event: 'bus.disconnected' }, 'lost the connection to NATS')
      } else if (status.type === 'reconnect') {
        up.add(connection)
        log.info({ event: 'bus.reconnected' }, 'connected to NATS again')
      } else if (status.type === 'error') log.warn({ event: 'bus.error', err: status.error }, 'NATS refused something')
    }
  }
  follow().catch((error: unknown) => log.error({ event: 'bus.error', err: error }, 'stopped watching the connection to NATS'))
}

/** Where the connection is down, what is said through it is a hint that polling makes good. */
function publish(connection: NatsConnection, subject: string, bytes: Uint8Array): void {
  if (!connection.isClosed()) connection.publish(subject, bytes)
}

async function request(
  connection: NatsConnection,
  subject: string,
  { bytes, timeoutMs }: { bytes: Uint8Array; timeoutMs: number },
): Promise<Uint8Array> {
  try {
    return (await connection.request(subject, bytes, { timeout: timeoutMs })).data
  } catch (error) {
    const cause = error instanceof RequestError ? error.cause : error
    if (error instanceof NoRespondersError || cause instanceof NoRespondersError) {
      throw new FleetError('unavailable', `ask ${subject}: nobody is there`, { cause: error })
    }
    if (error instanceof TimeoutError || cause instanceof TimeoutError) {
      throw new FleetError('deadline-exceeded', `ask ${subject}: no answer within ${timeoutMs} ms`, { cause: error })
    }
    throw new FleetError('unavailable', `ask ${subject}: ${messageOf(error)}`, { cause: error })
  }
}

function serve(
  connection: NatsConnection,
  subject: string,
  { answer, log }: { answer: (bytes: Uint8Array) => Promise<Uint8Array>; log: Log },
): Disposable {
  const subscription = connection.subscribe(subject, {
    callback: (error, message) => {
      if (error) complain(log, subject, error)
      else
        answer(message.data).then(
          (bytes) => message.respond(bytes),
          (failure: unknown) => complain(log, subject, failure),
        )
    },
  })
  return { [Symbol.dispose]: () => subscription.unsubscribe() }
}

/** Servers with the full resolver take a new account claim while they run, and end connections of users it revokes. */
async function pushAccount(system: NatsConnection, jwt: string): Promise<void> {
  const answer = await request(system, '$SYS.REQ.CLAIMS.UPDATE', { bytes: Buffer.from(jwt), timeoutMs: 5000 })
  const said = JSON.parse(Buffer.from(answer).toString()) as { data?: { code?: number }; error?: { description?: string } }
  if (said.data?.code !== 200) {
    throw new FleetError(
      'unavailable',
      `push the NATS account: the server said ${said.error?.description ?? 'nothing'}; it needs the full resolver`,
    )
  }
}

function complain(log: Log, subject: string, error: unknown): void {
  log.warn({ event: 'bus.failed', subject, err: error }, 'could not handle a message')
}

async function close(connection: NatsConnection): Promise<void> {
  if (connection.isClosed()) return
  await connection.drain().catch(() => connection.close())
}
