import { type ServiceError, status } from '@grpc/grpc-js'
import { type ErrorCode, FleetError } from '../../../proto/base/errors.ts'
import type { Log } from '../../../proto/base/log.ts'
import { systemRandom } from '../../../proto/base/random.ts'

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
export function toStatus(error: unknown, log: Log): Pick<ServiceError, 'code' | 'details'> {
  if (error instanceof FleetError && error.code !== 'internal' && !(error.cause instanceof Error && error.code === 'unavailable')) {
    return { code: STATUS[error.code], details: error.message }
  }
  const reference = systemRandom.hex(4)
  log.error({ event: 'stream.failed', err: error, reason: reference }, 'a call of an agent failed')
  const code = error instanceof FleetError ? STATUS[error.code] : status.UNKNOWN
  return { code, details: `the hub failed; its log has more under ${reference}` }
}
