import { anyOf } from '../../../proto/base/signals.ts'
import type { FetchOutcome, FetchRequest } from '../ports.ts'
import { fetchProblem } from '../problems.ts'
import { FetchFailure } from './failure.ts'
import { shownUrl } from './http/client.ts'
import { type OpenCredential, openCredential, secretsOf } from './open-credential.ts'

/** How one look ends: failures with a name are problems of the source, without its secrets; the source's time limit holds for all of it. */
export async function outcomeOf(
  request: Pick<FetchRequest, 'kind' | 'credential' | 'timeoutMs' | 'url'>,
  signal: AbortSignal,
  look: (credential: OpenCredential, within: AbortSignal) => Promise<FetchOutcome>,
): Promise<FetchOutcome> {
  const credential = openCredential(request.credential)
  const late = AbortSignal.timeout(request.timeoutMs)
  try {
    return await look(credential, anyOf(signal, late))
  } catch (error) {
    signal.throwIfAborted()
    const failure = late.aborted
      ? new FetchFailure(
          'timeout',
          `${URL.canParse(request.url) ? shownUrl(request.url) : request.url}: no answer within ${request.timeoutMs} ms`,
        )
      : error
    if (!(failure instanceof FetchFailure)) throw error
    const problem = fetchProblem(request.kind, failure.failure, { message: failure.message, secrets: secretsOf(credential) })
    return { kind: 'problem', problem, retryAfterMs: failure.retryAfterMs }
  }
}
