import { type ErrorCode, FleetError, messageOf } from '../../proto/base/errors.ts'

/** Exit codes of the flotilla program. Scripts rely on them: do not change. */
export const EXIT = { ok: 0, failed: 1, usage: 2, notFound: 3, refused: 4, unreachable: 5, late: 6 } as const

const OF_CODE: Partial<Record<ErrorCode, number>> = {
  invalid: EXIT.usage,
  'not-found': EXIT.notFound,
  unauthenticated: EXIT.refused,
  forbidden: EXIT.refused,
  unavailable: EXIT.unreachable,
  'deadline-exceeded': EXIT.late,
}

/** What the program ends with, and the sentence on stderr. */
export function failureOf(error: unknown): { readonly code: number; readonly sentence: string } {
  const code = error instanceof FleetError ? (OF_CODE[error.code] ?? EXIT.failed) : EXIT.failed
  return { code, sentence: messageOf(error) }
}
