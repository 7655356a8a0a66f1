import { once } from 'node:events'
import { Server, type ServerUnaryCall, type ServerWritableStream, type ServiceError, type sendUnaryData, status } from '@grpc/grpc-js'
import { type ErrorCode, FleetError } from '../../../proto/base/errors.ts'
import type { Log } from '../../../proto/base/log.ts'
import { systemRandom } from '../../../proto/base/random.ts'
import {
  type AgentServiceServer,
  AgentServiceService,
  type Credentials,
  type FetchBundlesRequest,
  type FetchBundlesResponse,
  type JoinRequest,
  type JoinResponse,
  type RenewRequest,
  type RenewResponse,
} from '../../../proto/gen/fleet/v1/agent.ts'
import type { ClusterCredentials } from '../../clusters/model.ts'
import type { ClusterService } from '../../clusters/service.ts'
import type { openBundles } from './bundles.ts'
import type { Peer, SessionStream } from './live.ts'
import { optionalClientCertificate, type PeerCertificate, peerOf } from './peer.ts'

export interface ServerOptions {
  readonly host: string
  readonly port: number
  readonly identity: { readonly certificate: string; readonly privateKey: string; readonly ca: string }
  readonly clusters: Pick<ClusterService, 'join' | 'renew' | 'member'>
  readonly bundles: ReturnType<typeof openBundles>
  /** The peer of a session that is open here with the same certificate: it was found to be a member, and is looked at again and again. */
  readonly present: (certificate: PeerCertificate) => Peer | undefined
  /** Takes over a session whose peer is a member. */
  readonly accept: (peer: Peer, stream: SessionStream) => void
  readonly maxMessageBytes: number
  readonly pendingMs: number
  readonly log: Log
}

/** The gRPC door for agents. */
export async function openServer(options: ServerOptions): Promise<{ readonly port: number } & AsyncDisposable> {
  const server = new Server({
    'grpc.max_receive_message_length': options.maxMessageBytes,
    'grpc.max_send_message_length': options.maxMessageBytes,
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 10_000,
    'grpc.keepalive_permit_without_calls': 1,
    'grpc.max_concurrent_streams': 100,
  })
  server.addService(AgentServiceService, handlers(options))
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${options.host}:${options.port}`, optionalClientCertificate(options.identity), (error, bound) => {
      if (error)
        reject(new FleetError('unavailable', `listen on ${options.host}:${options.port} for agents: ${error.message}`, { cause: error }))
      else resolve(bound)
    })
  })
  return {
    port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.tryShutdown(() => resolve()))
      const patience = setTimeout(() => server.forceShutdown(), 3000)
      await closed
      clearTimeout(patience)
    },
  }
}

function handlers(options: ServerOptions): AgentServiceServer {
  return {
    join: (call, answer) => unary(options, answer, () => join(options, call)),
    renew: (call, answer) => unary(options, answer, () => renew(options, call)),
    session: (stream) => {
      // Nothing that the agent says before its membership is checked is lost.
      stream.pause()
      memberOf(options, stream).then(
        (peer) => {
          options.accept(peer, stream)
          stream.resume()
        },
        (error: unknown) => stream.emit('error', toStatus(error, options.log)),
      )
    },
    fetchBundles: (stream) => {
      sendBundles(options, stream).then(
        () => stream.end(),
        (error: unknown) => stream.emit('error', toStatus(error, options.log)),
      )
    },
  }
}

function unary<T>({ log }: ServerOptions, answer: sendUnaryData<T>, work: () => Promise<T>): void {
  work().then(
    (value) => answer(null, value),
    (error: unknown) => answer(toStatus(error, log)),
  )
}

async function join(
  { clusters, pendingMs }: ServerOptions,
  { request }: ServerUnaryCall<JoinRequest, JoinResponse>,
): Promise<JoinResponse> {
  const joined = await clusters.join(request)
  if (joined.kind === 'pending') return { answer: { $case: 'pendingMs', value: pendingMs } }
  return { answer: { $case: 'credentials', value: credentialsToWire(joined.credentials) } }
}

async function renew({ clusters }: ServerOptions, { request }: ServerUnaryCall<RenewRequest, RenewResponse>): Promise<RenewResponse> {
  return { credentials: credentialsToWire(await clusters.renew(request)) }
}

async function memberOf(
  { clusters }: ServerOptions,
  call: SessionStream | ServerWritableStream<FetchBundlesRequest, FetchBundlesResponse>,
): Promise<Peer> {
  const certificate = peerOf(call)
  const cluster = await clusters.member(certificate)
  return { ...certificate, name: cluster.name }
}

async function sendBundles(options: ServerOptions, stream: ServerWritableStream<FetchBundlesRequest, FetchBundlesResponse>): Promise<void> {
  const peer = options.present(peerOf(stream)) ?? (await memberOf(options, stream))
  const gone = new AbortController()
  stream.once('cancelled', () => gone.abort(new FleetError('aborted', 'send bundles: the agent went away')))
  for await (const chunk of options.bundles.fetch(peer.clusterId, stream.request.digests)) {
    gone.signal.throwIfAborted()
    if (!stream.write(chunk)) await once(stream, 'drain', { signal: gone.signal })
  }
}

function credentialsToWire(credentials: ClusterCredentials): Credentials {
  return {
    ...credentials,
    natsUrls: [...credentials.natsUrls],
    notAfter: BigInt(credentials.notAfter.getTime()),
    natsSeed: Buffer.from(credentials.natsSeed),
  }
}

const STATUS = {
  invalid: status.INVALID_ARGUMENT,
  unauthenticated: status.UNAUTHENTICATED,
  forbidden: status.PERMISSION_DENIED,
  'not-found': status.NOT_FOUND,
  'already-exists': status.ALREADY_EXISTS,
  conflict: status.FAILED_PRECONDITION,
  gone: status.OUT_OF_RANGE,
  'too-large': status.RESOURCE_EXHAUSTED,
  exhausted: status.RESOURCE_EXHAUSTED,
  unavailable: status.UNAVAILABLE,
  'deadline-exceeded': status.DEADLINE_EXCEEDED,
  aborted: status.CANCELLED,
  internal: status.UNKNOWN,
} as const satisfies Record<ErrorCode, status>

/** What an agent may learn of an error: ours as it is, but for failures inside the hub; those are logged and get a reference. */
function toStatus(error: unknown, log: Log): Pick<ServiceError, 'code' | 'details'> {
  if (error instanceof FleetError && error.code !== 'internal' && !(error.cause instanceof Error && error.code === 'unavailable')) {
    return { code: STATUS[error.code], details: error.message }
  }
  const reference = systemRandom.hex(4)
  log.error({ event: 'stream.failed', err: error, reason: reference }, 'a call of an agent failed')
  const code = error instanceof FleetError ? STATUS[error.code] : status.UNKNOWN
  return { code, details: `the hub failed; its log has more under ${reference}` }
}
