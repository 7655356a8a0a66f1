import { type ErrorCode, FleetError, messageOf } from '../../proto/base/errors.ts'

/**
 * Exit codes of the flotilla program. Persisted in scripts: do not change. `failed` is also "not ready", `usage` a command
 * or file that is wrong, `refused` not found or not allowed, `unreachable` a hub or cluster that gives no answer. A diff
 * ends as kubectl's: `differs` where there are differences, more where it could not be made.
 */
export const EXIT = { ok: 0, failed: 1, differs: 1, usage: 2, refused: 3, unreachable: 4, untold: 5, stopped: 130 } as const

const OF_CODE: Partial<Record<ErrorCode, number>> = {
  invalid: EXIT.usage,
  'not-found': EXIT.refused,
  unauthenticated: EXIT.refused,
  forbidden: EXIT.refused,
  unavailable: EXIT.unreachable,
}

/** What the program ends with, and the sentence on stderr. */
export function failureOf(error: unknown): { readonly code: number; readonly sentence: string } {
  const code = error instanceof FleetError ? (OF_CODE[error.code] ?? EXIT.failed) : EXIT.failed
  return { code, sentence: messageOf(error) }
}
