import { type ErrorCode, FleetError, messageOf } from '../../proto/base/errors.ts'

/** What the API server says of a request it did not carry out; `reason` is Kubernetes' word, empty where it gave none. */
export interface KubeStatus {
  readonly code: number
  readonly reason: string
  readonly message: string
}

const CODES: Readonly<Record<number, ErrorCode>> = {
  400: 'invalid',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not-found',
  405: 'invalid',
  406: 'invalid',
  409: 'conflict',
  410: 'gone',
  413: 'too-large',
  415: 'invalid',
  422: 'invalid',
  429: 'exhausted',
  500: 'internal',
  502: 'unavailable',
  503: 'unavailable',
  504: 'deadline-exceeded',
}

/** The error of an answer that is not 2xx, in Kubernetes' own words; its status is the cause. */
export function refusal(httpStatus: number, body: string, attempted: string): FleetError {
  return statusError(readStatus(httpStatus, body), attempted)
}

/** The error of a Status object, as a watch delivers it too. */
export function statusError(status: KubeStatus, attempted: string): FleetError {
  // An object that does not fit its schema is answered with a 500 that has no reason.
  if (status.code === 500 && status.message.startsWith('failed to create typed patch object'))
    return new FleetError('invalid', `${attempted}: ${status.message}`, { cause: status })
  const code =
    status.reason === 'AlreadyExists' ? 'already-exists' : (CODES[status.code] ?? (status.code >= 500 ? 'unavailable' : 'invalid'))
  return new FleetError(code, `${attempted}: ${status.message}`, { cause: status })
}

/** What Kubernetes said, when the error is one of its refusals. */
export function statusOf(error: unknown): KubeStatus | undefined {
  if (!(error instanceof FleetError)) return undefined
  const { cause } = error
  return isStatus(cause) ? cause : undefined
}

/** The error of a request that got no answer: refused, reset, timed out, untrusted. */
export function unanswered(error: unknown, attempted: string): FleetError {
  if (error instanceof FleetError) return error
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT' || code === 'UND_ERR_CONNECT_TIMEOUT')
    return new FleetError('deadline-exceeded', `${attempted}: the API server did not answer in time`, { cause: error })
  return new FleetError('unavailable', `${attempted}: no connection to the API server (${messageOf(error)})`, { cause: error })
}

/** True when the connection was closed under a request, which a kept-alive connection may be at any time. */
export function wasCutOff(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE'
}

function readStatus(httpStatus: number, body: string): KubeStatus {
  const parsed = parseJson(body)
  if (typeof parsed === 'object' && parsed !== null && (parsed as { kind?: unknown }).kind === 'Status') {
    const { reason, message } = parsed as { reason?: unknown; message?: unknown }
    return {
      code: httpStatus,
      reason: typeof reason === 'string' ? reason : '',
      message: typeof message === 'string' ? message : `HTTP ${httpStatus}`,
    }
  }
  if (httpStatus === 404) return { code: 404, reason: '', message: 'the server could not find the requested resource' }
  return { code: httpStatus, reason: '', message: body.trim().slice(0, 500) || `HTTP ${httpStatus}` }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isStatus(value: unknown): value is KubeStatus {
  return (
    typeof value === 'object' && value !== null && 'code' in value && 'reason' in value && 'message' in value && !(value instanceof Error)
  )
}
