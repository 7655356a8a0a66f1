import { type ErrorCode, FleetError, messageOf } from '../../proto/base/errors.ts'

/** SQLSTATE (or its class of two characters) → our code. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  '23505': 'already-exists',
  '23503': 'conflict',
  '23514': 'invalid',
  '22': 'invalid',
  '40': 'conflict',
  '53': 'exhausted',
  '08': 'unavailable',
  '57': 'unavailable',
}

const NETWORK = /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOST)/

/** Postgres' (or the socket's) error as ours: unique → `already-exists`, serialisation and deadlock → `conflict`, connection → `unavailable`. */
export function fromPostgres(error: unknown, attempted: string): FleetError {
  if (error instanceof FleetError) return error
  const code = sqlState(error)
  const constraint = typeof error === 'object' && error !== null && 'constraint' in error ? ` (${String(error.constraint)})` : ''
  return new FleetError(codeOf(code, error), `${attempted}: ${messageOf(error)}${constraint}`, { cause: error })
}

/** True when the transaction lost against another one and would probably pass if run again. */
export function lostRace(error: unknown): boolean {
  const cause = error instanceof FleetError ? error.cause : error
  return /^(40001|40P01)$/.test(sqlState(cause))
}

/** Why a server that answers lets nobody in, which waiting does not change, in its own words; undefined for every other error. */
export function refusedEntry(error: unknown): string | undefined {
  const cause = error instanceof FleetError ? error.cause : error
  // 28: password or user; 3D000: no such database. The words name user and database, never the password.
  if (/^(28|3D000)/.test(sqlState(cause))) return `the server refuses: ${messageOf(cause)}`
  // The client's own words, before it sends anything.
  return /password must be a string/.test(messageOf(cause)) ? 'the server asks for a password and the address has none' : undefined
}

function codeOf(code: string, error: unknown): ErrorCode {
  const known = CODES[code] ?? CODES[code.slice(0, 2)]
  if (known) return known
  return NETWORK.test(code) || /terminated|timeout exceeded|not queryable/i.test(messageOf(error)) ? 'unavailable' : 'internal'
}

function sqlState(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
