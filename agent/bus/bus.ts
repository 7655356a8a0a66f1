import { JetStreamApiError, jetstream } from '@nats-io/jetstream'
import { connect, jwtAuthenticator, type NatsConnection } from '@nats-io/transport-node'
import { FleetError, messageOf } from '../../proto/base/errors.ts'
import type { Log } from '../../proto/base/log.ts'
import { systemRandom } from '../../proto/base/random.ts'
import type { ClusterId } from '../../proto/model/ids.ts'
import { inboxPrefix, type Lane, reportSubject } from '../../proto/model/subjects.ts'

/** What an agent needs to speak to NATS; all of it comes with its certificate. */
export interface BusCredentials {
  readonly clusterId: ClusterId
  readonly natsUrls: readonly string[]
  readonly natsJwt: string
  readonly natsSeed: string
  /** CA of the servers, PEM. */
  readonly ca: string
}

/** The agent's way up: reports go into the hub's stream, and each is acknowledged by the broker or refused. */
export interface AgentBus extends AsyncDisposable {
  /** True while the connection stands. */
  connected(): boolean
  /**
   * Puts a report into its lane.
   * @param id  equal for repetitions of the same report, so that the broker takes it once
   * @throws `unavailable` when nobody answered (it may be stored or not), `exhausted` when the lane is full; both: keep it and try later
   */
  publish(lane: Lane, bytes: Uint8Array, options: { readonly id: string }): Promise<void>
  /** Resolves with the first connection; rejects only with the signal's reason. */
  opened(): Promise<void>
  /** Uses renewed credentials from the next connection on, which is made now. */
  renew(credentials: BusCredentials): Promise<void>
}

const ACK_MS = 5000

/** Connects, and stays so: tries as long as it takes, with jitter, however long NATS is away, each time with the credentials of then. */
export function openAgentBus(options: { readonly credentials: BusCredentials; readonly log: Log; readonly signal: AbortSignal }): AgentBus {
  // Unguessable, so that nobody else's report can be taken for a repetition of ours.
  const salt = systemRandom.hex(12)
  let { credentials } = options
  const { clusterId } = credentials
  const stopped = Promise.withResolvers<never>()
  const stop = () => stopped.reject(options.signal.reason)
  options.signal.addEventListener('abort', stop, { once: true })
  const dialing = dial(() => credentials, options)
  // A first connection may take for ever; one that comes after the end is closed.
  options.signal.addEventListener('abort', () => void dialing.then(({ nats }) => nats.close()).catch(() => undefined), { once: true })
  let line: Line | undefined
  const connected = Promise.race([dialing, stopped.promise]).then((made) => {
    line = made
  })
  connected.catch(() => undefined)
  return {
    connected: () => line?.up() ?? false,
    async publish(lane, bytes, { id }) {
      const subject = reportSubject(clusterId, lane)
      if (!line?.up()) throw new FleetError('unavailable', `report to ${subject}: NATS is away`)
      try {
        await jetstream(line.nats, { timeout: ACK_MS }).publish(subject, bytes, { msgID: `${salt}.${lane}.${id}` })
      } catch (error) {
        throw refusal(subject, error)
      }
    },
    async renew(next) {
      credentials = next
      if (line?.up()) await line.nats.reconnect()
    },
    opened: () => connected,
    async [Symbol.asyncDispose]() {
      options.signal.removeEventListener('abort', stop)
      await line?.nats.close()
    },
  }
}

interface Line {
  readonly nats: NatsConnection
  up(): boolean
}

async function dial(current: () => BusCredentials, { log, signal }: { readonly log: Log; readonly signal: AbortSignal }): Promise<Line> {
  signal.throwIfAborted()
  const credentials = current()
  const nats = await connect({
    servers: [...credentials.natsUrls],
    tls: { ca: credentials.ca },
    authenticator: jwtAuthenticator(
      () => current().natsJwt,
      () => Buffer.from(current().natsSeed),
    ),
    inboxPrefix: inboxPrefix(credentials.clusterId),
    name: `agent ${credentials.clusterId}`,
    waitOnFirstConnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 500,
    reconnectJitter: 2000,
    reconnectJitterTLS: 2000,
    ignoreAuthErrorAbort: true,
    pingInterval: 20_000,
    timeout: 10_000,
  }).catch((error: unknown) => {
    throw new FleetError('unavailable', `connect to NATS: ${messageOf(error)}`, { cause: error })
  })
  return { nats, up: follow(nats, log) }
}

function follow(nats: NatsConnection, log: Log): () => boolean {
  let up = true
  const watch = async () => {
    for await (const status of nats.status()) {
      if (status.type === 'disconnect') {
        up = false
        log.warn({ event: 'bus.disconnected' }, 'lost the connection to NATS')
      } else if (status.type === 'reconnect') {
        up = true
        log.info({ event: 'bus.reconnected' }, 'connected to NATS again')
      } else if (status.type === 'error') log.warn({ event: 'bus.error', err: status.error }, 'NATS refused something')
    }
  }
  watch().catch((error: unknown) => log.error({ event: 'bus.error', err: error }, 'stopped watching the connection to NATS'))
  return () => up && !nats.isClosed()
}

function refusal(subject: string, error: unknown): FleetError {
  if (error instanceof JetStreamApiError)
    return new FleetError('exhausted', `report to ${subject}: refused: ${error.message}`, { cause: error })
  return new FleetError('unavailable', `report to ${subject}: ${messageOf(error)}`, { cause: error })
}
