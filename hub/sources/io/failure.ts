import type { Failure } from '../problems.ts'

/** A failure of a fetch with a name, as opposed to a disorder of the hub's own. */
export class FetchFailure extends Error {
  override readonly name = 'FetchFailure'
  readonly failure: Failure
  /** How long the server asks to be left alone. */
  readonly retryAfterMs: number | undefined

  constructor(failure: Failure, message: string, options: ErrorOptions & { readonly retryAfterMs?: number | undefined } = {}) {
    super(message, options)
    this.failure = failure
    this.retryAfterMs = options.retryAfterMs
  }
}
