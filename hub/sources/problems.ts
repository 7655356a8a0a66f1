import type { SourceKind, SourceProblem } from './model.ts'

/** What can go wrong with a fetch, as the part that met it names it. */
export const FAILURES = [
  'unauthorized',
  'credential',
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
  'throttled',
  'values',
  'dependency',
  'signature',
] as const
export type Failure = (typeof FAILURES)[number]

interface Meaning {
  readonly reason: string
  readonly stalled?: true
}

const COMMON: Partial<Record<Failure, Meaning>> = {
  credential: { reason: 'AuthenticationFailed' },
  address: { reason: 'URLInvalid', stalled: true },
  unlisted: { reason: 'AccessDenied', stalled: true },
  url: { reason: 'URLInvalid', stalled: true },
  signature: { reason: 'VerificationError' },
}

/** What of a kind's failures has a reason of its own; the first is that of all others. Source: Flux, source-controller. */
const REASONS: Readonly<Record<SourceKind, { readonly other: string } & Partial<Record<Failure, Meaning>>>> = {
  GitRepository: {
    other: 'GitOperationFailed',
    unauthorized: { reason: 'AuthenticationFailed' },
    'host-key': { reason: 'AuthenticationFailed' },
    range: { reason: 'GitOperationFailed', stalled: true },
  },
  OCIRepository: {
    other: 'OCIArtifactPullFailed',
    ref: { reason: 'ReadOperationFailed' },
    range: { reason: 'ReadOperationFailed', stalled: true },
    tree: { reason: 'OCIArtifactLayerOperationFailed' },
    budget: { reason: 'OCIArtifactLayerOperationFailed' },
  },
  Bucket: { other: 'BucketOperationFailed' },
  HelmRepository: { other: 'Failed', tree: { reason: 'IndexationFailed' }, budget: { reason: 'IndexationFailed' } },
  HelmChart: {
    other: 'ChartPullError',
    unauthorized: { reason: 'ChartPullError' },
    ref: { reason: 'InvalidChartReference', stalled: true },
    range: { reason: 'InvalidChartReference', stalled: true },
    values: { reason: 'ValuesFilesError', stalled: true },
    dependency: { reason: 'DependencyBuildError' },
    tree: { reason: 'ChartPackageError' },
    signature: { reason: 'ChartVerificationError' },
  },
}

/** The problem that objects of the source show. `secrets` are cut out of the text wherever a server or a library repeated them. */
export function fetchProblem(
  kind: SourceKind,
  failure: Failure,
  what: { readonly message: string; readonly secrets?: readonly string[] },
): SourceProblem {
  const { reason, stalled } = REASONS[kind][failure] ?? COMMON[failure] ?? { reason: REASONS[kind].other }
  return { reason, message: withoutSecrets(what.message, what.secrets ?? []), ...(stalled ? { stalled } : {}) }
}

/** The text without user information in URLs and without any of the secrets, plain or base64. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  let clean = text.replace(/:\/\/[^/@\s]*@/g, '://')
  for (const secret of secrets) if (secret.length > 2) clean = clean.replaceAll(secret, '[secret]')
  return clean.length > MAX_MESSAGE ? `${clean.slice(0, MAX_MESSAGE)}…` : clean
}

const MAX_MESSAGE = 2000
