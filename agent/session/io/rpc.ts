import { credentials as grpc, type ServiceError, status } from '@grpc/grpc-js'
import { type ErrorCode, FleetError } from '../../../proto/base/errors.ts'
import { AgentServiceClient } from '../../../proto/gen/fleet/v1/agent.ts'
import { HUB_NAME } from '../../../proto/model/identity.ts'

const CODES: Partial<Record<status, ErrorCode>> = {
  [status.INVALID_ARGUMENT]: 'invalid',
  [status.UNAUTHENTICATED]: 'unauthenticated',
  [status.PERMISSION_DENIED]: 'forbidden',
  [status.NOT_FOUND]: 'not-found',
  [status.ALREADY_EXISTS]: 'already-exists',
  [status.FAILED_PRECONDITION]: 'conflict',
  [status.RESOURCE_EXHAUSTED]: 'exhausted',
  [status.DEADLINE_EXCEEDED]: 'deadline-exceeded',
  [status.CANCELLED]: 'aborted',
  [status.UNAVAILABLE]: 'unavailable',
}

const MAX_MESSAGE_BYTES = 8 * 1024 * 1024

const IS_IP = /^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:.]+\]):\d+$/i

export interface HubAddress {
  /** `host:port` */
  readonly address: string
  /** The hub's CA, PEM. */
  readonly ca: string
}

/** A connection to the hub, with the cluster's certificate where there is one. The caller closes it. */
export function openClient(hub: HubAddress, own?: { readonly certificate: string; readonly privateKey: string }): AgentServiceClient {
  const channel = own
    ? grpc.createSsl(Buffer.from(hub.ca), Buffer.from(own.privateKey), Buffer.from(own.certificate))
    : grpc.createSsl(Buffer.from(hub.ca))
  return new AgentServiceClient(hub.address, channel, {
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 10_000,
    'grpc.keepalive_permit_without_calls': 1,
    // Its own backoff would only delay ours.
    'grpc.initial_reconnect_backoff_ms': 200,
    'grpc.max_reconnect_backoff_ms': 2000,
    'grpc.use_local_subchannel_pool': 1,
    // TLS has no server names that are addresses.
    ...(IS_IP.test(hub.address) ? { 'grpc.ssl_target_name_override': HUB_NAME } : {}),
  })
}

/** A gRPC failure as ours. */
export function fromGrpc(error: unknown, attempted: string): FleetError {
  if (error instanceof FleetError) return error
  const { code, details } = error as Partial<ServiceError>
  return new FleetError((code !== undefined && CODES[code]) || 'internal', `${attempted}: ${details ?? String(error)}`, { cause: error })
}

/** A unary call as a promise, with a deadline. */
export function ask<T>(
  attempted: string,
  start: (options: { readonly deadline: Date }, answer: (error: ServiceError | null, value: T) => void) => { cancel(): void },
  { now, timeoutMs, signal }: { readonly now: Date; readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<T> {
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const call = start({ deadline: new Date(now.getTime() + timeoutMs) }, (error, value) =>
    error ? reject(fromGrpc(error, attempted)) : resolve(value),
  )
  const stop = () => call.cancel()
  signal.addEventListener('abort', stop, { once: true })
  return promise.finally(() => signal.removeEventListener('abort', stop))
}
