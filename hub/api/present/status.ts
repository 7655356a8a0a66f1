import { type ErrorCode, FleetError } from '../../../proto/base/errors.ts'
import type { Problem } from '../../../proto/model/ids.ts'

/** A Kubernetes Status: how errors look to clients. */
export interface Status {
  readonly kind: 'Status'
  readonly apiVersion: 'v1'
  readonly metadata: Readonly<Record<string, never>>
  readonly status: 'Success' | 'Failure'
  readonly message?: string
  readonly reason?: string
  readonly details?: Readonly<Record<string, unknown>>
  readonly code: number
}

const ANSWERS: Readonly<Record<ErrorCode, readonly [number, string]>> = {
  invalid: [422, 'Invalid'],
  unauthenticated: [401, 'Unauthorized'],
  forbidden: [403, 'Forbidden'],
  'not-found': [404, 'NotFound'],
  'already-exists': [409, 'AlreadyExists'],
  conflict: [409, 'Conflict'],
  gone: [410, 'Expired'],
  'too-large': [413, 'RequestEntityTooLarge'],
  exhausted: [429, 'TooManyRequests'],
  unavailable: [503, 'ServiceUnavailable'],
  'deadline-exceeded': [504, 'Timeout'],
  aborted: [503, 'ServiceUnavailable'],
  internal: [500, 'InternalError'],
}

/** What a client may learn of an error; of one that is not ours, only the reference under which it was logged. */
export function errorStatus(error: unknown, reference: string): Status {
  if (!(error instanceof FleetError) || error.code === 'internal')
    return failure(500, 'InternalError', `the hub could not answer; its log has the cause under reference ${reference}`)
  if (error.cause instanceof Refused) return error.cause.status
  const [code, reason] = ANSWERS[error.code]
  return failure(code, reason, error.message)
}

export function failure(code: number, reason: string, message: string, details?: Readonly<Record<string, unknown>>): Status {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, ...(details ? { details } : {}), code }
}

export function success(details: Readonly<Record<string, unknown>>): Status {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details, code: 200 }
}

/** The answer for a thing that does not exist, and for one that must not be seen: the same, to the letter. */
export function notFound({ group, plural }: { readonly group: string; readonly plural: string }, name: string): Status {
  const resource = group === '' ? plural : `${plural}.${group}`
  return failure(404, 'NotFound', `${resource} ${JSON.stringify(name)} not found`, { name, group, kind: plural })
}

/** Every problem, each with its path. */
export function invalid(what: string, problems: readonly Problem[]): Status {
  const causes = problems.map(({ path, message }) => ({ reason: 'FieldValueInvalid', message, field: path }))
  return failure(422, 'Invalid', `${what} is invalid: ${listed(problems)}`, { causes })
}

export function unknownFields(what: string, problems: readonly Problem[]): Status {
  const causes = problems.map(({ path, message }) => ({ reason: 'FieldValueInvalid', message, field: path }))
  return failure(400, 'BadRequest', `${what}: strict decoding error: ${listed(problems)}`, { causes })
}

/** Carries a complete answer through code that only knows errors. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly status: Status

  constructor(status: Status) {
    super(status.message)
    this.status = status
  }
}

export function refuse(status: Status): FleetError {
  const code = Object.entries(ANSWERS).find(([, [http]]) => http === status.code)?.[0] ?? 'invalid'
  return new FleetError(code as ErrorCode, status.message ?? status.reason ?? 'refused', { cause: new Refused(status) })
}

function listed(problems: readonly Problem[]): string {
  return problems
    .map(({ path, message }) => (message === 'unknown field' ? `unknown field "${path}"` : path ? `${path}: ${message}` : message))
    .join(', ')
}
