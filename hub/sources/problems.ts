import type { SourceProblem } from './model.ts'

/** What can go wrong with a fetch, as the part that met it names it. */
export const FAILURES = [
  'unauthorized',
  'host-key',
  'not-found',
  'address',
  'unlisted',
  'url',
  'ref',
  'range',
  'budget',
  'tree',
  'timeout',
  'memory',
  'network',
  'protocol',
] as const
export type Failure = (typeof FAILURES)[number]

const REASONS: Readonly<Record<Failure, { readonly reason: string; readonly stalled?: true }>> = {
  unauthorized: { reason: 'AuthenticationFailed' },
  'host-key': { reason: 'AuthenticationFailed' },
  'not-found': { reason: 'GitOperationFailed' },
  address: { reason: 'URLInvalid', stalled: true },
  unlisted: { reason: 'AccessDenied', stalled: true },
  url: { reason: 'URLInvalid', stalled: true },
  ref: { reason: 'GitOperationFailed' },
  range: { reason: 'GitOperationFailed', stalled: true },
  budget: { reason: 'GitOperationFailed' },
  tree: { reason: 'GitOperationFailed' },
  timeout: { reason: 'GitOperationFailed' },
  memory: { reason: 'GitOperationFailed' },
  network: { reason: 'GitOperationFailed' },
  protocol: { reason: 'GitOperationFailed' },
}

/** The problem that objects of the source show. `secrets` are cut out of the text wherever a server or a library repeated them. */
export function fetchProblem(failure: Failure, message: string, secrets: readonly string[] = []): SourceProblem {
  const { reason, stalled } = REASONS[failure]
  return { reason, message: withoutSecrets(message, secrets), ...(stalled ? { stalled } : {}) }
}

/** The text without user information in URLs and without any of the secrets, plain or base64. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  let clean = text.replace(/:\/\/[^/@\s]*@/g, '://')
  for (const secret of secrets) if (secret.length > 2) clean = clean.replaceAll(secret, '[secret]')
  return clean.length > MAX_MESSAGE ? `${clean.slice(0, MAX_MESSAGE)}…` : clean
}

const MAX_MESSAGE = 2000
